#include "tissue/statistics/spatial_graph.h"

#include <algorithm>
#include <cmath>

#include "base/threads.h"

namespace stroma::tissue {
namespace {

constexpr std::size_t places_a_piece = 4096;
constexpr std::uint64_t neighbours_max = std::uint64_t{1} << 31;

struct NearCell {
    double away;  ///< squared
    std::uint32_t cell;
    bool operator<(const NearCell& other) const {
        return away != other.away ? away < other.away : cell < other.cell;
    }
};

double usual_square(const Places& places, double in_each) {
    if (places.count() == 0) return 1;
    const auto [low_x, high_x] = std::minmax_element(places.x.begin(), places.x.end());
    const auto [low_y, high_y] = std::minmax_element(places.y.begin(), places.y.end());
    const double area = std::max(*high_x - *low_x, 1e-9) * std::max(*high_y - *low_y, 1e-9);
    return std::max(std::sqrt(area * in_each / static_cast<double>(places.count())), 1e-9);
}

/// The nearest of one cell, rising by distance.
void find_nearest(const Places& places, const PlaceGrid& grid, std::uint32_t cell,
                  std::size_t count, std::vector<NearCell>& out) {
    const double x = places.x[cell], y = places.y[cell];
    const std::int64_t column = grid.column_of(x), row = grid.row_of(y);
    out.clear();
    for (std::int64_t ring = 0;; ++ring) {
        // What lies in farther rings is at least that far away.
        const double safe = static_cast<double>(ring - 1) * grid.side();
        if (out.size() == count && ring > 0 && safe > 0 && out.front().away < safe * safe) break;
        if (row - ring < 0 && row + ring >= grid.rows() && column - ring < 0 &&
            column + ring >= grid.columns())
            break;
        for (std::int64_t r = std::max<std::int64_t>(row - ring, 0);
             r <= std::min(row + ring, grid.rows() - 1); ++r) {
            const bool is_edge = std::abs(r - row) == ring;
            const std::int64_t step = is_edge || ring == 0 ? 1 : 2 * ring;
            for (std::int64_t c = column - ring; c <= column + ring; c += step) {
                if (c < 0 || c >= grid.columns()) continue;
                for (const std::uint32_t other : grid.in_square(c, r)) {
                    if (other == cell) continue;
                    const double dx = places.x[other] - x, dy = places.y[other] - y;
                    const NearCell near{dx * dx + dy * dy, other};
                    if (out.size() == count) {
                        if (!(near < out.front())) continue;
                        std::pop_heap(out.begin(), out.end());
                        out.pop_back();
                    }
                    out.push_back(near);
                    std::push_heap(out.begin(), out.end());
                }
            }
        }
    }
    std::sort_heap(out.begin(), out.end());
}

/// Rows made piece by piece on all threads, one behind the other.
template <class Make>
SpatialGraph graph_of_rows(std::size_t cells, const Make& make) {
    const std::size_t pieces = (cells + places_a_piece - 1) / places_a_piece;
    std::vector<std::vector<std::uint32_t>> nodes(pieces);
    std::vector<std::vector<std::uint64_t>> lengths(pieces);
    const auto work = [&](std::size_t piece) -> Result<void> {
        const std::size_t end = std::min((piece + 1) * places_a_piece, cells);
        for (std::size_t cell = piece * places_a_piece; cell < end; ++cell) {
            const std::size_t before = nodes[piece].size();
            make(static_cast<std::uint32_t>(cell), nodes[piece]);
            std::sort(nodes[piece].begin() + static_cast<std::ptrdiff_t>(before),
                      nodes[piece].end());
            lengths[piece].push_back(nodes[piece].size() - before);
        }
        return {};
    };
    static_cast<void>(parallel_for(pieces, work));
    SpatialGraph graph;
    for (std::size_t piece = 0; piece < pieces; ++piece) {
        for (const std::uint64_t length : lengths[piece])
            graph.starts.push_back(graph.starts.back() + length);
        graph.nodes.insert(graph.nodes.end(), nodes[piece].begin(), nodes[piece].end());
    }
    return graph;
}

}  // namespace

PlaceGrid::PlaceGrid(const Places& places, double side) : side_(side) {
    const std::size_t count = places.count();
    starts_.assign(2, 0);
    if (count == 0) return;
    const auto [low_x, high_x] = std::minmax_element(places.x.begin(), places.x.end());
    const auto [low_y, high_y] = std::minmax_element(places.y.begin(), places.y.end());
    x0_ = *low_x;
    y0_ = *low_y;
    // No more squares than a few for each cell, however far apart these are.
    const double squares_max = 4.0 * static_cast<double>(count) + 1024;
    while (((*high_x - x0_) / side_ + 1) * ((*high_y - y0_) / side_ + 1) > squares_max) side_ *= 2;
    columns_ = static_cast<std::int64_t>((*high_x - x0_) / side_) + 1;
    rows_ = static_cast<std::int64_t>((*high_y - y0_) / side_) + 1;
    starts_.assign(static_cast<std::size_t>(columns_ * rows_) + 1, 0);
    const auto square = [&](std::size_t i) {
        return static_cast<std::size_t>(row_of(places.y[i]) * columns_ + column_of(places.x[i]));
    };
    for (std::size_t i = 0; i < count; ++i) ++starts_[square(i) + 1];
    for (std::size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
    cells_.resize(count);
    std::vector<std::uint64_t> at(starts_.begin(), starts_.end() - 1);
    for (std::size_t i = 0; i < count; ++i) cells_[at[square(i)]++] = static_cast<std::uint32_t>(i);
}

std::int64_t PlaceGrid::column_of(double x) const {
    const double column = std::floor((x - x0_) / side_);
    return static_cast<std::int64_t>(std::clamp(column, 0.0, static_cast<double>(columns_ - 1)));
}
std::int64_t PlaceGrid::row_of(double y) const {
    const double row = std::floor((y - y0_) / side_);
    return static_cast<std::int64_t>(std::clamp(row, 0.0, static_cast<double>(rows_ - 1)));
}

SpatialGraph nearest_graph(const Places& places, std::uint32_t count) {
    const PlaceGrid grid(places, usual_square(places, std::max(1.0, count / 3.0)));
    const std::size_t most =
        std::min<std::size_t>(count, std::max<std::size_t>(places.count(), 1) - 1);
    return graph_of_rows(places.count(), [&](std::uint32_t cell, std::vector<std::uint32_t>& out) {
        thread_local std::vector<NearCell> nearest;
        if (most == 0) return;
        find_nearest(places, grid, cell, most, nearest);
        for (const NearCell& near : nearest) out.push_back(near.cell);
    });
}

Result<SpatialGraph> radius_graph(const Places& places, double radius) {
    const PlaceGrid grid(places, std::max(radius, usual_square(places, 1)));
    const double most = radius * radius;
    // Counted first, so that a radius too large doesn't fill memory.
    double expected = 0;
    for (std::int64_t row = 0; row < grid.rows(); ++row)
        for (std::int64_t column = 0; column < grid.columns(); ++column) {
            const auto here = static_cast<double>(grid.in_square(column, row).size());
            expected += here * here;
        }
    if (expected > 4 * static_cast<double>(neighbours_max))
        return fail(ErrorCode::exhausted,
                    "limit: neighbours: the radius is too large for so many "
                    "cells");
    return graph_of_rows(places.count(), [&](std::uint32_t cell, std::vector<std::uint32_t>& out) {
        const double x = places.x[cell], y = places.y[cell];
        grid.within(x - radius, y - radius, x + radius, y + radius, [&](std::uint32_t other) {
            const double dx = places.x[other] - x, dy = places.y[other] - y;
            if (other != cell && dx * dx + dy * dy <= most) out.push_back(other);
        });
    });
}

}  // namespace stroma::tissue
