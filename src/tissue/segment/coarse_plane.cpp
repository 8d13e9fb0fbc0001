#include "tissue/segment/coarse_plane.h"

#include <algorithm>
#include <cmath>

namespace stroma::tissue {
namespace {

struct Between {
    std::int64_t first, second;
    float share;  ///< of the second
};

Between between(std::int64_t at, std::int64_t factor, std::int64_t size) {
    // Twice the place in coarse pixels is a whole number over the factor: nothing is rounded.
    const std::int64_t doubled = 2 * at + 1 - factor, whole = 2 * factor;
    std::int64_t first = doubled / whole;
    if (doubled < 0 && first * whole != doubled) --first;
    const auto share = static_cast<float>(doubled - first * whole) / static_cast<float>(whole);
    const auto clamped = [&](std::int64_t place) {
        return std::clamp<std::int64_t>(place, 0, size - 1);
    };
    return {clamped(first), clamped(first + 1), share};
}

}  // namespace

void CoarsePlane::row(std::int64_t x, std::int64_t y, std::int64_t count, float* out) const {
    const Between down = between(y, factor, values.height);
    const float* const upper = values.row(down.first);
    const float* const lower = values.row(down.second);
    for (std::int64_t i = 0; i < count; ++i) {
        const Between along = between(x + i, factor, values.width);
        const float a =
            upper[along.first] + along.share * (upper[along.second] - upper[along.first]);
        const float b =
            lower[along.first] + along.share * (lower[along.second] - lower[along.first]);
        out[i] = a + down.share * (b - a);
    }
}

}  // namespace stroma::tissue
