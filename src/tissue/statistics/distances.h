#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tissue/statistics/spatial_graph.h"

// What depends on how far kinds of cells lie from each other.

namespace stroma::tissue {

/// How much more often a cell of one kind lies within a distance of one of another than any cell
/// does: (n_ci / sum_i n_ci) / (sum_c n_ci / sum n), of ordered pairs no farther apart than the
/// radius (cumulative). Squidpy's co-occurrence.
struct CoOccurrence {
    std::size_t kinds = 0;
    std::vector<double> radii;  ///< rising
    /// By condition (the kind looked from), by kind, by radius. NaN where there is no pair.
    std::vector<double> ratios;
    double at(std::size_t from, std::size_t kind, std::size_t radius) const {
        return ratios[(from * kinds + kind) * radii.size() + radius];
    }
};
/// Cost: the pairs within the largest radius. errors  invalid_input  radii that don't rise
Result<CoOccurrence> co_occurrence(const Places& places, std::span<const std::int32_t> kinds,
                                   std::size_t kind_count, const std::vector<double>& radii);

/// Ripley's functions of one kind of cells beside random ones in the same convex hull.
struct Ripley {
    std::vector<double> radii;
    double area = 0;  ///< of the hull of all places
    std::size_t cells = 0;
    /// K(r) = area / (n (n - 1)) times ordered pairs within r, n this kind's cells; L = sqrt(K /
    /// pi). No correction at the edge: simulated sets, which have n points too, have the same edge.
    std::vector<double> k, l, l_low, l_high, l_p;
    std::vector<double> g, g_p;  ///< share of cells whose nearest of their kind is within r
    std::vector<double> f;       ///< share of 1,000 random points with a cell within r
};
/// `l_low` and `l_high` hold 95 % of the simulated; p is of L (G) on both sides. The same for a
/// seed.
Result<Ripley> ripley(const Places& all, std::span<const std::uint32_t> cells,
                      const std::vector<double>& radii, std::uint32_t simulations,
                      std::uint64_t seed);

/// Of each cell the way to the nearest other one of that kind; NaN where there is none.
std::vector<double> distances_to_kind(const Places& places, std::span<const std::int32_t> kinds,
                                      std::int32_t kind);

/// Corners of the smallest convex figure around the places, and its area.
double hull_area(const Places& places, std::vector<std::uint32_t>& corners);

}  // namespace stroma::tissue
