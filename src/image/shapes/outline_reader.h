#pragma once

#include "image/image_source.h"

namespace stroma::image {

/// Outlines of cells as GeoJSON (RFC 7946's geometry, QuPath's cells): each feature's polygons are
/// filled into one image of labels, one pixel a unit; the edge of the first pixel is at 0. A
/// label's id is the feature's property cell_id, label or name, or else its id.
const ImageReader& outline_reader();

}  // namespace stroma::image
