#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "redshift/token_reader.h"
#include "redshift/types.h"

namespace stroma::redshift {

/// A key that a table declares. The catalog tells it, and no row is held against it.
struct TableKey {
    enum class Kind : char { primary = 'p', unique = 'u', foreign = 'f' };  ///< pg_constraint's
    Kind kind = Kind::primary;
    std::string name;                  ///< "" where the statement gives none
    std::vector<std::string> columns;  ///< in the key's order
    /// Of a foreign key: the table that it refers to, and its columns, one for each of `columns`.
    std::string schema, table;
    std::vector<std::string> referred;
    std::size_t table_at = 0;  ///< token of that table's name in the statement
};

/// Whether one stands here: [CONSTRAINT name] PRIMARY KEY, UNIQUE or FOREIGN KEY.
bool begins_key(const TokenReader& in);
/// errors  42601
Answer<TableKey> read_key(TokenReader& in);
/// REFERENCES table [(column)] of a column's definition. errors  42601
Answer<TableKey> read_column_reference(TokenReader& in, const std::string& column);
/// The name that a table's key gets where the statement gives none, as PostgreSQL's.
std::string usual_name(const std::string& table, const TableKey& key);
Json key_json(const TableKey& key);
TableKey key_in(const Json& json);

/// How Redshift would store a table, and what its columns were declared as: kept beside it, so that
/// the catalog tells it and a definition for a real cluster can be written.
struct TableAttributes {
    std::string dist;  ///< "EVEN", "ALL", "KEY(a)", "AUTO(EVEN)"; "" not said
    std::string distkey;
    std::vector<std::string> sort;  ///< columns of the sort key
    bool is_interleaved = false;
    std::vector<TableKey> keys;
    std::string backup;   ///< "NO" where said
    std::string comment;  ///< of COMMENT ON TABLE; "" for none
    struct Of {
        std::string type, encode;
        std::string identity;          ///< "seed,step"
        bool identity_always = false;  ///< no statement gives it a value
    };
    std::map<std::string, Of> columns;
    std::string text() const;  ///< JSON
    static TableAttributes from(std::string_view text);
};

struct ColumnDefinition {
    std::string name;
    TypeName type;
    std::size_t default_from = 0, default_to = 0;  ///< tokens of DEFAULT's expression
    bool is_not_null = false;
    std::optional<std::pair<std::int64_t, std::int64_t>> identity;  ///< seed, step
    bool identity_by_default = false;                               ///< a value may be given
};

struct TableDefinition {
    bool is_temporary = false, if_not_exists = false;
    std::size_t name_at = 0;  ///< token of the name
    std::vector<ColumnDefinition> columns;
    std::vector<std::string> column_names;  ///< of CREATE TABLE x (a, b) AS
    struct Like {
        std::size_t name_at = 0;
        bool with_defaults = false;
        std::size_t before = 0;  ///< so many of `columns` stand before it
    };
    std::optional<Like> like;
    TableAttributes attributes;
    std::size_t query_from = 0, query_to = 0;  ///< of AS; equal: none
};

/// CREATE TABLE and CREATE TABLE AS.
Answer<TableDefinition> read_create_table(const std::vector<Token>& tokens);

}  // namespace stroma::redshift
