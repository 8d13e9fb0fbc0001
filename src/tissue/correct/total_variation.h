#pragma once

#include "image/stored_image.h"
#include "tissue/pixel_reader.h"
#include "tissue/segment/filters.h"

namespace stroma::tissue {

/// A window of a channel with less total variation: the picture that is near (by squares) to the
/// one that is there, and has short borders. `weight`, of the values' size, says how much the
/// latter counts. After so many rounds, so a pixel depends on the `rounds` pixels around it alone;
/// at the picture's own edges nothing lies outside.
/// Source: Chambolle 2004; as scikit-image's denoise_tv_chambolle has it with that number of
/// rounds and without an early end.
Result<void> less_variation(const image::StoredImage& image, std::size_t channel, double weight,
                            std::int64_t rounds, const Window& window, Raster<float>& out);

}  // namespace stroma::tissue
