#pragma once

#include <cstdint>
#include <vector>

// Filters over one window of a slide. Each pixel's result is made of the pixels within a stated
// support only, always in the same order, so that it is the same in whichever window it lies.
// Near the window's edge results are none: the caller's halo is as wide as the supports in all.

namespace stroma::tissue {

/// A window's values, row-major.
template <class T>
struct Raster {
    std::int64_t width = 0, height = 0;
    std::vector<T> values;

    Raster() = default;
    Raster(std::int64_t its_width, std::int64_t its_height)
        : width(its_width),
          height(its_height),
          values(static_cast<std::size_t>(its_width * its_height)) {}
    T* row(std::int64_t y) { return values.data() + y * width; }
    const T* row(std::int64_t y) const { return values.data() + y * width; }
};

/// How many pixels to each side smooth() looks at.
std::int64_t smooth_support(double sigma);
/// Gaussian of that standard deviation. Edges repeat the last pixel.
void smooth(Raster<float>& image, double sigma);

/// Largest (smallest) value within an octagon about as wide as a disk of that radius; `edge` says
/// nothing of what lies outside. Support: radius + 1.
void widen(Raster<float>& image, std::int64_t radius);
void narrow(Raster<float>& image, std::int64_t radius);

/// Of values beside some pixels: where one is higher than the pixel's best so far it becomes that,
/// and `where` the place; as high is enough for a place under 4 where `where` is still 4.
void climb_to(std::uint16_t* best, std::uint16_t* where, const std::uint16_t* beside,
              std::uint16_t place, std::int64_t count);

/// Takes away what a square of 3 × 3 doesn't fit into. Support: 2.
void open_square(Raster<std::uint8_t>& mask);
/// Sets the holes (4-connected pieces of 0) whose box has no side past `side_max`.
/// Support: side_max + 1.
void fill_holes(Raster<std::uint8_t>& mask, std::int64_t side_max);
/// Of each set pixel the distance to the nearest one that isn't, at most `reach` (up to 127).
/// Support: reach.
Raster<float> distance_inside(const Raster<std::uint8_t>& mask, std::int64_t reach);
/// -sigma² times the Laplacian of the image smoothed by sigma: large in the middle of bright spots
/// about sigma * sqrt(2) in radius. Support: smooth_support(sigma) + 1.
Raster<float> spots(Raster<float> image, double sigma);

}  // namespace stroma::tissue
