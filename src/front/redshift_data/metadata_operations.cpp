#include "base/json.h"
#include "front/redshift_data/data_service.h"
#include "redshift/types.h"

namespace stroma::front::redshift_data {
namespace {

std::string pattern_of(const Json& members, const char* name) {
    const std::string pattern = text_of(members, name);
    return pattern.empty() ? "%" : pattern;
}

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
    const auto rows = ask(call, members,
                          "SELECT schema_name FROM svv_all_schemas WHERE schema_name LIKE $1 "
                          "ORDER BY 1",
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
            "SELECT table_name, schema_name, table_type FROM svv_all_tables WHERE schema_name "
            "LIKE $1 AND table_name LIKE $2 ORDER BY schema_name, table_name",
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
    const auto rows =
        ask(call, members,
            "SELECT column_name, data_type, is_nullable, column_default, table_schema FROM "
            "svv_columns WHERE table_schema LIKE $1 AND table_name = $2 ORDER BY table_schema, "
            "ordinal_position",
            {pattern_of(members, "Schema"), table});
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
