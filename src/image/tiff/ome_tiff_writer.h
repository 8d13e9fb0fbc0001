#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "image/pixels.h"

namespace stroma::image {

/// A picture on its way into an OME-TIFF: planes of equal size and type.
struct OmeTiff {
    std::string name;  ///< of the image, within
    std::uint64_t width = 0, height = 0;
    PixelType type = PixelType::uint32;
    std::vector<std::string> channels;                   ///< a plane each
    std::optional<double> micrometres_x, micrometres_y;  ///< of one pixel
    bool are_labels = false;  ///< smaller levels take the first of four, not their mean
    bool has_levels = true;   ///< smaller levels as sub-pages, halved down to one tile
    /// Row y of that channel, `width` values; valid until the next call. Called from one thread:
    /// channel by channel, rows rising, once for each level.
    std::function<Result<const std::byte*>(std::size_t channel, std::uint64_t y)> row;
};

/// Writes a tiled OME-TIFF (BigTIFF where it could pass 4 GB): tiles of 512, deflated on all cores,
/// differences along the row but for labels and floats. The same picture gives the same bytes.
/// `path` must not be there; on an error nothing is left.
/// memory  512 rows
/// errors  the rows'; already_exists, exhausted (a full disk)
Result<void> write_ome_tiff(const OmeTiff& picture, const fs::path& path);

}  // namespace stroma::image
