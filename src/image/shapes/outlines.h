#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stroma::image {

constexpr std::size_t geojson_bytes_max = 512u << 20;

/// One cell's outline: rings of points, holes among them; a place is inside when a line from it
/// crosses them an odd number of times.
struct Outline {
    std::string id;
    std::vector<std::vector<std::array<double, 2>>> rings;
    double low = 0, high = 0;  ///< of y
};

/// The polygons of a FeatureCollection, of a list of features, or of one.
/// errors  invalid_input  not JSON, a feature without polygons, a ring of less than three points,
///                        a place that is no finite number
///         exhausted      more than geojson_bytes_max
Result<std::vector<Outline>> outlines_in(std::string_view geojson);

}  // namespace stroma::image
