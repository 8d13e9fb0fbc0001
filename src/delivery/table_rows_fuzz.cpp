#include <cstddef>
#include <cstdint>
#include <string_view>

#include "delivery/table_rows.h"

/// Columns, a line break, and a record: as JSON and as CSV it has a value for each column, or is
/// refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t end = text.find('\n');
    auto columns = stroma::delivery::parse_columns(text.substr(0, end));
    if (!columns || end == std::string_view::npos) return 0;
    stroma::delivery::TableShape shape{.columns = *std::move(columns)};
    for (const bool from_csv : {false, true}) {
        shape.from_csv = from_csv;
        const auto row = stroma::delivery::row_of(text.substr(end + 1), shape);
        if (row && row->size() != shape.columns.size()) __builtin_trap();
    }
    return 0;
}
