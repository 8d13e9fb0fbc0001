#pragma once

#include <cstdint>
#include <vector>

#include "expression/annotated_data.h"
#include "image/stored_image.h"

namespace stroma::image {

/// How the objects of two pictures of labels lie on each other. Two are one object where they share
/// more than half of the pixels that either has (intersection over union > 0.5): nobody does so
/// with two.
struct LabelDifference {
    std::uint64_t same = 0;                              ///< pixel for pixel
    std::uint64_t changed = 0;                           ///< one object, not pixel for pixel
    std::vector<std::uint32_t> only_first, only_second;  ///< labels without a counterpart, rising
    std::vector<std::uint32_t> changed_first, changed_second;  ///< labels of `changed`, rising
};

/// Reads both at full size, tile by tile; memory is that of the pairs that touch.
/// errors  invalid_input  one isn't of labels, or their sizes are different; cancelled; corrupt
Result<LabelDifference> label_difference(const StoredImage& first, const StoredImage& second,
                                         const expression::Watch& watch);

}  // namespace stroma::image
