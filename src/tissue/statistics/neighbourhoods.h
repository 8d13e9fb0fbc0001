#pragma once

#include "cluster/k_means.h"
#include "tissue/statistics/spatial_graph.h"

namespace stroma::tissue {

/// Which kinds of cells live together.
struct Neighbourhoods {
    std::vector<std::uint32_t> groups;  ///< of each cell; 0 is the largest
    std::size_t group_count = 0, kind_count = 0;
    std::vector<double> shares;      ///< of each kind among the windows of each group, row-major
    std::vector<double> enrichment;  ///< log2 of that over the share in the whole
    double stability = 0;  ///< mean adjusted Rand index of five other beginnings against this one
};

/// Shares of kinds in each cell's window, row-major: its neighbours by the graph and, where asked,
/// itself. All 0 for a window without any.
std::vector<float> window_shares(const SpatialGraph& graph, std::span<const std::int32_t> kinds,
                                 std::size_t kind_count, bool with_itself);

/// Windows grouped by k-means. errors  invalid_input, cancelled
/// Source: Schürch et al. 2020.
Result<Neighbourhoods> neighbourhoods(const std::vector<float>& window_shares,
                                      std::size_t kind_count, const cluster::KMeansOptions& options,
                                      const cluster::Steps& steps);

}  // namespace stroma::tissue
