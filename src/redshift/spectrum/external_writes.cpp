#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/context.h"
#include "redshift/external.h"
#include "redshift/rights.h"
#include "redshift/spectrum/external_table.h"
#include "redshift/statement.h"
#include "redshift/token_reader.h"

// Rows that become objects of an external table.

namespace stroma::redshift {
namespace {

/// "dt=1/city=New%20York/" below the location, as values by the partition columns' order.
std::optional<std::vector<std::string>> values_of(const ExternalTable& table,
                                                  std::string_view folder) {
    std::vector<std::string> values(table.partitioned_by.size());
    std::size_t found = 0;
    while (!folder.empty()) {
        const std::size_t slash = folder.find('/');
        const std::string_view part = folder.substr(0, slash);
        folder.remove_prefix(slash == std::string_view::npos ? folder.size() : slash + 1);
        const std::size_t equals = part.find('=');
        for (std::size_t at = 0; at < values.size(); ++at) {
            if (equals == std::string_view::npos ||
                lower_of(part.substr(0, equals)) != table.partitioned_by[at].name)
                continue;
            values[at] = part.substr(equals + 1);
            ++found;
        }
    }
    if (found != values.size()) return std::nullopt;
    return values;
}

/// Folders that the engine made have %20 for a space.
std::string decoded(const std::string& text) {
    std::string made;
    for (std::size_t at = 0; at < text.size(); ++at) {
        unsigned value = 0;
        const bool is_code =
            text[at] == '%' && at + 2 < text.size() &&
            std::from_chars(text.data() + at + 1, text.data() + at + 3, value, 16).ptr ==
                text.data() + at + 3;
        made += is_code ? static_cast<char>(value) : text[at];
        at += is_code ? 2 : 0;
    }
    return made;
}

Answer<void> choose_format(const ExternalTable& table, CopyOptions& options) {
    const ExternalPlace& place = table.place;
    if (place.format == ExternalFormat::parquet) {
        options.format = CopyFormat::parquet;
        return {};
    }
    const bool is_delimited = place.format == ExternalFormat::csv && place.quote.empty() &&
                              place.delimiter.size() == 1 && place.skipped_lines == 0;
    if (!is_delimited)
        return refuse("0A000",
                      fmt::format("{} can't be written: rows are written to tables STORED AS "
                                  "PARQUET, or as TEXTFILE with ROW FORMAT DELIMITED and no lines "
                                  "to skip",
                                  place.table));
    options.format = CopyFormat::text;
    options.delimiter = place.delimiter.front();
    options.null_text = place.null_text;
    if (place.compression == "gzip") options.compression = Compression::gzip;
    if (place.compression == "bzip2") options.compression = Compression::bzip2;
    if (place.compression == "zstd") options.compression = Compression::zstd;
    return {};
}

/// The query with its values as the table's columns have them.
std::string with_types(const ExternalTable& table, const std::string& query) {
    std::string list, names;
    std::size_t count = 0;
    const auto add = [&](const ExternalColumn& column) {
        const std::string place = fmt::format("c{}", ++count);
        names += (names.empty() ? "" : ", ") + place;
        list += fmt::format("{}cast({} as {}) as {}", list.empty() ? "" : ", ", place,
                            column.declared, quoted_name(column.name));
    };
    for (const auto& column : table.columns) add(column);
    for (const auto& column : table.partitioned_by) add(column);
    return fmt::format("select {} from ({}) as written({})", list, query, names);
}

}  // namespace

Answer<std::int64_t> write_external(EngineSession& session, ExternalTable& table,
                                    const std::string& query) {
    if (session.engine().options.lake == nullptr)
        return refuse("0A000", "no buckets are served here");
    if (session.in_block())
        return refuse("25001", fmt::format("rows of the external table {} cannot be written inside "
                                           "a transaction block: objects can't be taken back",
                                           table.place.table));
    const Statement statement_of_query = TRY(one_query(query));
    const auto asked = TRY(session.prepare(statement_of_query, {}));
    const std::size_t wanted = table.columns.size() + table.partitioned_by.size();
    if (asked->columns.size() != wanted)
        return refuse("42601",
                      fmt::format("{} has {} columns with those it is partitioned by, and the "
                                  "query gives {}",
                                  table.place.table, wanted, asked->columns.size()));
    CopyStatement statement;
    statement.query = with_types(table, query);
    statement.source = table.place.location;
    if (!statement.source.ends_with('/')) statement.source += '/';
    statement.options.allow_overwrite = true;
    TRY(choose_format(table, statement.options));
    for (const auto& column : table.partitioned_by)
        statement.options.partition_by.push_back(column.name);
    const std::size_t root = statement.source.size();
    const bool is_encoded = table.place.format == ExternalFormat::parquet;
    IdSource ids;
    const auto made = TRY(unload_objects(session, std::move(statement), ids.uuid() + "_"));
    std::int64_t rows = 0;
    for (const WrittenObject& object : made) {
        rows += object.rows;
        if (table.partitioned_by.empty()) continue;
        const std::string folder = object.url.substr(root, object.url.rfind('/') + 1 - root);
        auto values = values_of(table, folder);
        if (!values) continue;
        if (is_encoded)
            for (std::string& value : *values) value = decoded(value);
        if (table.partition(*values) == nullptr)
            table.partitions.push_back({*values, object.url.substr(0, root) + folder});
    }
    return rows;
}

Answer<bool> is_external_target(EngineSession& session, const TableName& table) {
    return TRY(external_table(session, table)).has_value();
}

// INSERT INTO schema.table SELECT … | VALUES …
Answer<std::unique_ptr<Cursor>> insert_external(EngineSession& session, const Prepared& prepared) {
    const auto& plan = *prepared.plan;
    auto table = TRY(external_table(session, plan.table));
    if (!table)
        return refuse("42P01", fmt::format("relation \"{}\" does not exist", plan.table.name));
    TRY(demand_on(session, table->name, {"INSERT"}));
    TokenReader in(plan.tokens, plan.behind_table);
    if (in.is_sign("(") && !in.is("select", 1) && !in.is("with", 1))
        return refuse("0A000",
                      "INSERT into an external table gives every column, without a list of them");
    if (in.at_end() || in.is("default"))
        return fail(syntax_failure(in.token(), "SELECT or VALUES is expected"));
    const bool has_parameter =
        std::any_of(plan.tokens.begin(), plan.tokens.end(),
                    [](const Token& token) { return token.kind == TokenKind::parameter; });
    if (has_parameter) return refuse("0A000", "INSERT into an external table takes no parameters");
    std::string query = in.written(prepared.statement.text, in.at(), plan.tokens.size() - 1);
    if (in.is("values")) query = "select * from (" + query + ") as given";
    session.allow_changes();
    const std::int64_t rows = TRY(write_external(session, *table, query));
    if (!table->partitioned_by.empty()) TRY(keep_external(session, *table, false));
    return done(StatementKind::insert, rows);
}

std::function<std::optional<std::string>(std::string_view)> with_external_relations(
    EngineSession& session, std::function<std::optional<std::string>(std::string_view)> ask) {
    return [&session, ask = std::move(ask)](std::string_view name) -> std::optional<std::string> {
        constexpr std::string_view of_relation = "relation ";
        if (!name.starts_with(of_relation)) return ask ? ask(name) : std::nullopt;
        const auto tokens = tokens_of(name.substr(of_relation.size()));
        std::size_t at = 0;
        if (!tokens) return std::nullopt;
        const auto known = session.read_table(*tokens, at);
        if (!known) return std::nullopt;
        const auto table = external_table(session, *known);
        // Who may not read it is told so of the table itself.
        if (!table || !*table || !demand_on(session, *known, {"SELECT"})) return std::nullopt;
        return "(" + view_of(**table, true) + ")";
    };
}

}  // namespace stroma::redshift
