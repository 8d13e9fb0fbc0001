#pragma once

#include "image/image_source.h"

namespace stroma::image {

/// Reads .jp2 and .j2k: brightness, red, green and blue, or any other channels of up to 16 bits.
/// The picture is unpacked whole: larger ones are exhausted, with what to do.
const ImageReader& jpeg_2000_reader();

}  // namespace stroma::image
