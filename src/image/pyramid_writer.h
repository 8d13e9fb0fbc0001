#pragma once

#include "base/file.h"
#include "expression/annotated_data.h"
#include "image/image_source.h"

namespace stroma::image {

/// The side of a tile in pixels; the right and the lowest ones of a level may be smaller.
constexpr std::uint32_t tile_side = 512;

/// Writes the picture into `out` (empty, open for writing) as tiles of every level: each is half
/// the size of the one before, down to one tile. A pixel of the next level is the mean of up to
/// four, rounded to the nearest; of labels it is the first of them. Deterministic. Memory: twice
/// `tile_side` rows of the channels that are decoded together.
/// errors  the source's; exhausted (memory), cancelled
Result<ImageInfo> write_pyramid(ImageSource& source, File& out, const ImageOptions& options,
                                bool durable, const expression::Watch& watch);

}  // namespace stroma::image
