#include "app/biology/biology_copy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/json.h"
#include "sql/postgres/postgres_database.h"
#include "warehouse/tables.h"

namespace stroma::app {
namespace {

/// Of "biology" as bytes: who makes tables waits for who does.
constexpr std::int64_t biology_turn = 27'700'474'999'170'937;
constexpr int attempts_max = 3;

/// Relations of SQL that are copied, beside `expression`.
constexpr std::array biology_relations = {
    "dataset", "cell_all",    "feature",         "analysis",
    "donor",   "specimen",    "cell_suspension", "library_preparation",
    "project", "publication", "contributor",     "document",
    "file",    "link"};

/// "cell_all" holds the barcodes that weren't called too; there the column `called` tells.
std::string table_of(std::string_view relation) {
    if (relation == "cell_all") return "cell";
    return std::string(relation == "expression_all" ? "expression" : relation);
}

std::string_view column_type_of(sql::Type type) {
    switch (type) {
        case sql::Type::boolean: return "boolean";
        case sql::Type::integer: return "bigint";
        case sql::Type::real: return "double precision";
        case sql::Type::blob: return "bytea";
        default: return "text";
    }
}

constexpr const char* ledger_script = R"sql(
CREATE SCHEMA IF NOT EXISTS biology;
CREATE TABLE IF NOT EXISTS biology.load_commits(
    dataset_id text PRIMARY KEY, dataset text NOT NULL, revision text NOT NULL,
    with_expression boolean NOT NULL, row_count bigint NOT NULL,
    committed_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'));
)sql";

/// A table there, its columns in their order.
struct PlacedTable {
    std::string name;
    std::vector<std::string> columns;
};

class BiologyCopy {
public:
    BiologyCopy(Site& site, const BiologyOrder& order, warehouse::QueryLimits limits,
                sql::Connection& connection)
        : site_(site), order_(order), limits_(std::move(limits)), connection_(connection) {}

    Result<std::vector<BiologyCopied>> run() {
        std::vector<BiologyCopied> made;
        std::set<std::string> here;
        for (const auto& [id, name, revision] : TRY(datasets({true, {}}))) {
            here.insert(id);
            if (!order_.dataset.empty() && name != order_.dataset) continue;
            made.push_back(TRY(copy_dataset(id)));
        }
        if (!order_.dataset.empty()) {
            if (made.empty())
                return fail(ErrorCode::not_found,
                            fmt::format("there is no dataset '{}'", order_.dataset));
            return made;
        }
        for (BiologyCopied& gone : TRY(take_away_all_but(here))) made.push_back(std::move(gone));
        return made;
    }

private:
    struct Here {
        std::string id, name, revision;
    };

    Result<std::vector<Here>> datasets(const warehouse::Scope& scope) {
        const auto rows = TRY(site_.warehouse().query(
            "SELECT dataset_id, dataset, revision FROM dataset ORDER BY dataset", scope, limits_));
        std::vector<Here> found;
        while (TRY(rows->next())) found.push_back({rows->text(0), rows->text(1), rows->text(2)});
        return found;
    }

    /// The warehouse may get another revision while tables are read, one after the other.
    Result<BiologyCopied> copy_dataset(const std::string& id) {
        const warehouse::Scope scope{false, {id}};
        for (int attempt = 0; attempt < attempts_max; ++attempt) {
            const auto before = TRY(datasets(scope));
            if (before.empty()) break;
            BiologyCopied made{before.front().name, before.front().revision, false, false, 0};
            bool is_same = true;
            TRY(connection_.begin(sql::TransactionKind::write));
            const auto done = [&]() -> Result<void> {
                made.was_there = TRY(has_revision(id, made.revision));
                if (made.was_there) return {};
                made.rows = TRY(put_tables(scope, id, made.revision));
                const auto after = TRY(datasets(scope));
                is_same = !after.empty() && after.front().revision == made.revision;
                return note(id, made);
            }();
            if (!done) {
                connection_.rollback();
                return fail(done.error().with(made.dataset));
            }
            if (is_same) {
                TRY(connection_.commit());
                return made;
            }
            connection_.rollback();
        }
        return fail(ErrorCode::conflict,
                    fmt::format("dataset {} changes while it is copied; try again", id));
    }

    /// Waits for whoever copies the same dataset.
    Result<bool> has_revision(const std::string& id, const std::string& revision) {
        TRY(connection_.execute("SELECT pg_advisory_xact_lock(hashtextextended(?, ?))",
                                {id, biology_turn}));
        const auto rows = TRY(connection_.execute(
            "SELECT 1 FROM biology.load_commits WHERE dataset_id = ? AND revision = ? AND "
            "(with_expression OR NOT ?)",
            {id, revision, order_.with_expression}));
        return rows->next();
    }

    Result<void> note(const std::string& id, const BiologyCopied& made) {
        TRY(connection_.change("DELETE FROM biology.load_commits WHERE dataset_id = ?", {id}));
        TRY(connection_.change(
            "INSERT INTO biology.load_commits (dataset_id, dataset, revision, with_expression, "
            "row_count) VALUES (?, ?, ?, ?, ?)",
            {id, made.dataset, made.revision, order_.with_expression, made.rows}));
        return {};
    }

    Result<std::int64_t> put_tables(const warehouse::Scope& scope, const std::string& id,
                                    const std::string& revision) {
        TRY(take_away(id));
        std::int64_t rows = 0;
        for (const char* relation : biology_relations)
            rows += TRY(put_table(relation, scope, id, revision));
        if (order_.with_expression) rows += TRY(put_table("expression_all", scope, id, revision));
        return rows;
    }

    Result<std::int64_t> put_table(const std::string& relation, const warehouse::Scope& scope,
                                   const std::string& id, const std::string& revision) {
        const auto rows = TRY(site_.warehouse().query("SELECT * FROM " + relation, scope, limits_));
        const PlacedTable table = TRY(place(table_of(relation), rows->columns()));
        // What stands in each place of a row there: a column here, or nothing.
        std::vector<std::optional<std::size_t>> from;
        for (const std::string& name : table.columns) {
            const auto& columns = rows->columns();
            const auto found = std::find_if(columns.begin(), columns.end(),
                                            [&](const auto& each) { return each.name == name; });
            from.push_back(found == columns.end()
                               ? std::nullopt
                               : std::optional<std::size_t>(
                                     static_cast<std::size_t>(found - columns.begin())));
        }
        const auto appender = TRY(connection_.append_to("biology." + table.name));
        std::vector<sql::Value> row(table.columns.size());
        std::int64_t count = 0;
        while (TRY(rows->next())) {
            for (std::size_t at = 0; at < row.size(); ++at)
                row[at] = from[at] ? rows->value(*from[at]) : sql::Value{};
            row[0] = id;
            row[1] = revision;
            TRY(appender->append(row));
            ++count;
        }
        TRY(appender->finish());
        return count;
    }

    /// Makes the table, or the columns that it lacks.
    Result<PlacedTable> place(const std::string& name,
                              const std::vector<sql::ColumnInfo>& columns) {
        TRY(connection_.run_script(fmt::format(
            "CREATE TABLE IF NOT EXISTS biology.{0}(dataset_id text NOT NULL, revision text NOT "
            "NULL);",
            name)));
        PlacedTable table{name, TRY(columns_there(name))};
        for (const auto& column : columns) {
            if (std::find(table.columns.begin(), table.columns.end(), column.name) !=
                table.columns.end())
                continue;
            TRY(connection_.run_script(fmt::format("ALTER TABLE biology.{} ADD COLUMN {} {}", name,
                                                   warehouse::quoted_name(column.name),
                                                   column_type_of(column.type))));
            table.columns.push_back(column.name);
        }
        TRY(connection_.run_script(fmt::format(
            "CREATE INDEX IF NOT EXISTS {0}_of_dataset ON biology.{0}(dataset_id)", name)));
        return table;
    }

    Result<std::vector<std::string>> columns_there(const std::string& name) {
        const auto rows =
            TRY(connection_.execute(fmt::format("SELECT * FROM biology.{} LIMIT 0", name)));
        std::vector<std::string> found;
        for (const auto& column : rows->columns()) found.push_back(column.name);
        return found;
    }

    Result<void> take_away(const std::string& id) {
        std::vector<std::string> tables = {"expression"};
        for (const char* relation : biology_relations) tables.push_back(table_of(relation));
        for (const std::string& table : tables) {
            const auto is_there = TRY(connection_.execute(
                "SELECT 1 WHERE to_regclass(?) IS NOT NULL", {"biology." + table}));
            if (!TRY(is_there->next())) continue;
            TRY(connection_.change(
                fmt::format("DELETE FROM biology.{} WHERE dataset_id = ?", table), {id}));
        }
        return {};
    }

    Result<std::vector<BiologyCopied>> take_away_all_but(const std::set<std::string>& here) {
        const auto rows = TRY(connection_.execute(
            "SELECT dataset_id, dataset, revision FROM biology.load_commits ORDER BY dataset"));
        std::vector<BiologyCopied> gone;
        while (TRY(rows->next())) {
            const std::string id = rows->text(0);
            if (here.contains(id)) continue;
            const auto done = connection_.in_transaction([&]() -> Result<void> {
                TRY(take_away(id));
                TRY(connection_.change("DELETE FROM biology.load_commits WHERE dataset_id = ?",
                                       {id}));
                return {};
            });
            if (!done) return fail(done.error());
            gone.push_back({rows->text(1), rows->text(2), false, true, 0});
        }
        return gone;
    }

    Site& site_;
    const BiologyOrder& order_;
    warehouse::QueryLimits limits_;
    sql::Connection& connection_;
};

}  // namespace

Result<std::vector<BiologyCopied>> copy_biology(Site& site, const BiologyOrder& order,
                                                warehouse::QueryLimits limits) {
    if (!order.to.starts_with("postgres://") && !order.to.starts_with("postgresql://"))
        return fail(ErrorCode::invalid_input, "--to: write postgres://user@host/database");
    const auto database = TRY_WITH(sql::PostgresDatabase::open(order.to), "--to");
    const auto connection = TRY(database->connect());
    TRY_WITH(connection->in_transaction([&] { return connection->run_script(ledger_script); }),
             "the schema biology");
    // Whole tables, however large: nobody asked but the administrator.
    limits.time = Milliseconds{std::int64_t{24} * 3600 * 1000};
    limits.rows_max = limits.bytes_max = std::uint64_t{1} << 62;
    return BiologyCopy(site, order, std::move(limits), *connection).run();
}

Result<std::string> copy_biology_json(Site& site, const std::string& request) {
    const Json json = TRY(parse_json(request));
    const BiologyOrder order{json.value("to", ""), json.value("dataset", ""),
                             json.value("expression", false)};
    Json list = Json::array();
    for (const BiologyCopied& one : TRY(copy_biology(site, order, {})))
        list.push_back({{"dataset", one.dataset},
                        {"revision", one.revision},
                        {"was_there", one.was_there},
                        {"is_gone", one.is_gone},
                        {"rows", one.rows}});
    return list.dump();
}

}  // namespace stroma::app
