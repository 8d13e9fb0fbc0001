#include "tissue/segment/filters.h"

#include <algorithm>
#include <cmath>

// Built with -O3 (see CMakeLists.txt); clones for wider vectors round alike, as nothing is fused.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define STROMA_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define STROMA_WIDE
#endif

namespace stroma::tissue {
namespace {

std::vector<float> gaussian_weights(double sigma) {
    const std::int64_t reach = smooth_support(sigma);
    std::vector<float> weights(static_cast<std::size_t>(reach + 1));
    double total = 0;
    for (std::int64_t i = 0; i <= reach; ++i)
        total += (i == 0 ? 1 : 2) * std::exp(-0.5 * static_cast<double>(i * i) / (sigma * sigma));
    for (std::int64_t i = 0; i <= reach; ++i)
        weights[i] = static_cast<float>(
            std::exp(-0.5 * static_cast<double>(i * i) / (sigma * sigma)) / total);
    return weights;
}

STROMA_WIDE void add_pair(float* out, const float* a, const float* b, float weight,
                          std::int64_t count) {
    for (std::int64_t x = 0; x < count; ++x) out[x] += weight * (a[x] + b[x]);
}

/// Two pairs after each other: the same sums in the same order, read and written once.
STROMA_WIDE void add_two_pairs(float* out, const float* a, const float* b, float weight,
                               const float* c, const float* d, float weight2, std::int64_t count) {
    for (std::int64_t x = 0; x < count; ++x)
        out[x] = (out[x] + weight * (a[x] + b[x])) + weight2 * (c[x] + d[x]);
}

STROMA_WIDE void scale(float* out, const float* in, float weight, std::int64_t count) {
    for (std::int64_t x = 0; x < count; ++x) out[x] = weight * in[x];
}

STROMA_WIDE void keep_max(float* out, const float* in, std::int64_t count) {
    for (std::int64_t x = 0; x < count; ++x) out[x] = out[x] < in[x] ? in[x] : out[x];
}

STROMA_WIDE void keep_min_sum(std::int16_t* out, const std::int16_t* in, std::int16_t more,
                              std::int64_t count) {
    for (std::int64_t x = 0; x < count; ++x) {
        const auto sum = static_cast<std::int16_t>(in[x] + more);
        out[x] = out[x] > sum ? sum : out[x];
    }
}

STROMA_WIDE void climb_earlier(std::uint16_t* best, std::uint16_t* where,
                               const std::uint16_t* beside, std::uint16_t place,
                               std::int64_t count) {
    for (std::int64_t x = 0; x < count; ++x) {
        const std::uint16_t value = beside[x], most = best[x], now = where[x];
        const bool is_higher = value > most || (value == most && now == 4);
        best[x] = value > most ? value : most;
        where[x] = is_higher ? place : now;
    }
}

STROMA_WIDE void climb_later(std::uint16_t* best, std::uint16_t* where, const std::uint16_t* beside,
                             std::uint16_t place, std::int64_t count) {
    for (std::int64_t x = 0; x < count; ++x) {
        const std::uint16_t value = beside[x], most = best[x], now = where[x];
        best[x] = value > most ? value : most;
        where[x] = value > most ? place : now;
    }
}

STROMA_WIDE void keep_least(std::uint8_t* out, const std::uint8_t* in, std::int64_t count) {
    for (std::int64_t x = 0; x < count; ++x) out[x] = out[x] > in[x] ? in[x] : out[x];
}

STROMA_WIDE void keep_most(std::uint8_t* out, const std::uint8_t* in, std::int64_t count) {
    for (std::int64_t x = 0; x < count; ++x) out[x] = out[x] < in[x] ? in[x] : out[x];
}

STROMA_WIDE void laplacian_row(float* out, const float* up, const float* at, const float* down,
                               float factor, std::int64_t count) {
    for (std::int64_t x = 1; x + 1 < count; ++x)
        out[x] = factor * (((up[x] + down[x]) + (at[x - 1] + at[x + 1])) - 4 * at[x]);
}

STROMA_WIDE void roots(float* out, const std::int16_t* squares, std::int64_t count) {
    for (std::int64_t x = 0; x < count; ++x) out[x] = std::sqrt(static_cast<float>(squares[x]));
}

/// A row with its first and last value repeated to both sides.
template <class T>
void pad(const T* row, std::int64_t width, std::int64_t reach, std::vector<T>& out) {
    out.resize(static_cast<std::size_t>(width + 2 * reach));
    std::fill_n(out.begin(), reach, row[0]);
    std::copy_n(row, width, out.begin() + reach);
    std::fill_n(out.begin() + reach + width, reach, row[width - 1]);
}

template <class T, class Keep>
void square_filter(Raster<T>& image, std::int64_t radius, Keep keep) {
    std::vector<T> padded;
    for (std::int64_t y = 0; y < image.height; ++y) {
        pad(image.row(y), image.width, radius, padded);
        for (std::int64_t i = 0; i <= 2 * radius; ++i)
            keep(image.row(y), padded.data() + i, image.width);
    }
    const Raster<T> before = image;
    for (std::int64_t y = 0; y < image.height; ++y)
        for (std::int64_t i = std::max<std::int64_t>(y - radius, 0);
             i <= std::min(y + radius, image.height - 1); ++i)
            keep(image.row(y), before.row(i), image.width);
}

/// Largest value of a square, by windows of 1, 2, 4, … values: any number of them costs little.
void widen_by_square(Raster<float>& image, std::int64_t radius) {
    const std::int64_t window = 2 * radius + 1;
    std::int64_t half = 1;
    while (2 * half <= window) half *= 2;
    std::vector<float> padded;
    for (std::int64_t y = 0; y < image.height; ++y) {
        pad(image.row(y), image.width, radius, padded);
        const auto size = static_cast<std::int64_t>(padded.size());
        for (std::int64_t one = 1; one < half; one *= 2)
            keep_max(padded.data(), padded.data() + one, size - one);
        float* const row = image.row(y);
        std::copy_n(padded.data(), image.width, row);
        keep_max(row, padded.data() + window - half, image.width);
    }
    Raster<float> tall(image.width, image.height + 2 * radius);
    for (std::int64_t y = 0; y < tall.height; ++y)
        std::copy_n(image.row(std::clamp<std::int64_t>(y - radius, 0, image.height - 1)),
                    image.width, tall.row(y));
    for (std::int64_t one = 1; one < half; one *= 2)
        for (std::int64_t y = 0; y + one < tall.height; ++y)
            keep_max(tall.row(y), tall.row(y + one), image.width);
    for (std::int64_t y = 0; y < image.height; ++y) {
        std::copy_n(tall.row(y), image.width, image.row(y));
        keep_max(image.row(y), tall.row(y + window - half), image.width);
    }
}

/// Largest of a pixel and its four neighbours.
void widen_by_cross(Raster<float>& image) {
    std::vector<float> above, here;  // rows as they were, with a value more to each side
    for (std::int64_t y = 0; y < image.height; ++y) {
        float* const row = image.row(y);
        pad(row, image.width, 1, here);
        keep_max(row, here.data(), image.width);
        keep_max(row, here.data() + 2, image.width);
        if (y > 0) keep_max(row, above.data() + 1, image.width);
        if (y + 1 < image.height) keep_max(row, image.row(y + 1), image.width);
        std::swap(above, here);
    }
}

std::uint32_t root_of(std::vector<std::uint32_t>& parents, std::uint32_t at) {
    while (parents[at] != at) at = parents[at] = parents[parents[at]];
    return at;
}

struct Box {
    std::int64_t x0, y0, x1, y1;
};

}  // namespace

std::int64_t smooth_support(double sigma) {
    return static_cast<std::int64_t>(std::ceil(3 * sigma));
}

void smooth(Raster<float>& image, double sigma) {
    const std::vector<float> weights = gaussian_weights(sigma);
    const std::int64_t reach = smooth_support(sigma);
    Raster<float> along(image.width, image.height);
    std::vector<float> padded;
    for (std::int64_t y = 0; y < image.height; ++y) {
        pad(image.row(y), image.width, reach, padded);
        float* const row = along.row(y);
        scale(row, padded.data() + reach, weights[0], image.width);
        const float* const middle = padded.data() + reach;
        std::int64_t i = 1;
        for (; i < reach; i += 2)
            add_two_pairs(row, middle - i, middle + i, weights[i], middle - i - 1, middle + i + 1,
                          weights[i + 1], image.width);
        if (i == reach) add_pair(row, middle - i, middle + i, weights[i], image.width);
    }
    for (std::int64_t y = 0; y < image.height; ++y) {
        float* const row = image.row(y);
        scale(row, along.row(y), weights[0], image.width);
        const auto above = [&](std::int64_t i) {
            return along.row(std::max<std::int64_t>(y - i, 0));
        };
        const auto below = [&](std::int64_t i) {
            return along.row(std::min(y + i, image.height - 1));
        };
        std::int64_t i = 1;
        for (; i < reach; i += 2)
            add_two_pairs(row, above(i), below(i), weights[i], above(i + 1), below(i + 1),
                          weights[i + 1], image.width);
        if (i == reach) add_pair(row, above(i), below(i), weights[i], image.width);
    }
}

void climb_to(std::uint16_t* best, std::uint16_t* where, const std::uint16_t* beside,
              std::uint16_t place, std::int64_t count) {
    if (place < 4)
        climb_earlier(best, where, beside, place, count);
    else
        climb_later(best, where, beside, place, count);
}

void widen(Raster<float>& image, std::int64_t radius) {
    // Corners of an octagon lie on the disk when the cross does 0.41 of the way.
    const auto crosses = static_cast<std::int64_t>(std::lround(0.41 * static_cast<double>(radius)));
    widen_by_square(image, radius - crosses);
    for (std::int64_t i = 0; i < crosses; ++i) widen_by_cross(image);
}

void narrow(Raster<float>& image, std::int64_t radius) {
    for (float& value : image.values) value = -value;
    widen(image, radius);
    for (float& value : image.values) value = -value;
}

void open_square(Raster<std::uint8_t>& mask) {
    square_filter(mask, 1, keep_least);
    square_filter(mask, 1, keep_most);
}

void fill_holes(Raster<std::uint8_t>& mask, std::int64_t side_max) {
    struct Run {
        std::int64_t y, x0, x1;
    };
    std::vector<Run> runs;
    std::vector<std::uint32_t> parents;
    std::size_t above_begin = 0, above_end = 0;
    for (std::int64_t y = 0; y < mask.height; ++y) {
        const std::uint8_t* const row = mask.row(y);
        const std::size_t begin = runs.size();
        std::size_t above = above_begin;
        for (std::int64_t x = 0; x < mask.width;) {
            const auto* const next =
                static_cast<const std::uint8_t*>(std::find(row + x, row + mask.width, 0));
            x = next - row;
            if (x == mask.width) break;
            const std::int64_t first = x;
            while (x < mask.width && row[x] == 0) ++x;
            const auto id = static_cast<std::uint32_t>(runs.size());
            runs.push_back({y, first, x});
            parents.push_back(id);
            while (above < above_end && runs[above].x1 <= first) ++above;
            for (std::size_t i = above; i < above_end && runs[i].x0 < x; ++i) {
                const auto a = root_of(parents, static_cast<std::uint32_t>(i));
                const auto b = root_of(parents, id);
                parents[std::max(a, b)] = std::min(a, b);
            }
        }
        above_begin = begin;
        above_end = runs.size();
    }
    std::vector<Box> boxes(runs.size(), {mask.width, mask.height, 0, 0});
    for (std::uint32_t i = 0; i < runs.size(); ++i) {
        Box& box = boxes[root_of(parents, i)];
        box = {std::min(box.x0, runs[i].x0), std::min(box.y0, runs[i].y),
               std::max(box.x1, runs[i].x1), std::max(box.y1, runs[i].y + 1)};
    }
    for (std::uint32_t i = 0; i < runs.size(); ++i) {
        const Box& box = boxes[root_of(parents, i)];
        const bool is_whole =
            box.x0 > 0 && box.y0 > 0 && box.x1 < mask.width && box.y1 < mask.height;
        if (is_whole && box.x1 - box.x0 <= side_max && box.y1 - box.y0 <= side_max)
            std::fill(mask.row(runs[i].y) + runs[i].x0, mask.row(runs[i].y) + runs[i].x1,
                      std::uint8_t{1});
    }
}

Raster<float> distance_inside(const Raster<std::uint8_t>& mask, std::int64_t reach) {
    const auto far = static_cast<std::int16_t>(reach * reach);
    // Down and up a column: the distance to the nearest 0 there, then its square.
    Raster<std::int16_t> column(mask.width, mask.height);
    const auto step = [&](std::int64_t y, std::int64_t from, bool is_first) {
        for (std::int64_t x = 0; x < mask.width; ++x) {
            const auto next = static_cast<std::int16_t>(
                from < 0 || from >= mask.height ? reach : column.row(from)[x] + 1);
            std::int16_t& at = column.row(y)[x];
            const std::int16_t here = mask.row(y)[x] == 0
                                          ? std::int16_t{0}
                                          : std::min(next, static_cast<std::int16_t>(reach));
            at = is_first ? here : std::min(at, here);
        }
    };
    for (std::int64_t y = 0; y < mask.height; ++y) step(y, y - 1, true);
    for (std::int64_t y = mask.height - 1; y >= 0; --y) step(y, y + 1, false);
    Raster<float> out(mask.width, mask.height);
    std::vector<std::int16_t> padded, least(static_cast<std::size_t>(mask.width));
    for (std::int64_t y = 0; y < mask.height; ++y) {
        std::int16_t* const row = column.row(y);
        std::int16_t tallest = 0;
        for (std::int64_t x = 0; x < mask.width; ++x) {
            tallest = std::max(tallest, row[x]);
            row[x] = static_cast<std::int16_t>(row[x] * row[x]);
        }
        pad(row, mask.width, reach, padded);
        std::copy_n(row, mask.width, least.begin());
        // Farther away than the tallest column nothing can be nearer.
        for (std::int64_t i = 1; i < std::min<std::int64_t>(tallest, reach); ++i) {
            const auto more = static_cast<std::int16_t>(i * i);
            keep_min_sum(least.data(), padded.data() + reach - i, more, mask.width);
            keep_min_sum(least.data(), padded.data() + reach + i, more, mask.width);
        }
        for (std::int16_t& value : least) value = std::min(value, far);
        roots(out.row(y), least.data(), mask.width);
    }
    return out;
}

Raster<float> spots(Raster<float> image, double sigma) {
    smooth(image, sigma);
    Raster<float> out(image.width, image.height);
    const auto factor = static_cast<float>(-sigma * sigma);
    for (std::int64_t y = 1; y + 1 < image.height; ++y)
        laplacian_row(out.row(y), image.row(y - 1), image.row(y), image.row(y + 1), factor,
                      image.width);
    return out;
}

}  // namespace stroma::tissue
