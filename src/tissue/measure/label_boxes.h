#pragma once

#include <optional>
#include <vector>

#include "expression/annotated_data.h"
#include "image/stored_image.h"
#include "tissue/measure/object_runs.h"
#include "tissue/pixel_reader.h"

namespace stroma::tissue {

/// Where a label's pixels lie; half open.
struct LabelBox {
    std::uint32_t label = 0;
    std::int64_t x0 = INT64_MAX, y0 = INT64_MAX, x1 = 0, y1 = 0;
    std::uint64_t area = 0;  ///< pixels
};

/// The places of a picture's tiles, row by row.
std::vector<Window> tile_windows(const image::ImageInfo& info);

/// The runs of a picture's tiles, as many as fit into `bytes_max`: who needs labels twice unpacks
/// few of them again.
struct TileRuns {
    std::size_t bytes_max = 256u << 20;
    std::size_t bytes = 0;
    std::vector<std::optional<PackedRuns>> tiles;  ///< as tile_windows has them
};

/// Of every label but 0, rising. Reads the picture once; what was found goes into `kept`, too.
/// errors  invalid_input  a value that is no label; corrupt, cancelled
Result<std::vector<LabelBox>> label_boxes(const image::StoredImage& labels,
                                          const expression::Watch& watch, TileRuns* kept = nullptr);

/// errors  exhausted  a box wider or higher than 16,384 pixels
Result<void> refuse_too_large(const std::vector<LabelBox>& boxes);

/// Boxes that begin in one block of 4 × 4 tiles, and what lies under all of them.
struct BoxBlock {
    std::vector<std::size_t> boxes;  ///< by their place in the list
    Window window;
};
/// errors  exhausted  a box wider or higher than 16,384 pixels
Result<std::vector<BoxBlock>> blocks_of(const std::vector<LabelBox>& boxes);

}  // namespace stroma::tissue
