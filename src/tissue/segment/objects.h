#pragma once

#include "tissue/segment/basins.h"
#include "tissue/segment/segmentation.h"

namespace stroma::tissue {

/// Draws each basin's border anew: its pixels brighter than a share of its own 90 % brightness,
/// without holes, the largest piece; what is too small goes, or has less chance than is asked for.
/// `out` (all zero before) gets 1 … the number of objects that stay, which is returned, by the
/// order of the basins.
Result<std::uint32_t> draw_objects(const std::vector<Basin>& basins,
                                   const ScratchPlane<std::uint32_t>& basin_labels,
                                   const ScratchPlane<std::uint16_t>& brightness,
                                   const SegmentOptions& options, double radius,
                                   ScratchPlane<std::uint32_t>& out,
                                   const expression::Watch& watch);

}  // namespace stroma::tissue
