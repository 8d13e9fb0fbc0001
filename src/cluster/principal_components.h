#pragma once

#include "cluster/prepared_cells.h"

namespace stroma::cluster {

/// The directions in which cells differ most.
struct PrincipalComponents {
    std::uint32_t count = 0;
    std::vector<float> scores;      ///< row-major: of each cell, `count` numbers
    std::vector<double> variances;  ///< of each component, falling
    std::vector<float> loadings;    ///< row-major: of each gene, `count` numbers
    double total_variance = 0;      ///< of all genes together
};

/// The first components of the centred rows, by subspace iteration on their covariance: the rows
/// stay sparse, centring is reckoned in. A component's largest loading is positive. The same for a
/// seed on any number of threads. Memory: the scores, and 16 times genes × (count + 10) numbers.
/// errors  invalid_input  fewer than `count` rows or genes; cancelled
/// Source: Halko, Martinsson, Tropp 2011, "Finding structure with randomness", 4.4 and 4.5.
Result<PrincipalComponents> principal_components(const PreparedCells& cells, std::uint32_t count,
                                                 std::uint64_t seed, const Steps& steps);

}  // namespace stroma::cluster
