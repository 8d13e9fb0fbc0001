#include "tissue/measure/region.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <vector>

namespace stroma::tissue {
namespace {

struct Point {
    std::int64_t x, y;
};

std::int64_t cross(const Point& a, const Point& b, const Point& c) {
    return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

std::int64_t floor_half(std::int64_t value) { return value >> 1; }

/// The hull of the points, sorted by y: its left or right chain.
void extend(std::vector<Point>& chain, const Point& next, std::int64_t sign) {
    while (chain.size() >= 2 && sign * cross(chain[chain.size() - 2], chain.back(), next) >= 0)
        chain.pop_back();
    chain.push_back(next);
}

/// Where a chain crosses row y (doubled): rounded towards the inside of the hull to whole pixels.
std::int64_t crossing(const std::vector<Point>& chain, std::size_t& at, std::int64_t y,
                      bool is_left) {
    while (at + 2 < chain.size() && chain[at + 1].y < y) ++at;
    const Point& a = chain[at];
    const Point& b = chain[std::min(at + 1, chain.size() - 1)];
    if (a.y == b.y) {
        const std::int64_t x = is_left ? std::min(a.x, b.x) : std::max(a.x, b.x);
        return is_left ? -floor_half(-x) : floor_half(x);
    }
    // x = a.x + (b.x - a.x) (y - a.y) / (b.y - a.y), and a pixel is two units wide.
    const std::int64_t under = 2 * (b.y - a.y);
    const std::int64_t over = a.x * (b.y - a.y) + (b.x - a.x) * (y - a.y);
    std::int64_t whole = over / under;
    if (over % under != 0) whole += is_left ? (over > 0 ? 1 : 0) : (over < 0 ? -1 : 0);
    return whole;
}

/// Pixels whose centres lie in the hull of all pixels' edge mid-points, or on it. Coordinates are
/// doubled, so that all is exact.
std::uint64_t convex_area(std::span<const PixelRun> runs) {
    struct Ends {
        std::int64_t low = INT64_MAX, high = INT64_MIN;
    };
    // Of each doubled row from one above the first on, lowest and highest point. Many objects are
    // measured after another: their memory is kept.
    thread_local std::vector<Ends> ends;
    thread_local std::vector<Point> left, right;
    const std::int64_t origin_x = runs.front().x0, origin_y = runs.front().y;
    ends.assign(static_cast<std::size_t>(2 * (runs.back().y - origin_y) + 3), {});
    left.clear();
    right.clear();
    const auto add = [&](std::int64_t row, std::int64_t low, std::int64_t high) {
        Ends& here = ends[static_cast<std::size_t>(row)];
        here.low = std::min(here.low, low);
        here.high = std::max(here.high, high);
    };
    for (const PixelRun& run : runs) {
        const std::int64_t row = 2 * (run.y - origin_y);
        const std::int64_t first = 2 * (run.x0 - origin_x), last = 2 * (run.x1 - 1 - origin_x);
        add(row, first, last);
        add(row + 1, first - 1, last + 1);
        add(row + 2, first, last);
    }
    for (std::size_t row = 0; row < ends.size(); ++row) {
        if (ends[row].low > ends[row].high) continue;
        extend(left, {ends[row].low, static_cast<std::int64_t>(row) - 1}, 1);
        extend(right, {ends[row].high, static_cast<std::int64_t>(row) - 1}, -1);
    }
    std::uint64_t area = 0;
    std::size_t at_left = 0, at_right = 0;
    const std::int64_t last_row = 2 * (runs.back().y - origin_y);
    for (std::int64_t y = 0; y <= last_row; y += 2) {
        const std::int64_t from = crossing(left, at_left, y, true);
        const std::int64_t to = crossing(right, at_right, y, false);
        if (to >= from) area += static_cast<std::uint64_t>(to - from + 1);
    }
    return area;
}

void measure_moments(std::span<const PixelRun> runs, Region& region) {
    // Sums of whole numbers from the first run on: exact, whatever the order. With sides of up to
    // 2^14 those of squares stay below 2^57.
    __extension__ using Wide = __int128;
    const std::int64_t origin_x = runs.front().x0, origin_y = runs.front().y;
    std::int64_t count = 0, sum_x = 0, sum_y = 0, sum_xx = 0, sum_yy = 0, sum_xy = 0;
    const auto squares = [](std::int64_t n) { return n * (n + 1) * (2 * n + 1) / 6; };
    for (const PixelRun& run : runs) {
        const std::int64_t a = run.x0 - origin_x, b = run.x1 - 1 - origin_x, y = run.y - origin_y;
        const std::int64_t length = b - a + 1, along = (a + b) * length / 2;
        count += length;
        sum_x += along;
        sum_y += y * length;
        sum_xx += squares(b) - squares(a - 1);
        sum_yy += y * y * length;
        sum_xy += y * along;
    }
    const auto n = static_cast<double>(count);
    region.area = static_cast<std::uint64_t>(count);
    region.centroid_x = static_cast<double>(origin_x) + static_cast<double>(sum_x) / n;
    region.centroid_y = static_cast<double>(origin_y) + static_cast<double>(sum_y) / n;
    const auto spread = [&](std::int64_t product, std::int64_t one, std::int64_t other) {
        return static_cast<double>(Wide{count} * product - Wide{one} * other) / (n * n);
    };
    const double rows = spread(sum_yy, sum_y, sum_y);
    const double columns = spread(sum_xx, sum_x, sum_x);
    const double both = spread(sum_xy, sum_x, sum_y);
    // The inertia tensor has rows and columns changed about.
    const double a = columns, b = -both, c = rows;
    const double middle = (a + c) / 2, apart = std::hypot((a - c) / 2, b);
    const double large = std::max(middle + apart, 0.0), small = std::max(middle - apart, 0.0);
    region.major_axis = 4 * std::sqrt(large);
    region.minor_axis = 4 * std::sqrt(small);
    region.eccentricity = large == 0 ? 0 : std::sqrt(1 - small / large);
    if (a == c)
        region.orientation = b < 0 ? -std::numbers::pi / 4 : std::numbers::pi / 4;
    else
        region.orientation = 0.5 * std::atan2(-2 * b, c - a);
}

/// Pixels of a box as bits, rows of whole words with a margin around.
class BitRows {
public:
    using Word = std::uint64_t;
    void clear(std::int64_t width, std::int64_t height) {
        words_ = (width + 2 * margin + 63) / 64;
        bits_.assign(static_cast<std::size_t>(words_ * (height + 2 * margin)), 0);
    }
    std::int64_t words() const { return words_; }
    Word* row(std::int64_t y) { return bits_.data() + (y + margin) * words_; }
    const Word* row(std::int64_t y) const { return bits_.data() + (y + margin) * words_; }
    void set(std::int64_t y, std::int64_t x0, std::int64_t x1) {
        for (std::int64_t x = x0 + margin; x < x1 + margin;) {
            const std::int64_t end = std::min((x / 64 + 1) * 64, x1 + margin);
            const Word ones = end - x == 64 ? ~Word{0} : ((Word{1} << (end - x)) - 1);
            row(y)[x / 64] |= ones << (x % 64);
            x = end;
        }
    }
    /// The pixels to the left, or to the right, of those of a word.
    static Word left_of(const Word* row, std::int64_t at) {
        return row[at] << 1 | (at > 0 ? row[at - 1] >> 63 : 0);
    }
    Word right_of(const Word* row, std::int64_t at) const {
        return row[at] >> 1 | (at + 1 < words_ ? row[at + 1] << 63 : 0);
    }

    static constexpr std::int64_t margin = 2;

private:
    std::int64_t words_ = 0;
    std::vector<Word> bits_;
};

/// How many of four neighbours there are, for 64 pixels at once.
struct FourCounts {
    std::uint64_t zero, one, two, three;

    FourCounts(std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d) {
        const std::uint64_t low = a ^ b ^ c ^ d;
        const std::uint64_t high = (a & b) ^ (c & d) ^ ((a ^ b) & (c ^ d));
        zero = ~(a | b | c | d);
        one = low & ~high;
        two = high & ~low;
        three = low & high;
    }
};

/// Border pixels weighed by how their border neighbours lie.
double perimeter_of(std::span<const PixelRun> runs, const Region& region) {
    thread_local BitRows mask, border;
    const std::int64_t width = region.x1 - region.x0, height = region.y1 - region.y0;
    mask.clear(width, height);
    border.clear(width, height);
    for (const PixelRun& run : runs)
        mask.set(run.y - region.y0, run.x0 - region.x0, run.x1 - region.x0);
    for (std::int64_t y = 0; y < height; ++y)
        for (std::int64_t at = 0; at < mask.words(); ++at) {
            const std::uint64_t* const row = mask.row(y);
            border.row(y)[at] = row[at] & ~(BitRows::left_of(row, at) & mask.right_of(row, at) &
                                            mask.row(y - 1)[at] & mask.row(y + 1)[at]);
        }
    std::uint64_t straight = 0, diagonal = 0, mixed = 0;
    for (std::int64_t y = 0; y < height; ++y)
        for (std::int64_t at = 0; at < border.words(); ++at) {
            const std::uint64_t *above = border.row(y - 1), *row = border.row(y),
                                *below = border.row(y + 1);
            if (row[at] == 0) continue;
            const FourCounts beside(BitRows::left_of(row, at), border.right_of(row, at), above[at],
                                    below[at]);
            const FourCounts corners(BitRows::left_of(above, at), border.right_of(above, at),
                                     BitRows::left_of(below, at), border.right_of(below, at));
            const std::uint64_t few = corners.zero | corners.one | corners.two;
            const auto bits = [&](std::uint64_t chosen) {
                return static_cast<std::uint64_t>(std::popcount(chosen & row[at]));
            };
            straight += bits((beside.two | beside.three) & few);
            diagonal += bits((beside.zero & corners.two) | (beside.one & corners.three));
            mixed += bits(beside.one & (corners.one | corners.two));
        }
    return static_cast<double>(straight) + std::numbers::sqrt2 * static_cast<double>(diagonal) +
           (1 + std::numbers::sqrt2) / 2 * static_cast<double>(mixed);
}

}  // namespace

double Region::equivalent_diameter() const {
    return std::sqrt(4 * static_cast<double>(area) / std::numbers::pi);
}

Region region_of(std::span<const PixelRun> runs) {
    Region region;
    region.x0 = runs.front().x0;
    region.x1 = runs.front().x1;
    region.y0 = runs.front().y;
    region.y1 = runs.back().y + 1;
    for (const PixelRun& run : runs) {
        region.x0 = std::min(region.x0, run.x0);
        region.x1 = std::max(region.x1, run.x1);
    }
    measure_moments(runs, region);
    region.perimeter = perimeter_of(runs, region);
    region.convex_area = convex_area(runs);
    return region;
}

std::array<double, shape_names.size()> values_of(const Region& region) {
    return {static_cast<double>(region.area),
            static_cast<double>(region.y0),
            static_cast<double>(region.x0),
            static_cast<double>(region.y1),
            static_cast<double>(region.x1),
            region.eccentricity,
            region.major_axis,
            region.minor_axis,
            region.orientation,
            region.solidity(),
            region.extent(),
            region.perimeter,
            region.equivalent_diameter()};
}

}  // namespace stroma::tissue
