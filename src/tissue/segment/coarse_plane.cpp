#include "tissue/segment/coarse_plane.h"

#include <algorithm>
#include <cmath>

namespace stroma::tissue {
namespace {

/// Where a pixel lies between two coarse ones: `rest` / (2 factor) of the way from `first` on.
struct Between {
    std::int64_t first, rest;
};

Between between(std::int64_t at, std::int64_t factor) {
    // Twice the place in coarse pixels is a whole number over the factor: nothing is rounded.
    const std::int64_t doubled = 2 * at + 1 - factor, whole = 2 * factor;
    std::int64_t first = doubled / whole;
    if (doubled < 0 && first * whole != doubled) --first;
    return {first, doubled - first * whole};
}

/// Pixels between whole coarse ones, of which each serves as many; a fixed number is faster.
template <std::int64_t factor>
void between_whole(const float* coarse, const float* shares, std::int64_t count, float* out) {
    for (std::int64_t i = 0; i < count; ++i) {
        const float from = coarse[i], rise = coarse[i + 1] - from;
        for (std::int64_t k = 0; k < factor; ++k) out[i * factor + k] = from + shares[k] * rise;
    }
}

void between_whole(std::int64_t factor, const float* coarse, const float* shares,
                   std::int64_t count, float* out) {
    switch (factor) {
        case 1: return between_whole<1>(coarse, shares, count, out);
        case 2: return between_whole<2>(coarse, shares, count, out);
        case 3: return between_whole<3>(coarse, shares, count, out);
        case 4: return between_whole<4>(coarse, shares, count, out);
        default: break;
    }
    for (std::int64_t i = 0; i < count; ++i) {
        const float from = coarse[i], rise = coarse[i + 1] - from;
        for (std::int64_t k = 0; k < factor; ++k) out[i * factor + k] = from + shares[k] * rise;
    }
}

}  // namespace

void CoarsePlane::row(std::int64_t x, std::int64_t y, std::int64_t count, float* out) const {
    if (count <= 0) return;
    const auto clamped = [](std::int64_t place, std::int64_t size) {
        return std::clamp<std::int64_t>(place, 0, size - 1);
    };
    const std::int64_t whole = 2 * factor;
    const Between down = between(y, factor);
    const auto down_share = static_cast<float>(down.rest) / static_cast<float>(whole);
    const float* const upper = values.row(clamped(down.first, values.height));
    const float* const lower = values.row(clamped(down.first + 1, values.height));
    // First the coarse pixels of the row, of which a few serve many; then the pixels between them.
    Between along = between(x, factor);
    const std::int64_t columns = between(x + count - 1, factor).first - along.first + 2;
    thread_local std::vector<float> coarse, shares;
    coarse.resize(static_cast<std::size_t>(columns));
    for (std::int64_t i = 0; i < columns; ++i) {
        const std::int64_t column = clamped(along.first + i, values.width);
        coarse[static_cast<std::size_t>(i)] =
            upper[column] + down_share * (lower[column] - upper[column]);
    }
    shares.resize(static_cast<std::size_t>(factor));
    for (std::int64_t i = 0; i < factor; ++i)
        shares[static_cast<std::size_t>(i)] =
            static_cast<float>(2 * i + along.rest % 2) / static_cast<float>(whole);
    const float* left = coarse.data();
    const auto part = [&](std::int64_t phase, std::int64_t pixels) {
        for (std::int64_t k = 0; k < pixels; ++k)
            *out++ = left[0] + shares[static_cast<std::size_t>(phase + k)] * (left[1] - left[0]);
        count -= pixels;
    };
    if (const std::int64_t phase = along.rest / 2; phase != 0) {
        part(phase, std::min(factor - phase, count));
        ++left;
    }
    const std::int64_t blocks = count / factor;
    between_whole(factor, left, shares.data(), blocks, out);
    left += blocks;
    out += blocks * factor;
    part(0, count - blocks * factor);
}

}  // namespace stroma::tissue
