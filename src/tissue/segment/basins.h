#pragma once

#include <cstdint>
#include <vector>

#include "expression/annotated_data.h"
#include "tissue/scratch_plane.h"

namespace stroma::tissue {

struct Scene;
struct Candidate;

/// A piece of foreground around one seed.
struct Basin {
    std::uint64_t anchor = 0;  ///< y * width + x of its highest pixel, the first of equals
    std::uint16_t peak = 0;
    float chance = 1;                                                ///< that it is a nucleus
    std::uint32_t x0 = UINT32_MAX, y0 = UINT32_MAX, x1 = 0, y1 = 0;  ///< half open
};

/// Which basins are one; heights are in their 16 bits.
struct BasinRules {
    std::uint16_t height_min = 1;  ///< a peak less than this over its highest saddle is none
    double height_scale = 8192;    ///< heights that stand for one radius
    double area_max = 1e9;         ///< pixels of what is put together by its shape
    double join_bias = 0;          ///< added to the log odds that two patches are one
    const Scene* scene = nullptr;  ///< none: shape alone says what is one, and every basin stays
};

/// Sorted by anchor. `labels` (all zero before) holds 1 + its number at each of a basin's pixels.
/// Pixels ascend to their highest neighbour (of 8; of equals to the first), whence basins; two that
/// touch are one when the lower peak is less than `height_min` above the highest pixel between
/// them, taken from the highest saddle down; then by their shape, as merge_tree() says, or with a
/// scene as choose() does. `candidates` gets what would be chosen from, and nothing is chosen.
/// errors  cancelled, exhausted
Result<std::vector<Basin>> find_basins(const ScratchPlane<std::uint16_t>& heights,
                                       const BasinRules& rules, ScratchPlane<std::uint32_t>& labels,
                                       const expression::Watch& watch,
                                       std::vector<Candidate>* candidates = nullptr);

}  // namespace stroma::tissue
