#pragma once

#include <cstdint>
#include <vector>

#include "expression/annotated_data.h"
#include "image/stored_image.h"

namespace stroma::tissue {

/// Labels of which a pixel came or went between two pictures of labels, rising: those of both.
/// Reads both once, tile by tile on all threads.
/// errors  invalid_input  their sizes differ, a value that is no label; corrupt, cancelled
Result<std::vector<std::uint32_t>> changed_labels(const image::StoredImage& before,
                                                  const image::StoredImage& now,
                                                  const expression::Watch& watch);

}  // namespace stroma::tissue
