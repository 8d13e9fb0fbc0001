#pragma once

#include <memory>
#include <vector>

#include "sql/embedded_database.h"

namespace stroma::sql {

/// Puts a value into a sink's row; std::monostate as null. The value's type is its column's.
void put_value(RowSink& sink, std::size_t column, std::size_t row, const Value& value);

/// Rows that lie in memory as a relation, in their order: each has a value for each column.
std::shared_ptr<TableScan> scan_of(std::vector<ScanColumn> columns,
                                   std::vector<std::vector<Value>> rows);

}  // namespace stroma::sql
