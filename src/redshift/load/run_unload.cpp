#include <fmt/format.h>

#include <map>

#include "base/json.h"
#include "redshift/load/byte_source.h"
#include "redshift/load/loading.h"
#include "redshift/load/row_text.h"
#include "redshift/load/staging.h"
#include "redshift/rights.h"

namespace stroma::redshift {
namespace {

struct Unloaded {
    std::string url;
    std::uint64_t bytes = 0;
    std::int64_t rows = 0;
};

class Unload {
public:
    Unload(EngineSession& session, CopyStatement statement)
        : session_(session),
          statement_(std::move(statement)),
          options_(statement_.options),
          lake_(*session.engine().options.lake),
          principal_(session.options().principal) {}

    Answer<std::int64_t> run();

private:
    Answer<void> make_room();
    Answer<void> text_files(Cursor& cursor);
    Answer<void> parquet_files(const std::string& sql);
    Answer<void> manifest(const std::vector<Column>& columns);
    Answer<void> put(const std::string& name, std::string_view bytes, std::int64_t rows);
    Answer<void> put_text(const std::string& name, std::string_view text, std::int64_t rows) {
        const std::string packed = TRY(compressed(text, options_.compression));
        return put(name, packed, rows);
    }
    Answer<void> put_file(const std::string& name, const fs::path& path, std::int64_t rows);
    std::string extension() const {
        if (!options_.extension.empty()) return "." + options_.extension;
        switch (options_.compression) {
            case Compression::gzip: return ".gz";
            case Compression::zstd: return ".zst";
            case Compression::bzip2: return ".bz2";
            case Compression::none: break;
        }
        return options_.format == CopyFormat::parquet ? ".parquet" : "";
    }
    std::string part_name(std::size_t number) const {
        if (!options_.parallel) return fmt::format("{:03}{}", number, extension());
        return fmt::format("0000_part_{:02}{}", number, extension());
    }
    std::string partition_of(const Cursor& cursor, std::vector<bool>& left_out) const;

    EngineSession& session_;
    CopyStatement statement_;
    const CopyOptions& options_;
    Lake& lake_;
    const catalog::Principal& principal_;
    Address prefix_;
    std::vector<Unloaded> made_;
    std::int64_t rows_ = 0;
};

Answer<void> Unload::make_room() {
    const auto there = TRY(lake_.list(principal_, prefix_));
    if (there.empty() || options_.allow_overwrite) return {};
    if (!options_.clean_path)
        return refuse("XX000",
                      fmt::format("Specified unload destination on S3 is not empty. Consider "
                                  "using a different bucket / prefix, manually removing the "
                                  "target files in S3, or using the ALLOWOVERWRITE option. "
                                  "({})",
                                  there.front().address.url()));
    for (const LakeObject& object : there) TRY(lake_.remove(principal_, object.address));
    return {};
}

Answer<void> Unload::put(const std::string& name, std::string_view bytes, std::int64_t rows) {
    const Address address{prefix_.bucket, prefix_.key + name};
    const auto writer = TRY(lake_.create(principal_, address));
    TRY(writer->write(as_bytes(bytes)));
    TRY(writer->commit());
    made_.push_back({address.url(), bytes.size(), rows});
    return {};
}

Answer<void> Unload::put_file(const std::string& name, const fs::path& path, std::int64_t rows) {
    const Address address{prefix_.bucket, prefix_.key + name};
    const auto writer = TRY(lake_.create(principal_, address));
    const auto file = TRY(File::open_to_read(path));
    const std::uint64_t size = TRY(file.size());
    Bytes block(1u << 20);
    for (std::uint64_t at = 0; at < size; at += block.size()) {
        const std::span part(block.data(), std::min<std::uint64_t>(block.size(), size - at));
        TRY(file.read_at(at, part));
        TRY(writer->write(part));
    }
    TRY(writer->commit());
    made_.push_back({address.url(), size, rows});
    return {};
}

std::string Unload::partition_of(const Cursor& cursor, std::vector<bool>& left_out) const {
    std::string path;
    for (const std::string& name : options_.partition_by)
        for (std::size_t at = 0; at < cursor.columns().size(); ++at) {
            if (cursor.columns()[at].name != name) continue;
            if (!options_.include_partitions) left_out[at] = true;
            const sql::Value value = cursor.value(at);
            const bool is_null = std::holds_alternative<std::monostate>(value);
            path += fmt::format("{}={}/", name,
                                is_null ? "__HIVE_DEFAULT_PARTITION__" : redshift::text_of(value));
        }
    return path;
}

Answer<void> Unload::text_files(Cursor& cursor) {
    for (const std::string& name : options_.partition_by) {
        bool is_there = false;
        for (const Column& column : cursor.columns()) is_there |= column.name == name;
        if (!is_there)
            return refuse("42703", fmt::format("partition column \"{}\" does not exist", name));
    }
    struct Part {
        std::string text;
        std::int64_t rows = 0;
        std::size_t number = 0;
    };
    std::map<std::string, Part> parts;
    const RowText text(options_, cursor.columns());
    // What is written is kept in memory up to a file's size: smaller files than asked for are fine.
    constexpr std::uint64_t held_max = 64u << 20;
    const std::uint64_t most = std::min(options_.max_file_bytes, held_max);
    std::uint64_t held = 0;
    while (TRY(cursor.next())) {
        std::vector<bool> left_out(cursor.columns().size(), false);
        const std::string partition = partition_of(cursor, left_out);
        Part& part = parts[partition];
        if (part.text.empty() && options_.header) text.header(part.text);
        const std::size_t before = part.text.size();
        text.row(part.text, cursor, &left_out);
        held += part.text.size() - before;
        ++part.rows;
        ++rows_;
        if (part.text.size() < most && held < 4 * held_max) continue;
        TRY(put_text(partition + part_name(part.number++), part.text, part.rows));
        held -= std::min<std::uint64_t>(held, part.text.size());
        part.text.clear();
        part.rows = 0;
    }
    if (parts.empty()) parts[""];
    for (auto& [partition, part] : parts) {
        if (part.text.empty() && part.number > 0) continue;
        if (part.text.empty() && options_.header) text.header(part.text);
        TRY(put_text(partition + part_name(part.number), part.text, part.rows));
    }
    return {};
}

Answer<void> Unload::parquet_files(const std::string& sql) {
    Staging staging(session_.engine().staging());
    const fs::path out = staging.folder() / "unloaded";
    std::string partitions;
    for (const std::string& name : options_.partition_by)
        partitions += (partitions.empty() ? "" : ", ") + quoted_name(name);
    if (partitions.empty()) {
        rows_ = TRY(session_.change(fmt::format("COPY ({}) TO {} (FORMAT parquet)", sql,
                                                quoted_text(out.string() + ".parquet"))));
        return put_file(part_name(0), out.string() + ".parquet", rows_);
    }
    rows_ = TRY(session_.change(fmt::format(
        "COPY ({}) TO {} (FORMAT parquet, PARTITION_BY ({}), WRITE_PARTITION_COLUMNS {})", sql,
        quoted_text(out.string()), partitions, options_.include_partitions ? "true" : "false")));
    std::map<std::string, std::size_t> numbers;
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(out))
        if (entry.is_regular_file()) found.push_back(entry.path());
    std::sort(found.begin(), found.end());
    for (const fs::path& path : found) {
        const std::string folder = path.parent_path().lexically_relative(out).string() + "/";
        TRY(put_file(folder + part_name(numbers[folder]++), path, -1));
    }
    return {};
}

Answer<void> Unload::manifest(const std::vector<Column>& columns) {
    Json entries = Json::array();
    for (const Unloaded& file : made_) {
        Json entry = {{"url", file.url}};
        if (options_.manifest_verbose || options_.format == CopyFormat::parquet) {
            entry["meta"] = {{"content_length", file.bytes}};
            if (file.rows >= 0) entry["meta"]["record_count"] = file.rows;
        }
        entries.push_back(std::move(entry));
    }
    Json made = {{"entries", std::move(entries)}};
    if (options_.manifest_verbose) {
        Json elements = Json::array();
        for (const Column& column : columns)
            elements.push_back(
                {{"name", column.name}, {"type", {{"base", lower_of(column.engine_type)}}}});
        made["schema"] = {{"elements", std::move(elements)}};
        made["meta"] = {{"record_count", rows_}};
        made["author"] = {{"name", "Stroma"}};
    }
    const auto kept = made_;
    TRY(put("manifest", made.dump(2), 0));
    made_ = kept;
    return {};
}

Answer<std::int64_t> Unload::run() {
    prefix_ = TRY(parse_address(statement_.source));
    const Statement query = TRY(one_query(statement_.query));
    const auto prepared = TRY(session_.prepare(query, {}));
    TRY(demand_reads(session_, prepared->plan->sql));
    TRY(make_room());
    if (options_.format == CopyFormat::parquet) {
        TRY(parquet_files(prepared->plan->sql));
    } else {
        const auto cursor = TRY(session_.open(*prepared, {}));
        TRY(text_files(*cursor));
    }
    if (options_.manifest) TRY(manifest(prepared->columns));
    return rows_;
}

}  // namespace

Answer<std::unique_ptr<Cursor>> run_unload(EngineSession& session, const Prepared& prepared) {
    if (session.engine().options.lake == nullptr)
        return refuse("0A000", "no buckets are served here");
    auto statement = TRY(read_unload(prepared.plan->tokens));
    auto& options = statement.options;
    if (options.compression != Compression::none && options.format == CopyFormat::parquet)
        return refuse("0A000", "PARQUET is compressed by itself");
    if (options.format == CopyFormat::csv)
        options.null_text = options.null_text == "\\N" ? "" : options.null_text;
    if (options.format == CopyFormat::text && options.null_text == "\\N") options.null_text = "";
    const std::int64_t rows = TRY(Unload(session, std::move(statement)).run());
    session.last_unload_count = rows;
    session.tell({"INFO", "00000",
                  fmt::format("UNLOAD completed, {} record(s) unloaded successfully.", rows)});
    return done(StatementKind::unload, rows);
}

}  // namespace stroma::redshift
