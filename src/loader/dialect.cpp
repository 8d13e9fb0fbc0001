#include "loader/dialect.h"

#include <map>

namespace stroma::loader {
namespace {

constexpr std::string_view postgres_table =
    "SELECT n.nspname, c.relname, c.relkind::text FROM pg_catalog.pg_class AS c JOIN "
    "pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = "
    "pg_catalog.to_regclass(?)";

constexpr std::string_view postgres_columns =
    "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), "
    "pg_catalog.pg_get_expr(d.adbin, d.adrelid), a.attnotnull, a.attidentity <> '' OR "
    "a.attgenerated <> '' FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid "
    "= a.attrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace LEFT JOIN "
    "pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE n.nspname = "
    "? AND c.relname = ? AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

constexpr std::string_view redshift_columns =
    "SELECT column_name, CASE WHEN data_type IN ('character varying', 'character') THEN data_type "
    "|| '(' || character_maximum_length || ')' WHEN data_type = 'numeric' THEN 'numeric(' || "
    "numeric_precision || ',' || numeric_scale || ')' ELSE data_type END, column_default, "
    "is_nullable = 'NO', coalesce(column_default LIKE '\"identity\"(%', false) FROM svv_columns "
    "WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position";

}  // namespace

const Dialect& engine_dialect() {
    static const Dialect dialect = [] {
        Dialect made;
        made.name = "duckdb";
        made.temporary = "temp.";
        made.text = "VARCHAR";
        made.json_text = "{}::VARCHAR";
        return made;
    }();
    return dialect;
}

const Dialect& postgres_dialect() {
    static const Dialect dialect = [] {
        Dialect made;
        made.name = "postgres";
        made.keeps_keys = true;
        made.copies_objects = false;
        made.plans_by_counts = true;
        made.text = "text";
        made.collation = " COLLATE \"C\"";
        made.json_text = "{}::text COLLATE \"C\"";
        made.other_text = "{}::text COLLATE \"C\"";
        made.lock = "LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE";
        made.name_statement = "SET LOCAL application_name = {}";
        made.find_table = postgres_table;
        made.find_columns = postgres_columns;
        return made;
    }();
    return dialect;
}

const Dialect& redshift_dialect() {
    static const Dialect dialect = [] {
        Dialect made;
        made.name = "redshift";
        made.compares_nulls = false;
        made.aliases_deleted = false;
        made.keeps_errors = false;
        made.text = "VARCHAR";
        made.json_text = "json_serialize({})";
        // A load reads the ledger and writes it: two at once, of whatever tables, would be the
        // cycle that serializable isolation forbids. The ledger comes first, so that none waits
        // crosswise.
        made.lock = "LOCK stroma_system.load_ledger, {}";
        made.name_statement = "SET query_group TO {}";
        made.find_columns = redshift_columns;
        return made;
    }();
    return dialect;
}

std::string column_type(const Dialect& dialect, const std::string& type) {
    if (dialect.copies_objects) return type;
    if (type == "super") return "jsonb";
    return type == "varchar(65535)" ? "text" : type;
}

std::string engine_type_of_server(const std::string& type) {
    static const std::map<std::string, std::string, std::less<>> known = {
        {"smallint", "SMALLINT"},
        {"integer", "INTEGER"},
        {"bigint", "BIGINT"},
        {"real", "FLOAT"},
        {"double precision", "DOUBLE"},
        {"boolean", "BOOLEAN"},
        {"date", "DATE"},
        {"json", "JSON"},
        {"jsonb", "JSON"},
        {"super", "JSON"},
        {"text", "VARCHAR"},
        {"character varying", "VARCHAR"},
        {"bytea", "BLOB"},
    };
    if (const auto found = known.find(type); found != known.end()) return found->second;
    if (type.starts_with("character")) return "VARCHAR";
    if (type.starts_with("numeric(")) return "DECIMAL" + type.substr(7);
    // With a number of digits between: "timestamp(3) without time zone".
    if (type.starts_with("timestamp"))
        return type.ends_with("with time zone") ? "TIMESTAMPTZ" : "TIMESTAMP";
    return type;
}

}  // namespace stroma::loader
