#include <fmt/format.h>

#include <algorithm>

#include "redshift/rights.h"
#include "redshift/table_statements.h"
#include "redshift/token_reader.h"

namespace stroma::redshift {
namespace {

class Maintenance {
public:
    Maintenance(EngineSession& session, const Prepared& prepared)
        : session_(session), prepared_(prepared), tokens_(prepared.plan->tokens), in_(tokens_) {}
    Answer<std::unique_ptr<Cursor>> lock();
    Answer<std::unique_ptr<Cursor>> vacuum();
    Answer<std::unique_ptr<Cursor>> analyze();
    Answer<std::unique_ptr<Cursor>> analyze_compression();

private:
    Answer<TableName> table() {
        std::size_t at = in_.at();
        auto found = TRY(session_.find_table(tokens_, at));
        in_.move_to(at);
        return found;
    }
    Answer<std::int64_t> sort(const TableName& table);
    Answer<std::vector<TableName>> all_tables();

    EngineSession& session_;
    const Prepared& prepared_;
    const std::vector<Token>& tokens_;
    TokenReader in_;
};

Answer<std::unique_ptr<Cursor>> Maintenance::lock() {
    in_.next();
    in_.take("table");
    std::vector<std::string> keys;
    do {
        const TableName found = TRY(table());
        TRY(demand_one_on(session_, found, {"INSERT", "UPDATE", "DELETE"}));
        keys.push_back(found.key());
    } while (in_.take_sign(","));
    // Whoever locks reads afterwards what is newest: a snapshot that is older is a conflict.
    TRY(session_.write(keys, true, []() -> Answer<std::int64_t> { return 0; }));
    return done(StatementKind::lock);
}

// The rows are written anew in their order, into the same table: its oid and what depends on it
// stay.
Answer<std::int64_t> Maintenance::sort(const TableName& table) {
    const auto attributes = TRY(attributes_of(session_, table));
    const auto columns = TRY(columns_of(session_, table));
    const std::string order = sort_order(attributes, columns, "");
    if (order.empty()) return 0;
    TRY(session_.change(
        fmt::format("CREATE OR REPLACE TEMP TABLE stroma_sorting AS SELECT * FROM {} "
                    "ORDER BY {}",
                    table.sql(), order)));
    TRY(session_.change("DELETE FROM " + table.sql()));
    const auto rows = TRY(session_.change(
        fmt::format("INSERT INTO {} SELECT * FROM temp.stroma_sorting", table.sql())));
    TRY(session_.change("DROP TABLE temp.stroma_sorting"));
    return rows;
}

Answer<std::vector<TableName>> Maintenance::all_tables() {
    const auto rows =
        TRY(session_.query("SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT "
                           "temporary AND schema_name NOT "
                           "LIKE 'stroma%' AND schema_name <> 'main' ORDER BY ALL"));
    std::vector<TableName> found;
    while (TRY(rows->next())) found.push_back({rows->text(0), rows->text(1), false});
    return found;
}

Answer<std::unique_ptr<Cursor>> Maintenance::vacuum() {
    if (session_.in_block()) return refuse("25001", "VACUUM cannot run inside a transaction block");
    in_.next();
    bool sorts = true;
    if (in_.take("full") || in_.take("reindex") || in_.take("recluster")) {
    } else if (in_.take("sort")) {
        TRY(in_.expect("only"));
    } else if (in_.take("delete")) {
        TRY(in_.expect("only"));
        sorts = false;
    }
    std::vector<TableName> tables;
    if (in_.at_end() || in_.is("to") || in_.is("boost")) {
        for (TableName& each : TRY(all_tables()))
            if (TRY(may(session_, relation_thing(each), "OWNER")))
                tables.push_back(std::move(each));
    } else {
        tables.push_back(TRY(table()));
        TRY(demand_on(session_, tables.front(), {"OWNER"}));
    }
    session_.allow_changes();
    for (const TableName& each : tables) {
        if (!sorts) continue;
        TRY(session_.write({each.key()}, false, [&] { return sort(each); }));
    }
    // Room that rows left is found again when the log is brought into the file.
    const std::shared_lock no_backup(session_.engine().commits);
    static_cast<void>(session_.engine().database->checkpoint());
    return done(StatementKind::vacuum);
}

Answer<std::unique_ptr<Cursor>> Maintenance::analyze() {
    in_.next();
    in_.take("verbose");
    if (!in_.at_end() && !in_.is("predicate") && !in_.is("all")) {
        const TableName found = TRY(table());
        TRY(demand_on(session_, found, {"OWNER"}));
        TRY(session_.query("ANALYZE " + found.sql()));
    }
    return done(StatementKind::analyze);
}

/// Bytes that a sample of a column takes in an encoding, as SQL; the least is recommended.
Answer<std::pair<std::string, double>> best_encoding(EngineSession& session, const TableName& table,
                                                     const TableColumn& column) {
    const std::string name = quoted_name(column.name);
    const bool is_text = column.engine_type == "VARCHAR" || column.engine_type == "JSON";
    const bool is_real = column.engine_type == "FLOAT" || column.engine_type == "DOUBLE";
    const bool is_flag = column.engine_type == "BOOLEAN";
    const auto rows = TRY(session.query(fmt::format(
        "SELECT count(*), count(DISTINCT {0}), coalesce(avg(strlen(CAST({0} AS VARCHAR))), 0), "
        "count(*) FILTER (WHERE {0} IS NOT DISTINCT FROM before) FROM (SELECT {0}, lag({0}) OVER "
        "() "
        "AS before FROM (SELECT {0} FROM {1} LIMIT 100000))",
        name, table.sql())));
    TRY(rows->next());
    const double count = static_cast<double>(rows->integer(0));
    if (count == 0) return std::pair(std::string("raw"), 0.0);
    const double distinct = static_cast<double>(rows->integer(1));
    const double repeats = static_cast<double>(rows->integer(3)) / count;
    const double width = is_text                            ? std::max(rows->real(2), 1.0)
                         : is_flag                          ? 1
                         : column.engine_type == "SMALLINT" ? 2
                         : column.engine_type == "INTEGER" || column.engine_type == "DATE" ||
                                 column.engine_type == "FLOAT"
                             ? 4
                             : 8;
    if (is_flag)
        return std::pair(std::string(repeats > 0.9 ? "runlength" : "raw"),
                         repeats > 0.9 ? 100 * (repeats - 0.1) : 0.0);
    if (repeats > 0.9) return std::pair(std::string("runlength"), 100 * (repeats - 0.05));
    if (distinct <= 256 && width > 1)
        return std::pair(std::string(is_text || is_real ? "bytedict" : "az64"),
                         100 * (1 - 1 / width));
    if (is_text || is_real) return std::pair(std::string("zstd"), is_text ? 50.0 : 10.0);
    // Integers and moments: the bits that their range needs.
    const auto bits = TRY(session.text_of(fmt::format(
        "SELECT CAST(ceil(log2(greatest(max(x) - min(x), 1) + 1)) AS INTEGER) FROM (SELECT "
        "CAST(hash({0}) >> 1 AS DOUBLE) AS h, CASE WHEN typeof({0}) IN ('INTEGER','BIGINT',"
        "'SMALLINT') THEN CAST(CAST({0} AS VARCHAR) AS DOUBLE) ELSE 0 END AS x FROM (SELECT {0} "
        "FROM "
        "{1} LIMIT 100000))",
        name, table.sql())));
    const double used = std::strtod(bits.value_or("64").c_str(), nullptr) / 8.0;
    const double saved = std::clamp(100 * (1 - used / width), 0.0, 99.0);
    return std::pair(std::string(saved > 5 ? "az64" : "raw"), saved > 5 ? saved : 0.0);
}

Answer<std::unique_ptr<Cursor>> Maintenance::analyze_compression() {
    in_.next();
    in_.next();
    const TableName found = TRY(table());
    TRY(demand_on(session_, found, {"SELECT"}));
    std::vector<std::string> wanted;
    if (in_.is_sign("(")) wanted = TRY(in_.names());
    const auto attributes = TRY(attributes_of(session_, found));
    std::vector<std::vector<std::string>> rows;
    for (const TableColumn& column : TRY(columns_of(session_, found))) {
        const bool is_sorted = std::find(attributes.sort.begin(), attributes.sort.end(),
                                         column.name) != attributes.sort.end();
        const bool is_wanted =
            wanted.empty() || std::find(wanted.begin(), wanted.end(), column.name) != wanted.end();
        if (!is_wanted || is_sorted) {
            const auto kept = attributes.columns.find(column.name);
            const bool has = kept != attributes.columns.end() && !kept->second.encode.empty();
            rows.push_back({found.name, column.name,
                            !is_wanted ? "N/A"
                            : has      ? kept->second.encode
                                       : "raw",
                            "0.00"});
            continue;
        }
        const auto best = TRY(best_encoding(session_, found, column));
        rows.push_back({found.name, column.name, best.first, fmt::format("{:.2f}", best.second)});
    }
    auto cursor = text_rows({"Table", "Column", "Encoding", "Est_reduction_pct"}, std::move(rows));
    cursor->kind = StatementKind::analyze_compression;
    return cursor;
}

}  // namespace

Answer<std::unique_ptr<Cursor>> run_maintenance(EngineSession& session, const Prepared& prepared) {
    Maintenance maintenance(session, prepared);
    switch (prepared.statement.kind) {
        case StatementKind::lock: return maintenance.lock();
        case StatementKind::vacuum: return maintenance.vacuum();
        case StatementKind::analyze: return maintenance.analyze();
        default: return maintenance.analyze_compression();
    }
}

}  // namespace stroma::redshift
