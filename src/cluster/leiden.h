#pragma once

#include "cluster/cell_graph.h"

namespace stroma::cluster {

struct LeidenOptions {
    double resolution = 1;  ///< more gives more and smaller communities
    std::uint64_t seed = 0;
    int rounds_max = 10;  ///< each begins with what the one before found
};

/// The community of each node, numbered from 0 by falling size (of equal ones by their first
/// node): communities with much weight within them and little between. Every one hangs together.
/// The same for a seed. Of refined communities the best neighbour is taken, not one by chance.
/// Source: Traag, Waltman, van Eck 2019, "From Louvain to Leiden", with modularity at a resolution.
Result<std::vector<std::uint32_t>> leiden(const CellGraph& graph, const LeidenOptions& options,
                                          const Steps& steps);

/// The share of weight within communities beyond what chance would put there.
/// Source: Newman 2004; Reichardt and Bornholdt 2006 for the resolution.
double modularity(const CellGraph& graph, std::span<const std::uint32_t> communities,
                  double resolution);

}  // namespace stroma::cluster
