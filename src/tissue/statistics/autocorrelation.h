#pragma once

#include <span>
#include <vector>

#include "tissue/statistics/spatial_graph.h"

namespace stroma::tissue {

/// How alike neighbours are in one number, against the same numbers dealt out by chance.
struct Autocorrelation {
    double moran = 0;  ///< I: above its mean where neighbours are alike
    double moran_mean = 0, moran_sd = 0, moran_z = 0;
    double moran_p = 0;  ///< both sides, by the normal distribution
    double geary = 0;    ///< C: below 1 where neighbours are alike
    double geary_sd = 0, geary_z = 0;
    double geary_p = 0;  ///< both sides
};

/// Moran's I = N / S0 · Σ w (x_i - m)(x_j - m) / Σ (x_i - m)² and Geary's C = (N - 1) Σ w (x_i -
/// x_j)² / (2 S0 Σ (x_i - m)²) of each of `columns` numbers. With `by_row` each cell's weights sum
/// to 1 (cells without neighbours have none), else every edge weighs 1. `values` are row-major; a
/// column that holds a number that is none, or one value only, has NaN. Means and deviations hold
/// for normally distributed values, as PySAL's "normal" ones do.
/// Source: Cliff, Ord 1981, "Spatial Processes".
std::vector<Autocorrelation> autocorrelation(const SpatialGraph& graph,
                                             std::span<const float> values, std::size_t columns,
                                             bool by_row);

}  // namespace stroma::tissue
