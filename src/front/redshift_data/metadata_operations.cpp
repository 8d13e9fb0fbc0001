#include <fmt/format.h>

#include "base/json.h"
#include "front/redshift_data/data_service.h"
#include "redshift/types.h"

namespace stroma::front::redshift_data {
namespace {

std::string pattern_of(const Json& members, const char* name) {
    const std::string pattern = text_of(members, name);
    return pattern.empty() ? "%" : pattern;
}

// Tables and views of users' schemas, and those of the system by the same names as a driver tells
// them: what only shows others' rows is a view.
constexpr const char* all_tables =
    "SELECT table_name, schema_name, table_type FROM svv_all_tables UNION ALL "
    "SELECT c.relname, 'pg_catalog', CASE WHEN left(c.relname, 4) IN ('svv_', 'svl_', 'svcs', "
    "'sys_') OR c.relname IN ('pg_indexes', 'pg_locks', 'pg_matviews', 'pg_roles', 'pg_rules', "
    "'pg_settings', 'pg_shadow', 'pg_tables', 'pg_user', 'pg_views') OR c.relname LIKE 'pg_stat%' "
    "THEN 'SYSTEM VIEW' ELSE 'SYSTEM TABLE' END FROM pg_class c JOIN pg_namespace n ON n.oid = "
    "c.relnamespace WHERE n.nspname = 'pg_catalog' AND c.relkind IN ('r', 'v') UNION ALL "
    "SELECT t.name, 'information_schema', 'SYSTEM VIEW' FROM (SELECT 'character_sets' AS name "
    "UNION ALL SELECT 'columns' UNION ALL SELECT 'constraint_column_usage' UNION ALL SELECT "
    "'key_column_usage' UNION ALL SELECT 'referential_constraints' UNION ALL SELECT 'schemata' "
    "UNION ALL SELECT 'table_constraints' UNION ALL SELECT 'tables' UNION ALL SELECT 'views') t";

constexpr const char* columns_of_table =
    "SELECT column_name, data_type, is_nullable, column_default, table_schema, ordinal_position "
    "FROM svv_columns WHERE table_schema LIKE $1 AND table_name = $2 UNION ALL "
    "SELECT a.attname, format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NO' ELSE "
    "'YES' END, NULL, 'pg_catalog', a.attnum FROM pg_attribute a JOIN pg_class c ON c.oid = "
    "a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'pg_catalog' AND "
    "'pg_catalog' LIKE $1 AND c.relname = $2 AND a.attnum > 0 ORDER BY 5, 6";

}  // namespace

Outcome<statement::Statements::TextRows> DataService::ask(const aws::Call& call,
                                                          const Json& members,
                                                          const std::string& sql,
                                                          const std::vector<std::string>& values) {
    const std::string database = text_of(members, "Database");
    if (database.empty()) return validation("Database name must be provided.");
    if (const auto allowed =
            allow(call, access_.may, catalog::Action::create, "", call.principal.id);
        !allowed)
        return tl::unexpected(allowed.error());
    auto rows = statements_.ask(call.principal, database, sql, values);
    if (!rows) return aws::refuse("DatabaseConnectionException", rows.error().message, 500);
    return *std::move(rows);
}

Outcome<aws::Reply> DataService::list_databases(const aws::Call& call, const Json& members) {
    const auto from = token_place(members);
    if (!from) return tl::unexpected(from.error());
    const auto rows =
        ask(call, members, "SELECT database_name FROM svv_redshift_databases ORDER BY 1", {});
    if (!rows) return tl::unexpected(rows.error());
    std::vector<Json> names;
    for (const auto& row : *rows) names.emplace_back(row[0].value_or(""));
    return aws::reply(page_of(members, "Databases", std::move(names), *from));
}

Outcome<aws::Reply> DataService::list_schemas(const aws::Call& call, const Json& members) {
    const auto from = token_place(members);
    if (!from) return tl::unexpected(from.error());
    const auto rows =
        ask(call, members, "SELECT nspname FROM pg_namespace WHERE nspname LIKE $1 ORDER BY 1",
            {pattern_of(members, "SchemaPattern")});
    if (!rows) return tl::unexpected(rows.error());
    std::vector<Json> names;
    for (const auto& row : *rows) names.emplace_back(row[0].value_or(""));
    return aws::reply(page_of(members, "Schemas", std::move(names), *from));
}

Outcome<aws::Reply> DataService::list_tables(const aws::Call& call, const Json& members) {
    const auto from = token_place(members);
    if (!from) return tl::unexpected(from.error());
    const auto rows =
        ask(call, members,
            fmt::format("SELECT table_name, schema_name, table_type FROM ({}) a WHERE schema_name "
                        "LIKE $1 AND table_name LIKE $2 ORDER BY schema_name, table_name",
                        all_tables),
            {pattern_of(members, "SchemaPattern"), pattern_of(members, "TablePattern")});
    if (!rows) return tl::unexpected(rows.error());
    std::vector<Json> tables;
    for (const auto& row : *rows)
        tables.push_back({{"name", row[0].value_or("")},
                          {"schema", row[1].value_or("")},
                          {"type", row[2].value_or("")}});
    return aws::reply(page_of(members, "Tables", std::move(tables), *from));
}

Outcome<aws::Reply> DataService::describe_table(const aws::Call& call, const Json& members) {
    const auto from = token_place(members);
    if (!from) return tl::unexpected(from.error());
    const std::string table = text_of(members, "Table");
    const auto rows = ask(call, members, columns_of_table, {pattern_of(members, "Schema"), table});
    if (!rows) return tl::unexpected(rows.error());
    std::vector<Json> columns;
    for (const auto& row : *rows) {
        const auto column = redshift::column_of(row[0].value_or(""), row[1].value_or(""));
        auto json = parse_json(statement::columns_json({column}));
        if (!json) return aws::refuse(json.error());
        Json one = std::move((*json)[0]);
        one["nullable"] = row[2].value_or("") == "NO" ? 0 : 1;
        one["columnDefault"] = row[3] ? Json(*row[3]) : Json(nullptr);
        one["schemaName"] = row[4].value_or("");
        one["tableName"] = table;
        columns.push_back(std::move(one));
    }
    Json json = page_of(members, "ColumnList", std::move(columns), *from);
    json["TableName"] = table;
    return aws::reply(std::move(json));
}

}  // namespace stroma::front::redshift_data
