#pragma once

#include "image/image_source.h"

namespace stroma::image {

/// PNG: grey or colour, 8 or 16 bits; palettes become colours, transparency is dropped.
const ImageReader& png_reader();

}  // namespace stroma::image
