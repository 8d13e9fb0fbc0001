#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "sql/embedded_database.h"

namespace stroma::delivery {

struct TableColumn {
    std::string name;
    std::string type;  ///< the engine's: BIGINT, DOUBLE, VARCHAR, TIMESTAMP, DECIMAL(10,2), …
};

/// What rows look like that records become.
struct TableShape {
    std::vector<TableColumn> columns;
    bool from_csv = false;  ///< records are lines of CSV in the columns' order, else JSON objects
};

/// "symbol string, date date, close_ double": names and types as Hive has them.
/// errors  invalid_input  another type, a name twice, one with control characters, none at all
Result<std::vector<TableColumn>> parse_columns(std::string_view text);

/// A record's values as text, in the columns' order; nothing for null. JSON names match whatever
/// their case, with dots read as underscores; what the table doesn't have is passed over.
/// errors  invalid_input  not JSON or CSV, a value that isn't of its column's type
using TextRow = std::vector<std::optional<std::string>>;
Result<TextRow> row_of(std::string_view record, const TableShape& shape);

/// The rows as one Parquet file's bytes. `scratch` is a folder for it on its way.
Result<std::string> parquet_of(sql::EmbeddedDatabase& engine, const TableShape& shape,
                               std::vector<TextRow> rows, const fs::path& scratch);

}  // namespace stroma::delivery
