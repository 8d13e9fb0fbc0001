#pragma once

#include "tissue/segment/filters.h"

namespace stroma::tissue {

/// A whole slide at one pixel for `factor` × `factor`, kept in memory.
struct CoarsePlane {
    std::int64_t factor = 1;
    Raster<float> values;

    CoarsePlane() = default;
    CoarsePlane(std::int64_t its_factor, std::uint64_t width, std::uint64_t height)
        : factor(its_factor),
          values((static_cast<std::int64_t>(width) + its_factor - 1) / its_factor,
                 (static_cast<std::int64_t>(height) + its_factor - 1) / its_factor) {}
    /// `count` values from slide pixel (x, y) on to the right, between the coarse ones (bilinear).
    /// Outside the slide the nearest coarse pixel's.
    void row(std::int64_t x, std::int64_t y, std::int64_t count, float* out) const;
};

}  // namespace stroma::tissue
