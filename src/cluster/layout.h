#pragma once

#include "cluster/cell_graph.h"
#include "cluster/neighbours.h"

namespace stroma::cluster {

struct LayoutOptions {
    std::uint64_t seed = 0;
    int epochs = 0;  ///< 0: 500 for up to 10,000 nodes, else 200
};

/// A place in the plane for each node: who belongs together lies together. Row-major, two each.
/// `start` gives each node a place to begin at (its first two dimensions). Each epoch moves every
/// node by where the others were before it, so that the answer is the same for a seed on any number
/// of threads.
/// Source: McInnes, Healy, Melville 2018 (UMAP), section 3.2, with min_dist 0.5 and spread 1.
Result<std::vector<float>> lay_out(const CellGraph& graph, const Points& start,
                                   const LayoutOptions& options, const Steps& steps);

}  // namespace stroma::cluster
