#pragma once

#include <memory>
#include <string>

#include "expression/annotated_data.h"
#include "expression/text/table.h"

namespace stroma::expression {

/// A wide table after its first reading.
struct WideTable {
    std::string corner;  ///< the header's field over the ids, "" without one
    TextArray header_ids, line_ids;
    Unit unit = Unit::unknown;
    std::unique_ptr<MatrixSource> source;
};

/// Reads the table once. lines_are_cells decides, from the header and the first lines' ids, which
/// axis the lines are.
using LinesAreCells = std::function<Result<bool>(
    std::string_view corner, const TextArray& header_ids, const TextArray& first_line_ids)>;
Result<WideTable> read_wide_table(std::unique_ptr<TextInput> input, const Dialect& dialect,
                                  const LinesAreCells& lines_are_cells);

}  // namespace stroma::expression
