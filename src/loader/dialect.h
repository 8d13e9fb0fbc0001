#pragma once

#include <string>
#include <string_view>

namespace stroma::loader {

/// How a database writes the SQL of a load where databases differ, and what it can do: named
/// abilities, so that nothing above asks which database it is.
struct Dialect {
    std::string_view name;
    bool compares_nulls = true;    ///< knows IS NOT DISTINCT FROM
    bool aliases_deleted = true;   ///< DELETE FROM table AS alias USING …
    bool keeps_keys = false;       ///< its tables may refuse rows that a key or a check forbids
    bool copies_objects = true;    ///< reads s3:// by itself; else rows are streamed to it
    bool keeps_errors = true;      ///< stroma_system.load_errors takes what is refused
    bool plans_by_counts = false;  ///< a staged table wants ANALYZE before it is joined
    std::string_view temporary;    ///< the schema of temporary tables with its dot, or ""
    std::string_view text;         ///< the type of any text
    std::string_view collation;    ///< behind a text that is ordered by its bytes
    std::string_view json_text;    ///< a JSON value as text; {} is the column
    std::string_view other_text;   ///< a value of a type that has no order, as text; "" leaves it
    std::string_view lock;         ///< statement that waits for the table's writers; {} the table
    std::string_view name_statement;  ///< what tells the load's name; {} a quoted text
    /// Whose schema is asked for where a name has none: a query of ("name as written") for schema,
    /// name and kind; "" where the schema is then public.
    std::string_view find_table;
    /// Columns in order, of (schema, name): name, type, default, is not null, numbers itself.
    std::string_view find_columns;
};

/// DuckDB, by way of the engine of the Redshift dialect.
const Dialect& engine_dialect();
/// PostgreSQL 15.
const Dialect& postgres_dialect();
/// A Redshift cluster. Its texts are tested, not the cluster.
const Dialect& redshift_dialect();

/// A type of Redshift's ("super", "varchar(65535)") as the database's.
std::string column_type(const Dialect& dialect, const std::string& type);
/// What the engine calls a type of the server's catalog ("numeric(10,2)" → "DECIMAL(10,2)"), so
/// that values are read as its own tables' are; a type it doesn't know stays as it is.
std::string engine_type_of_server(const std::string& type);

}  // namespace stroma::loader
