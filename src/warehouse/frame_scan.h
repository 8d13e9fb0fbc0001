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
    /// What it is stored as: VARCHAR, INTEGER, BIGINT, DOUBLE, FLOAT, BOOLEAN.
    std::string sql_type;
    // One of these; else every row has `constant`.
    const expression::Column* column = nullptr;
    const expression::TextArray* texts = nullptr;
    const std::vector<sql::Value>* values = nullptr;
    const std::vector<double>* reals = nullptr;
    const std::vector<std::uint32_t>* counts = nullptr;
    bool row_number = false;
    sql::Value constant = {};
};

/// Equally long columns.
struct ScannedRows {
    std::vector<ScannedColumn> columns;
    std::uint64_t rows = 0;
};

std::string sql_type_of(const expression::Column& column);
/// The type that such values share: of no or only missing ones VARCHAR.
std::string sql_type_of(const std::vector<sql::Value>& values);

/// The rows of each part, one part behind the other, by one thread. Missing values are NULL. All
/// parts have the first one's names and types.
std::shared_ptr<sql::TableScan> scan_parts(std::vector<ScannedRows> parts);

}  // namespace stroma::warehouse
