#pragma once

#include "expression/annotated_data.h"
#include "image/stored_image.h"
#include "tissue/segment/filters.h"

namespace stroma::tissue {

/// Where a slide has tissue, at one pixel for `factor` × `factor` of its own.
struct TissueMask {
    std::int64_t factor = 1;
    Raster<std::uint8_t> is_tissue;  ///< 1 or 0
    double share = 0;                ///< of the slide
    bool is_at(std::int64_t x, std::int64_t y) const {
        return is_tissue.row(y / factor)[x / factor] != 0;
    }
};

/// By means of squares (at most 1,024 along a side) of a channel, of a photograph by its darkness
/// in green: what lies over Otsu's threshold, if both sides of that differ by six times the noise
/// between neighbouring squares and by a seventh; else there is none. Gaps of two squares are
/// closed, holes up to `hole` squares filled, pieces under `least` squares left out.
/// errors  corrupt, cancelled
Result<TissueMask> tissue_mask(const image::StoredImage& image, std::size_t channel,
                               std::int64_t hole, std::int64_t least,
                               const expression::Watch& watch);

}  // namespace stroma::tissue
