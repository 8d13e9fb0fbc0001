#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace stroma::tissue {

/// Pixels [x0, x1) of one row that belong to an object.
struct PixelRun {
    std::int64_t y = 0, x0 = 0, x1 = 0;
};

/// Shape of one object in pixels, as scikit-image 0.19's regionprops has it.
struct Region {
    std::uint64_t area = 0;
    std::int64_t x0 = 0, y0 = 0, x1 = 0, y1 = 0;  ///< box, half open
    double centroid_x = 0, centroid_y = 0;
    double major_axis = 0, minor_axis = 0, eccentricity = 0;
    double orientation = 0;  ///< of the long axis against the downward axis, -pi/2 to pi/2
    double perimeter = 0;
    std::uint64_t convex_area = 0;

    double solidity() const { return static_cast<double>(area) / static_cast<double>(convex_area); }
    double extent() const {
        return static_cast<double>(area) / static_cast<double>((x1 - x0) * (y1 - y0));
    }
    double equivalent_diameter() const;
};

/// Of an object's runs, sorted by row and place; at least one, within 2^14 rows and columns.
Region region_of(std::span<const PixelRun> runs);

/// What the table calls the shape, in the order of values_of().
constexpr std::array<std::string_view, 13> shape_names = {
    "area",         "bbox_min_row",      "bbox_min_col",       "bbox_max_row", "bbox_max_col",
    "eccentricity", "major_axis_length", "minor_axis_length",  "orientation",  "solidity",
    "extent",       "perimeter",         "equivalent_diameter"};
std::array<double, shape_names.size()> values_of(const Region& region);

}  // namespace stroma::tissue
