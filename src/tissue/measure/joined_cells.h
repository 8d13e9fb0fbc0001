#pragma once

#include <vector>

#include "base/result.h"
#include "tissue/measure/cell_table.h"

namespace stroma::tissue {

/// The cells of several tables below each other, in their order. Columns that only some have are
/// NaN, or no word, for the others' cells; layers and embeddings that not all have are left out. Of
/// ids that are equal the later ones get their table's place behind them: "7", "7-1". What made
/// them is kept once each. Takes the tables' values.
/// errors  invalid_input  the markers, or the sizes of an embedding, differ; nothing is joined
Result<CellTable> joined_cells(std::vector<CellTable> tables);

}  // namespace stroma::tissue
