#include <algorithm>
#include <cmath>
#include <limits>

#include "base/threads.h"
#include "tissue/statistics/distances.h"

namespace stroma::tissue {
namespace {

/// The nearest of the grid's places but `without`.
double nearest_in(const Places& places, const PlaceGrid& grid, double x, double y,
                  std::uint32_t without) {
    const std::int64_t column = grid.column_of(x), row = grid.row_of(y);
    // From outside the grid, squares of a ring are farther than their number says, never nearer.
    double best = std::numeric_limits<double>::infinity();
    for (std::int64_t ring = 0;; ++ring) {
        const double safe = static_cast<double>(ring - 1) * grid.side();
        if (ring > 0 && safe > 0 && best < safe * safe) break;
        if (row - ring < 0 && row + ring >= grid.rows() && column - ring < 0 &&
            column + ring >= grid.columns())
            break;
        for (std::int64_t r = std::max<std::int64_t>(row - ring, 0);
             r <= std::min(row + ring, grid.rows() - 1); ++r) {
            const bool is_edge = std::abs(r - row) == ring;
            for (std::int64_t c = column - ring; c <= column + ring;
                 c += is_edge || ring == 0 ? 1 : 2 * ring) {
                if (c < 0 || c >= grid.columns()) continue;
                for (const std::uint32_t other : grid.in_square(c, r)) {
                    if (other == without) continue;
                    const double dx = places.x[other] - x, dy = places.y[other] - y;
                    best = std::min(best, dx * dx + dy * dy);
                }
            }
        }
    }
    return std::isinf(best) ? std::numeric_limits<double>::quiet_NaN() : std::sqrt(best);
}

}  // namespace

std::vector<double> distances_to_kind(const Places& places, std::span<const std::int32_t> kinds,
                                      std::int32_t kind) {
    Places targets;
    constexpr std::uint32_t none = UINT32_MAX;
    std::vector<std::uint32_t> number(places.count(), none);
    for (std::size_t i = 0; i < places.count(); ++i) {
        if (kinds[i] != kind) continue;
        number[i] = static_cast<std::uint32_t>(targets.count());
        targets.x.push_back(places.x[i]);
        targets.y.push_back(places.y[i]);
    }
    std::vector<double> out(places.count(), std::numeric_limits<double>::quiet_NaN());
    if (targets.count() == 0) return out;
    const auto [low_x, high_x] = std::minmax_element(targets.x.begin(), targets.x.end());
    const auto [low_y, high_y] = std::minmax_element(targets.y.begin(), targets.y.end());
    const double area = std::max(*high_x - *low_x, 1e-9) * std::max(*high_y - *low_y, 1e-9);
    const PlaceGrid grid(
        targets, std::max(std::sqrt(2 * area / static_cast<double>(targets.count())), 1e-9));
    constexpr std::size_t at_once = 4096;
    const std::size_t pieces = (places.count() + at_once - 1) / at_once;
    static_cast<void>(parallel_for(pieces, [&](std::size_t piece) -> Result<void> {
        const std::size_t end = std::min((piece + 1) * at_once, places.count());
        for (std::size_t i = piece * at_once; i < end; ++i)
            out[i] = nearest_in(targets, grid, places.x[i], places.y[i], number[i]);
        return {};
    }));
    return out;
}

}  // namespace stroma::tissue
