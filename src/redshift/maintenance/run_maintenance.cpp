#include <fmt/format.h>

#include <algorithm>

#include "redshift/maintenance/trial_encoding.h"
#include "redshift/rights.h"
#include "redshift/table_statements.h"
#include "redshift/token_reader.h"

namespace stroma::redshift {
namespace {

class Maintenance {
public:
    Maintenance(EngineSession& session, const Prepared& prepared)
        : session_(session), tokens_(prepared.plan->tokens), in_(tokens_) {}
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

/// How values of a column go into a trial: as SQL gives them, and how wide Redshift has them.
struct TrialColumn {
    EncodedKind kind = EncodedKind::text;
    std::size_t width = 0;
    std::string value;
};

TrialColumn trial_column(const TableColumn& column) {
    const std::string name = quoted_name(column.name);
    const std::string& type = column.engine_type;
    const auto whole = [&](std::size_t width, const std::string& value) {
        return TrialColumn{EncodedKind::whole, width, fmt::format("CAST({} AS BIGINT)", value)};
    };
    if (type == "SMALLINT") return whole(2, name);
    if (type == "INTEGER") return whole(4, name);
    if (type == "BIGINT") return whole(8, name);
    if (type == "DATE") return whole(4, name + " - DATE '1970-01-01'");
    if (type == "TIMESTAMP" || type == "TIMESTAMPTZ") return whole(8, "epoch_us(" + name + ")");
    constexpr unsigned digits_of_64_bits = 18;
    if (type.starts_with("DECIMAL(") &&
        static_cast<unsigned>((column_of("", type).typmod - 4) >> 16) <= digits_of_64_bits)
        return whole(8, "replace(CAST(" + name + " AS VARCHAR), '.', '')");
    if (type == "FLOAT" || type == "DOUBLE")
        return {EncodedKind::real, type == "FLOAT" ? 4u : 8u, "CAST(" + name + " AS DOUBLE)"};
    if (type == "BOOLEAN") return {EncodedKind::flag, 1, "CAST(" + name + " AS BIGINT)"};
    return {EncodedKind::text, 0, "CAST(" + name + " AS VARCHAR)"};
}

/// The encoding in which a sample of the column takes the least bytes, and what share of them it
/// saves. Nulls take the same in each.
Answer<std::pair<std::string, double>> best_encoding(EngineSession& session, const TableName& table,
                                                     const TableColumn& column) {
    constexpr int sample_rows = 100'000;
    const TrialColumn of = trial_column(column);
    const auto rows = TRY(session.query(
        fmt::format("SELECT {0} FROM (SELECT {1} FROM {2} LIMIT {3}) WHERE {1} IS NOT NULL",
                    of.value, quoted_name(column.name), table.sql(), sample_rows)));
    EncodingTrial trial(of.kind, of.width);
    while (TRY(rows->next())) {
        if (of.kind == EncodedKind::text)
            trial.add(std::string_view(rows->text(0)));
        else if (of.kind == EncodedKind::real)
            trial.add(rows->real(0));
        else
            trial.add(rows->integer(0));
    }
    const auto best = trial.best();
    if (best.bytes == 0) return std::pair(std::string("raw"), 0.0);
    const auto raw = static_cast<double>(trial.sizes().front().bytes);
    return std::pair(best.encoding, 100 * (1 - static_cast<double>(best.bytes) / raw));
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

Answer<std::unique_ptr<Cursor>> run_refresh(EngineSession& session, const Prepared& prepared) {
    TokenReader in(prepared.plan->tokens);
    TRY(in.expect("refresh"));
    TRY(in.expect("materialized"));
    TRY(in.expect("view"));
    std::size_t at = in.at();
    const TableName view = TRY(session.read_table(prepared.plan->tokens, at));
    in.move_to(at);
    if (!in.at_end() && !in.take("cascade")) TRY(in.expect("restrict"));
    if (!TRY(is_view_there(session, view)))
        return refuse("42P01", fmt::format("materialized view \"{}\" does not exist", view.name));
    session.tell(
        {"INFO", "00000",
         fmt::format("Materialized view {} is up to date: it is worked out when it is read",
                     view.name)});
    return done(StatementKind::other, 0, "REFRESH MATERIALIZED VIEW");
}

}  // namespace stroma::redshift
