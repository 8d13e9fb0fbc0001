#pragma once

#include "image/image_source.h"

namespace stroma::image {

/// TIFF, BigTIFF and OME-TIFF: strips or tiles, any byte order and packing that libtiff knows,
/// whole numbers of 8 to 32 bits and 32-bit floats. Of an OME-TIFF each channel's first plane (z
/// and t 0), with what its OME-XML says of it; of other files all pages of the first one's size and
/// type, each a channel (of a photograph: the first).
const ImageReader& tiff_reader();

}  // namespace stroma::image
