#pragma once

#include "base/file.h"
#include "image/stored_image.h"
#include "tissue/scratch_plane.h"

namespace stroma::app {

/// A PNG for people, at most about 1,600 pixels wide: the channel in grey, the borders of labels in
/// yellow.
Result<void> write_overlay(const image::StoredImage& picture, std::size_t channel,
                           const tissue::ScratchPlane<std::uint32_t>& labels,
                           const fs::path& path);

}  // namespace stroma::app
