#pragma once

#include <cstdint>
#include <vector>

#include "tissue/scratch_plane.h"

namespace stroma::tissue {

/// Pixels of each piece (4-connected) of values over `threshold`, rising. Reads rows in order.
std::vector<std::uint64_t> component_areas(const ScratchPlane<std::uint16_t>& image,
                                           std::uint16_t threshold);

/// Otsu's threshold of a histogram: the last value of the lower class; 0 for a flat image.
std::uint16_t otsu_threshold(const std::vector<std::uint64_t>& histogram);

}  // namespace stroma::tissue
