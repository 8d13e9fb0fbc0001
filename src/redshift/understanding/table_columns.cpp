#include <fmt/format.h>

#include "redshift/table_statements.h"

namespace stroma::redshift {

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
