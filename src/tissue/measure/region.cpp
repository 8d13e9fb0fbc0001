#include "tissue/measure/region.h"

#include <algorithm>
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
    std::vector<Point> left, right;
    const std::int64_t origin_x = runs.front().x0, origin_y = runs.front().y;
    struct Ends {
        std::int64_t y, low, high;
    };
    std::vector<Ends> ends;  // of each doubled row, lowest and highest point
    const auto add = [&](std::int64_t y, std::int64_t low, std::int64_t high) {
        // Rows rise by at most 1 back: the last three are looked at.
        for (std::size_t i = ends.size(); i > 0 && i + 3 > ends.size(); --i)
            if (ends[i - 1].y == y) {
                ends[i - 1].low = std::min(ends[i - 1].low, low);
                ends[i - 1].high = std::max(ends[i - 1].high, high);
                return;
            }
        ends.push_back({y, low, high});
    };
    for (const PixelRun& run : runs) {
        const std::int64_t y = 2 * (run.y - origin_y);
        const std::int64_t first = 2 * (run.x0 - origin_x), last = 2 * (run.x1 - 1 - origin_x);
        add(y - 1, first, last);
        add(y, first - 1, last + 1);
        add(y + 1, first, last);
    }
    std::sort(ends.begin(), ends.end(),
              [](const Ends& one, const Ends& other) { return one.y < other.y; });
    for (const Ends& row : ends) {
        extend(left, {row.low, row.y}, 1);
        extend(right, {row.high, row.y}, -1);
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
    // Sums of whole numbers from the first run on: exact, whatever the order.
    __extension__ using Wide = __int128;
    const std::int64_t origin_x = runs.front().x0, origin_y = runs.front().y;
    Wide count = 0, sum_x = 0, sum_y = 0, sum_xx = 0, sum_yy = 0, sum_xy = 0;
    const auto squares = [](Wide n) { return n * (n + 1) * (2 * n + 1) / 6; };
    for (const PixelRun& run : runs) {
        const Wide a = run.x0 - origin_x, b = run.x1 - 1 - origin_x, y = run.y - origin_y;
        const Wide length = b - a + 1, along = (a + b) * length / 2;
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
    const double rows = static_cast<double>(count * sum_yy - sum_y * sum_y) / (n * n);
    const double columns = static_cast<double>(count * sum_xx - sum_x * sum_x) / (n * n);
    const double both = static_cast<double>(count * sum_xy - sum_x * sum_y) / (n * n);
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

/// Border pixels weighed by how their border neighbours lie.
double perimeter_of(std::span<const PixelRun> runs, const Region& region) {
    const std::int64_t width = region.x1 - region.x0 + 4, height = region.y1 - region.y0 + 4;
    std::vector<std::uint8_t> mask(static_cast<std::size_t>(width * height));
    for (const PixelRun& run : runs)
        std::fill_n(mask.begin() + (run.y - region.y0 + 2) * width + (run.x0 - region.x0 + 2),
                    run.x1 - run.x0, std::uint8_t{1});
    std::vector<std::uint8_t> border(mask.size());
    for (std::int64_t at = width; at < static_cast<std::int64_t>(mask.size()) - width; ++at)
        border[at] = mask[at] != 0 && (mask[at - 1] == 0 || mask[at + 1] == 0 ||
                                       mask[at - width] == 0 || mask[at + width] == 0);
    std::uint64_t straight = 0, diagonal = 0, mixed = 0;
    for (std::int64_t at = width + 1; at < static_cast<std::int64_t>(mask.size()) - width - 1;
         ++at) {
        if (border[at] == 0) continue;
        const int beside =
            border[at - 1] + border[at + 1] + border[at - width] + border[at + width];
        const int corners = border[at - width - 1] + border[at - width + 1] +
                            border[at + width - 1] + border[at + width + 1];
        switch (1 + 2 * beside + 10 * corners) {
            case 5:
            case 7:
            case 15:
            case 17:
            case 25:
            case 27: ++straight; break;
            case 21:
            case 33: ++diagonal; break;
            case 13:
            case 23: ++mixed; break;
            default: break;
        }
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
