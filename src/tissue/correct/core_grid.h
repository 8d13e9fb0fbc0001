#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "tissue/correct/mask_pieces.h"

namespace stroma::tissue {

/// One place of a tissue microarray's grid.
struct ArrayCore {
    std::string name;  ///< "A1": row by letters, column by numbers
    std::int64_t row = 0, column = 0;
    double x = 0, y = 0;  ///< its middle, in the mask's squares
    double diameter = 0;  ///< of a disk of its area; of a missing one the usual
    bool is_there = false;
    std::vector<std::int32_t> pieces;  ///< of the mask
};

struct CoreGrid {
    std::int64_t rows = 0, columns = 0;
    std::vector<ArrayCore> cores;  ///< row by row, missing ones too
    double pitch = 0, turn = 0;    ///< way between neighbours; degrees that rows are turned by
};

/// Finds cores among the pieces of tissue: pieces about as large as the middle one of the larger
/// half are cores, fragments belong to the core whose disk they lie in; the grid's two steps and
/// its origin are fitted to them by least squares, so it may be turned by some degrees.
/// errors  invalid_input  fewer than four cores, or they lie on no grid
Result<CoreGrid> core_grid(const MaskPieces& pieces);

/// 0 is "A", 25 "Z", 26 "AA".
std::string row_letters(std::int64_t row);

}  // namespace stroma::tissue
