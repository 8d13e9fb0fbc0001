#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stroma::matrix {

enum class FieldKind { categorical, numeric, boolean };

/// One of the 43 names of the matrix service's v1 API, which name cell metadata in filters and
/// output columns.
struct Field {
    std::string_view name;          ///< "donor_organism.sex"; a column of the view `cells`
    std::string_view table_column;  ///< "donor.sex", also accepted as a name
    FieldKind kind = FieldKind::categorical;
    std::string_view description;
};

std::span<const Field> api_fields();
/// By API name or table.column.
const Field* find_field(std::string_view name);
/// What a v1 request without `fields` gets: the cell columns, then suspension, donor, library,
/// project, analysis, and organ with its parts, in the service's order.
std::vector<std::string> default_fields();

/// A name as a quoted SQL identifier, and a text as a quoted SQL literal.
std::string quoted_name(std::string_view name);
std::string quoted_text(std::string_view text);

}  // namespace stroma::matrix
