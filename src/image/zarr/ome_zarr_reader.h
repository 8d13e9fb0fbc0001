#pragma once

#include "image/image_source.h"

namespace stroma::image {

/// OME-Zarr (NGFF 0.1 to 0.4, Zarr version 2) as a folder or a .zip: the full size of the first
/// multiscale image, at z and t 0, with its channels' names and colours. Of a SpatialData store the
/// only image, or the only labels where labels are asked for.
const ImageReader& ome_zarr_reader();

}  // namespace stroma::image
