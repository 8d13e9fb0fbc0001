#pragma once

#include "tissue/measure/label_boxes.h"

namespace stroma::tissue {

struct OutlinePoint {
    double x = 0, y = 0;
};

/// The outer border of a label's largest piece (4-connected), along the edges of its pixels: (0, 0)
/// is the centre of the first pixel. Not closed: the last point isn't the first. To the right
/// around the inside; without points on straight lines.
struct CellOutline {
    std::uint32_t label = 0;
    std::vector<OutlinePoint> points;
};

/// Of every label, rising. With `tolerance` over 0, points go that leave the border nearer than so
/// many pixels. errors  as label_boxes, blocks_of
Result<std::vector<CellOutline>> outlines_of(const image::StoredImage& labels, double tolerance,
                                             const expression::Watch& watch);

}  // namespace stroma::tissue
