#pragma once

#include <string_view>
#include <vector>

#include "warehouse/warehouse.h"

namespace stroma::warehouse {

/// invalid_input when lengths, names or types of the rows don't fit.
Result<void> check_rows(const RevisionRows& rows);
/// invalid_input when there is no such table, or a row names a column that it hasn't.
Result<void> check_table_rows(std::string_view table, const std::vector<Row>& rows);

}  // namespace stroma::warehouse
