#include "loader/elsewhere.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "redshift/token_reader.h"
#include "sql/value_scan.h"

namespace stroma::loader {
namespace {

constexpr std::array<std::string_view, 6> shown_relations = {
    "stroma_freshness",    "stroma_loads",          "stroma_load_ledger",
    "stroma_dead_letters", "stroma_schema_history", "load_errors"};
constexpr std::string_view function_name = "stroma_elsewhere";

struct ShownColumn {
    std::string name, engine_type;
    sql::Type type() const {
        if (engine_type.ends_with("INT") || engine_type == "INTEGER") return sql::Type::integer;
        return engine_type == "DOUBLE" ? sql::Type::real : sql::Type::text;
    }
    std::string_view server_type() const {
        if (type() == sql::Type::text) return "text";
        return type() == sql::Type::integer ? "bigint" : "double precision";
    }
};

using ShownRelations = std::map<std::string, std::vector<ShownColumn>, std::less<>>;

/// A relation there, of which the columns that are wanted are fetched.
class ServerScan final : public sql::TableScan {
public:
    ServerScan(std::shared_ptr<sql::Database> database, std::string relation,
               std::vector<ShownColumn> shown)
        : database_(std::move(database)), relation_(std::move(relation)), shown_(std::move(shown)) {
        for (const ShownColumn& column : shown_) columns_.push_back({column.name, column.type()});
    }
    const std::vector<sql::ScanColumn>& columns() const override { return columns_; }
    std::unique_ptr<sql::ScanRun> begin() override { return std::make_unique<Run>(*this); }

private:
    struct Feed final : sql::RowFeed {
        std::vector<std::uint32_t> wanted;
        std::unique_ptr<sql::Connection> connection;
        std::unique_ptr<sql::Rows> rows;

        Result<std::size_t> fill(sql::RowSink& sink) override {
            std::size_t row = 0;
            while (rows != nullptr && row < sink.row_max()) {
                if (!TRY(rows->next())) {
                    rows.reset();
                    break;
                }
                for (std::size_t at = 0; at < wanted.size(); ++at)
                    sql::put_value(sink, wanted[at], row, rows->value(at));
                ++row;
            }
            return row;
        }
    };
    class Run final : public sql::ScanRun {
    public:
        explicit Run(const ServerScan& scan) : scan_(scan) {}
        Result<std::unique_ptr<sql::RowFeed>> start(
            std::span<const std::uint32_t> wanted) override {
            auto feed = std::make_unique<Feed>();
            feed->wanted.assign(wanted.begin(), wanted.end());
            if (scan_.database_ == nullptr) return feed;
            std::string list;
            for (const std::uint32_t at : wanted) {
                const ShownColumn& column = scan_.shown_[at];
                list += fmt::format("{}CAST({} AS {})", list.empty() ? "" : ", ",
                                    redshift::quoted_name(column.name), column.server_type());
            }
            feed->connection = TRY_WITH(scan_.database_->connect(), "loader.database");
            feed->rows = TRY_WITH(
                feed->connection->execute(fmt::format("SELECT {} FROM stroma_system.{}",
                                                      list.empty() ? "1" : list, scan_.relation_)),
                "loader.database");
            return feed;
        }

    private:
        const ServerScan& scan_;
    };

    std::shared_ptr<sql::Database> database_;
    std::string relation_;
    std::vector<ShownColumn> shown_;
    std::vector<sql::ScanColumn> columns_;
};

/// The columns of the engine's own, which the other database has too.
Result<ShownRelations> shown_columns(sql::Connection& connection) {
    ShownRelations found;
    for (const std::string_view name : shown_relations) {
        const auto rows = TRY(connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = "
            "'stroma_system' AND table_name = ? ORDER BY column_index",
            {std::string(name)}));
        while (TRY(rows->next()))
            found[std::string(name)].push_back({rows->text(0), rows->text(1)});
    }
    // A server's loads have no session, query or job here.
    std::erase_if(found["load_errors"], [](const ShownColumn& column) {
        static constexpr std::array<std::string_view, 7> absent = {
            "userid", "slice", "session", "query", "is_partial", "start_offset", "copy_job_id"};
        return std::find(absent.begin(), absent.end(), column.name) != absent.end();
    });
    return found;
}

std::string selected(const std::vector<ShownColumn>& columns, std::string_view relation) {
    std::string list;
    for (const ShownColumn& column : columns)
        list += fmt::format("{0}CAST({1} AS {2}) AS {1}", list.empty() ? "" : ", ",
                            redshift::quoted_name(column.name), column.engine_type);
    return fmt::format("SELECT {} FROM {}('{}')", list, function_name, relation);
}

Result<void> make_views(sql::Connection& connection, const ShownRelations& shown) {
    for (const auto& [name, columns] : shown) {
        if (name == "load_errors") continue;
        TRY(connection.change(fmt::format("CREATE OR REPLACE VIEW stroma_system.{} AS {}", name,
                                          selected(columns, name))));
    }
    TRY(connection.change(fmt::format(
        "CREATE OR REPLACE VIEW stroma_system.stroma_kept_errors AS SELECT * FROM "
        "stroma_system.load_errors WHERE stroma_system.stroma_sees_all() OR userid IN (SELECT "
        "\"number\" FROM stroma_system.users WHERE id = stroma_system.stroma_me()) UNION ALL BY "
        "NAME {} WHERE stroma_system.stroma_sees_all()",
        selected(shown.at("load_errors"), "load_errors"))));
    // The next start, which may be without that database, makes the program's own again.
    TRY(connection.change("DELETE FROM stroma_system.made_by"));
    return {};
}

}  // namespace

Result<void> show_ledger(redshift::Engine& engine, std::shared_ptr<sql::Database> elsewhere) {
    const auto connection = TRY(engine.database().connect());
    const auto shown = std::make_shared<ShownRelations>(TRY(shown_columns(*connection)));
    const auto open =
        [shown, elsewhere](std::string_view name) -> Result<std::shared_ptr<sql::TableScan>> {
        const auto found = shown->find(name);
        if (found == shown->end())
            return fail(ErrorCode::not_found, fmt::format("there is no relation '{}'", name));
        return std::make_shared<ServerScan>(elsewhere, found->first, found->second);
    };
    TRY(engine.database().add_table_function(std::string(function_name), open));
    if (elsewhere == nullptr) return {};
    return connection->in_transaction([&] { return make_views(*connection, *shown); });
}

}  // namespace stroma::loader
