#include <fmt/format.h>

#include "base/json.h"
#include "redshift/load/copy_job.h"
#include "redshift/load/loading.h"
#include "redshift/load/scan_failure.h"
#include "redshift/load/staging.h"

namespace stroma::redshift {
namespace {

std::string_view name_of(CopyFormat format) {
    switch (format) {
        case CopyFormat::csv: return "Csv";
        case CopyFormat::json: return "Json";
        case CopyFormat::parquet: return "Parquet";
        case CopyFormat::fixed_width: return "FixedWidth";
        default: return "Text";
    }
}

/// In the transaction of the rows.
Answer<void> note_files(EngineSession& session, const LoadTarget& target,
                        const std::vector<LoadFile>& files, const CopyOptions& options,
                        const JobRun* job) {
    for (const LoadFile& file : files)
        TRY(session.change(
            "INSERT INTO stroma_system.load_commits VALUES ((SELECT coalesce(max(\"number\"), "
            "100) FROM stroma_system.users WHERE id = ?), ?, 0, 'stroma', ?, 0, ?, ?, "
            "CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP), 1, ?, 0, 0, ?, ?, ?, ?, ?)",
            std::vector<sql::Value>{
                session.user_id(), session.query_number(), file.url,
                static_cast<std::int64_t>(file.lines), static_cast<std::int64_t>(file.errors),
                std::string(name_of(options.format)),
                job == nullptr ? sql::Value{} : sql::Value(job->id), target.table.key(), file.etag,
                static_cast<std::int64_t>(file.bytes), static_cast<std::int64_t>(file.rows)}));
    return {};
}

/// No row, but an error at a text past its column's length. A condition, as it leaves the scan's
/// dictionaries as they are; a column of choices would make texts of them. Blanks are looked at
/// only where a text is too long with them: the engine may work out both sides of AND for every
/// row.
std::string text_lengths(const LoadTarget& target) {
    std::string cases, longer;
    for (const LoadColumn& column : target.columns) {
        if (column.kind != ValueKind::text || column.length == 0) continue;
        const std::string value = fmt::format("CAST({} AS VARCHAR)", quoted_name(column.name));
        longer +=
            fmt::format("{}strlen({}) > {}", longer.empty() ? "" : " OR ", value, column.length);
        cases += fmt::format(
            " WHEN strlen({0}) > {1} AND strlen(rtrim({0}, ' ')) > {1} THEN error({2} || "
            "strlen({0}))",
            value, column.length,
            quoted_text(fmt::format("value too long for type {}({}): the column {} has a text of "
                                    "bytes ",
                                    column.is_char ? "character" : "character varying",
                                    column.length, column.name)));
    }
    if (cases.empty()) return cases;
    return fmt::format(" WHERE CASE WHEN {} THEN CASE{} ELSE true END ELSE true END", longer,
                       cases);
}

Answer<std::int64_t> copy_parquet(EngineSession& session, const LoadTarget& target,
                                  std::vector<LoadFile>& files) {
    Staging staging(session.engine().staging());
    std::string paths;
    std::vector<ScannedFile> scanned;
    for (const LoadFile& file : files) {
        const fs::path path = TRY(staging.take(*file.object));
        scanned.emplace_back(path.string(), file.url);
        paths += (paths.empty() ? "" : ", ") + quoted_text(path.string());
    }
    std::vector<TableColumn> loaded;
    std::string names;
    for (std::size_t at = 0; at < target.columns.size(); ++at) {
        const LoadColumn& column = target.columns[at];
        loaded.push_back({column.name, "", "", true});
        names += (at > 0 ? ", " : "") + quoted_name(column.name);
    }
    const std::string order = sort_order(target.attributes, loaded, "");
    const auto rows = session.change(fmt::format(
        "INSERT INTO {} ({}) SELECT * FROM (SELECT * FROM read_parquet([{}])) AS loaded({}){}{}",
        target.table.sql(), target.column_list(), paths, names, text_lengths(target),
        order.empty() ? "" : " ORDER BY " + order));
    if (!rows) return fail(scan_failure(rows.error(), scanned));
    if (files.size() == 1) files[0].rows = files[0].lines = static_cast<std::uint64_t>(*rows);
    if (files.size() > 1) {
        const auto counts = TRY(session.query(fmt::format(
            "SELECT num_rows FROM parquet_file_metadata([{}]) ORDER BY file_name", paths)));
        for (LoadFile& file : files)
            if (TRY(counts->next()))
                file.rows = file.lines = static_cast<std::uint64_t>(counts->integer(0));
    }
    return *rows;
}

/// What a failed load says: the row that ended it.
Failure load_failure(const LoadTarget& target, const LoadScan& scan) {
    Failure failure("XX000", fmt::format("Load into table '{}' failed.  Check 'stl_load_errors' "
                                         "system table for details.",
                                         target.table.name));
    const LoadError& last = scan.errors().back();
    failure.detail =
        fmt::format("{}, line {}: {} {}", last.file, last.line, last.code, last.reason);
    return failure;
}

}  // namespace

Answer<std::vector<std::string>> json_paths_of(EngineSession& session, const CopyOptions& options) {
    std::vector<std::string> paths;
    if (options.format != CopyFormat::json || !options.json.starts_with("s3://")) return paths;
    const Address address = TRY(parse_address(options.json));
    const std::string text = TRY(read_object(session, address, 4u << 20));
    const auto parsed = parse_json(text);
    const bool is_right = parsed && parsed->is_object() && parsed->contains("jsonpaths") &&
                          (*parsed)["jsonpaths"].is_array();
    if (!is_right) return refuse("XX000", fmt::format("Invalid JSONPath file {}", options.json));
    for (const Json& path : (*parsed)["jsonpaths"]) {
        if (!path.is_string() || !path.get<std::string>().starts_with('$'))
            return refuse("XX000", fmt::format("Invalid JSONPath file {}", options.json));
        paths.push_back(path.get<std::string>());
    }
    return paths;
}

Answer<std::int64_t> load_files(EngineSession& session, const std::vector<Token>& tokens,
                                const CopyStatement& copy, const JobRun* job) {
    auto target =
        TRY(load_target(session, tokens, copy.table_at, copy.columns, copy.options.explicit_ids));
    const auto paths = TRY(json_paths_of(session, copy.options));
    std::vector<LoadFile> files;
    if (job == nullptr) files = TRY(find_files(session, copy));
    const bool is_parquet = copy.options.format == CopyFormat::parquet;
    std::shared_ptr<LoadScan> scan;
    const auto work = [&]() -> Answer<std::int64_t> {
        // What a job takes follows from what it took: it looks while the table is its own.
        if (job != nullptr) files = TRY(new_files(session, copy, *job));
        if (files.empty()) return 0;
        if (!is_parquet)
            scan =
                std::make_shared<LoadScan>(std::move(files), target.columns, copy.options, paths);
        const std::int64_t rows =
            is_parquet ? TRY(copy_parquet(session, target, files))
                       : TRY(insert_rows(session, target, scan, copy.options.no_load));
        if (!copy.options.no_load)
            TRY(note_files(session, target, is_parquet ? files : scan->files(), copy.options, job));
        return rows;
    };
    auto loaded = session.write({target.table.key()}, false, work);
    if (scan != nullptr) {
        const auto kept = keep_errors(session, target, scan->errors());
        if (!kept && loaded) return fail(Failure(kept.error()));
        if (!loaded && scan->has_failed()) return fail(load_failure(target, *scan));
    }
    if (!loaded) return fail(std::move(loaded.error()));
    session.last_copy_count = *loaded;
    session.last_copy_query = session.query_number();
    session.tell({"INFO", "00000",
                  fmt::format("Load into table '{}' completed, {} record(s) loaded successfully.",
                              target.table.name, *loaded)});
    if (scan != nullptr && !scan->errors().empty())
        session.tell({"WARNING", "00000",
                      fmt::format("Load into table '{}' completed, {} record(s) could not be "
                                  "loaded.  Check 'stl_load_errors' system table for details.",
                                  target.table.name, scan->errors().size())});
    return *loaded;
}

Answer<std::unique_ptr<Cursor>> run_copy(EngineSession& session, const Prepared& prepared) {
    if (prepared.statement.kind == StatementKind::copy_job) return run_copy_job(session, prepared);
    const auto copy = TRY(read_copy(prepared.plan->tokens));
    if (copy.job) return create_copy_job(session, prepared, copy);
    const std::int64_t rows = TRY(load_files(session, prepared.plan->tokens, copy, nullptr));
    return done(StatementKind::copy_from_s3, rows);
}

}  // namespace stroma::redshift
