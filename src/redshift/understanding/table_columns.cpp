#include <fmt/format.h>

#include <algorithm>

#include "redshift/table_statements.h"

namespace stroma::redshift {
namespace {

bool is_ours(const TableName& table) {
    return table.schema.starts_with("stroma_") || table.schema == "pg_catalog" ||
           table.schema == "information_schema" || table.schema == "main";
}

/// What is kept elsewhere only looks like views, and would be back at the next start.
bool is_outside(EngineSession& session, const TableName& table) {
    const auto& outside = session.engine().options.outside;
    if (outside == nullptr || lower_of(table.schema) != outside->schema()) return false;
    const auto& all = outside->relations();
    return table.name.empty() || std::any_of(all.begin(), all.end(), [&](const auto& each) {
               return each.name == lower_of(table.name);
           });
}

}  // namespace

Answer<void> check_ours(EngineSession& session, const TableName& table) {
    if (is_ours(table) || is_outside(session, table))
        return refuse("42501", fmt::format("permission denied for schema {}", table.schema));
    return {};
}

Answer<bool> is_view_there(EngineSession& session, const TableName& view) {
    return TRY(session.text_of("SELECT 'yes' FROM duckdb_views() WHERE lower(view_name) = "
                               "lower(?) AND lower(schema_name) = lower(?) AND database_name = "
                               "current_database()",
                               {view.name, view.schema}))
        .has_value();
}

Answer<bool> is_relation_there(EngineSession& session, const TableName& table) {
    return TRY(session.text_of(
                   "SELECT 'yes' FROM (SELECT table_name AS name, schema_name, database_name FROM "
                   "duckdb_tables() UNION ALL SELECT view_name, schema_name, database_name FROM "
                   "duckdb_views()) WHERE lower(name) = lower(?) AND lower(CASE WHEN "
                   "database_name = 'temp' THEN 'temp' ELSE schema_name END) = lower(?) LIMIT 1",
                   {table.name, table.schema}))
        .has_value();
}

Answer<TableAttributes> attributes_of(EngineSession& session, const TableName& table) {
    const auto rows = TRY(
        session.query("SELECT comment FROM duckdb_tables() WHERE lower(table_name) = lower(?) AND "
                      "(CASE WHEN database_name = 'temp' THEN 'temp' ELSE schema_name END) = ?",
                      std::vector<sql::Value>{table.name, table.schema}));
    if (!TRY(rows->next()))
        return refuse("42P01", fmt::format("relation \"{}\" does not exist", table.name));
    return TableAttributes::from(rows->is_null(0) ? "" : rows->text(0));
}

Answer<void> keep_attributes(EngineSession& session, const TableName& table,
                             const TableAttributes& attributes) {
    TRY(session.change(fmt::format("COMMENT ON TABLE {} IS {}",
                                   table.is_temporary ? quoted_name(table.name) : table.sql(),
                                   quoted_text(attributes.text()))));
    return {};
}

namespace {

/// Of rows of name, type, default and whether it may be null.
Answer<std::vector<TableColumn>> columns_in(sql::Rows& rows) {
    std::vector<TableColumn> columns;
    while (TRY(rows.next())) {
        std::string type = rows.text(1);
        if (type == "TIMESTAMP WITH TIME ZONE") type = "TIMESTAMPTZ";
        if (type == "TIME WITH TIME ZONE") type = "TIMETZ";
        columns.push_back(
            {rows.text(0), std::move(type), rows.is_null(2) ? "" : rows.text(2), rows.boolean(3)});
    }
    return columns;
}

}  // namespace

Answer<std::vector<TableColumn>> columns_of_known(EngineSession& session, const TableName& table) {
    const auto rows = TRY(session.query(
        fmt::format("SELECT name, type, dflt_value, NOT \"notnull\" FROM pragma_table_info({})",
                    quoted_text(table.sql()))));
    return columns_in(*rows);
}

Answer<std::vector<TableColumn>> columns_of(EngineSession& session, const TableName& table) {
    const auto rows = TRY(session.query(
        "SELECT column_name, data_type, column_default, is_nullable FROM duckdb_columns() WHERE "
        "lower(table_name) = lower(?) AND (CASE WHEN database_name = 'temp' THEN 'temp' ELSE "
        "schema_name END) = ? ORDER BY column_index",
        std::vector<sql::Value>{table.name, table.schema}));
    auto columns = TRY(columns_in(*rows));
    if (columns.empty())
        return refuse("42P01", fmt::format("relation \"{}\" does not exist", table.name));
    return columns;
}

}  // namespace stroma::redshift
