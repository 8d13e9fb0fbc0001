#pragma once

#include <array>
#include <string>

#include "image/stored_image.h"

namespace stroma::image {

/// Rows of grey or of red, green and blue bytes as a PNG without any other chunk.
Result<std::string> png_of(std::uint64_t width, std::uint64_t height, std::size_t samples,
                           ByteSpan values);

/// A tile of a photograph as a PNG. errors  not_found  no such tile, no photograph; corrupt
Result<std::string> rgb_tile_png(const StoredImage& image, std::uint32_t level, std::uint64_t x,
                                 std::uint64_t y);

/// The smallest level as a PNG: a photograph as it is, the first channels in their colours one on
/// another, each cell of labels in a colour of its own.
Result<std::string> thumbnail_png(const StoredImage& image);

/// The colour that a channel is shown in: its own, or one by its number. 0 to 255.
std::array<double, 3> shown_color(const ImageInfo& info, std::size_t channel);

}  // namespace stroma::image
