#pragma once

#include <cstdint>
#include <vector>

#include "tissue/segment/filters.h"

namespace stroma::tissue {

/// A 4-connected piece of a mask.
struct MaskPiece {
    std::int64_t area = 0;  ///< squares of the mask
    double x = 0, y = 0;    ///< its middle, in squares
};
struct MaskPieces {
    std::vector<MaskPiece> pieces;
    Raster<std::int32_t> of;  ///< which piece each square belongs to; -1 for none
};

/// The pieces of that value, by row and column of their first square.
MaskPieces mask_pieces(const Raster<std::uint8_t>& mask, std::uint8_t value);

}  // namespace stroma::tissue
