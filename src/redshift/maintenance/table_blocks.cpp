#include <fmt/format.h>

#include "redshift/lexer.h"
#include "redshift/state.h"
#include "sql/value_scan.h"

namespace stroma::redshift {
namespace {

using Records = std::vector<std::vector<sql::Value>>;

struct UsersTable {
    std::string schema, name;
    std::string sql() const { return quoted_name(schema) + "." + quoted_name(name); }
};

Result<std::vector<UsersTable>> users_tables(sql::Connection& connection) {
    const auto rows = TRY(connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary "
        "AND schema_name NOT LIKE 'stroma\\_%' ESCAPE '\\' AND NOT (schema_name = 'main' AND "
        "table_name = 'schema_versions') ORDER BY ALL"));
    std::vector<UsersTable> tables;
    while (TRY(rows->next())) tables.push_back({rows->text(0), rows->text(1)});
    return tables;
}

/// Rows that `select` gives for each table; its first two columns are the table's names.
template <class Select>
Result<std::shared_ptr<sql::TableScan>> of_each_table(
    const std::weak_ptr<sql::EmbeddedDatabase>& database, std::vector<sql::ScanColumn> columns,
    const Select& select) {
    const auto open = database.lock();
    if (open == nullptr) return fail(ErrorCode::unavailable, "the database is being closed");
    const auto connection = TRY(open->connect());
    TRY(connection->begin(sql::TransactionKind::read));
    Records records;
    for (const UsersTable& table : TRY(users_tables(*connection))) {
        const auto rows = TRY(connection->execute(select(table)));
        while (TRY(rows->next())) {
            auto& record = records.emplace_back(
                std::vector<sql::Value>{sql::Value(table.schema), sql::Value(table.name)});
            for (std::size_t at = 2; at < columns.size(); ++at) {
                const std::size_t place = at - 2;
                record.push_back(rows->is_null(place) ? sql::Value{}
                                 : columns[at].type == sql::Type::integer
                                     ? sql::Value(rows->integer(place))
                                     : sql::Value(rows->text(place)));
            }
        }
    }
    return sql::scan_of(std::move(columns), std::move(records));
}

}  // namespace

Result<void> add_table_blocks(const std::shared_ptr<sql::EmbeddedDatabase>& database) {
    // The engine keeps its functions, which must not keep the engine.
    const std::weak_ptr<sql::EmbeddedDatabase> weak = database;
    TRY(database->add_table_function("stroma_blocks", [weak](std::string_view) {
        constexpr auto integer = sql::Type::integer;
        constexpr auto text = sql::Type::text;
        return of_each_table(
            weak,
            {{"schema_name", text},
             {"table_name", text},
             {"column", integer},
             {"column_name", text},
             {"row_group", integer},
             {"block", integer},
             {"first_row", integer},
             {"rows", integer},
             {"compression", text},
             {"least", text},
             {"greatest", text}},
            [](const UsersTable& table) {
                return fmt::format(
                    "SELECT column_id, column_name, row_group_id, CASE WHEN persistent THEN "
                    "block_id ELSE -1 END, start AS first_row, count, compression, "
                    "nullif(regexp_extract(stats, 'Min: (.*?), Max: ', 1), ''), "
                    "nullif(regexp_extract(stats, 'Max: ([^\\],]*)', 1), '') FROM "
                    "pragma_storage_info({}) WHERE segment_type <> 'VALIDITY' ORDER BY column_id, "
                    "row_group_id, start",
                    quoted_text(table.sql()));
            });
    }));
    return database->add_table_function("stroma_row_counts", [weak](std::string_view) {
        return of_each_table(
            weak,
            {{"schema_name", sql::Type::text},
             {"table_name", sql::Type::text},
             {"rows", sql::Type::integer}},
            [](const UsersTable& table) { return "SELECT count(*) FROM " + table.sql(); });
    });
}

}  // namespace stroma::redshift
