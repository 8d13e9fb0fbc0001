#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "warehouse/tables.h"

namespace stroma::matrix {

/// One of the 43 names of the matrix service's v1 API.
using Field = warehouse::ApiField;

/// By API name or table.column.
const Field* find_field(std::string_view name);
/// What a v1 request without `fields` gets: the cell columns, then suspension, donor, library,
/// project, analysis, and organ with its parts, in the service's order.
std::vector<std::string> default_fields();
/// Whether the field is of the specimen's organ or its parts.
bool is_organ(const Field& field);

using warehouse::quoted_name;
using warehouse::quoted_text;

}  // namespace stroma::matrix
