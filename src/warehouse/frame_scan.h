#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "expression/frame.h"
#include "sql/embedded_database.h"

namespace stroma::warehouse {

/// A column of rows for the engine, over values that outlive the scan.
struct ScannedColumn {
    std::string name;
    std::string sql_type;  ///< what it is stored as: VARCHAR, BIGINT, DOUBLE, FLOAT, BOOLEAN
    // One of these.
    const expression::Column* column = nullptr;
    const expression::TextArray* texts = nullptr;
    const std::vector<sql::Value>* values = nullptr;
    const std::vector<double>* reals = nullptr;
    const std::vector<std::uint32_t>* counts = nullptr;
    bool row_number = false;
};

std::string sql_type_of(const expression::Column& column);
/// The type that such values share: of no or only missing ones VARCHAR.
std::string sql_type_of(const std::vector<sql::Value>& values);

/// Rows 0 … rows-1 of those columns, in order, by one thread. Missing values are NULL.
std::shared_ptr<sql::TableScan> scan_columns(std::vector<ScannedColumn> columns,
                                             std::uint64_t rows);

}  // namespace stroma::warehouse
