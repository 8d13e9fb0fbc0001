#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sql/migrations.h"

namespace stroma::warehouse {

/// A table whose rows a loader brings as they are, by the names of its columns.
struct BiologyTable {
    std::string_view name;
    std::vector<std::string_view> columns;  ///< beside dataset_no
    std::size_t key_columns;  ///< the first that tell one row from another in the view; 0: all
};

/// The tables of schema/warehouse/ that loaders fill, in the order of docs/sql.md.
const std::vector<BiologyTable>& biology_tables();
const BiologyTable* find_biology_table(std::string_view name);
/// "donor" of "service_donor", where a bundle has the one row that the matrix service would have
/// made of its donors; "" of a table that has entities of its own.
std::string_view entities_of(std::string_view table);
/// Columns of biology tables that hold numbers or booleans; all others are text.
std::string_view sql_type_of(std::string_view column);

/// The columns that every dataset's cell table has before its obs columns o0, o1...
const std::vector<std::pair<std::string_view, std::string_view>>& cell_columns();  // name, type

enum class FieldKind { categorical, numeric, boolean };

/// One of the 43 filter and field names of the matrix service's /v1 API, which name cell metadata
/// in filters and output columns.
struct ApiField {
    std::string_view name;    ///< "donor_organism.sex"; also a column of the view `cells`
    std::string_view table;   ///< the relation it comes from: "donor"
    std::string_view column;  ///< its column there: "sex"
    FieldKind kind = FieldKind::categorical;
    std::string_view description;
};

/// In the order in which the service listed them.
std::span<const ApiField> api_fields();

std::span<const sql::Migration> warehouse_migrations();

/// "name" with quotes doubled, for an identifier.
std::string quoted_name(std::string_view name);
/// 'text' with quotes doubled, for a literal.
std::string quoted_text(std::string_view text);

}  // namespace stroma::warehouse
