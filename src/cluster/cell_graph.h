#pragma once

#include "cluster/neighbours.h"

namespace stroma::cluster {

/// An undirected graph: each edge stands with both of its ends; nodes rise within a row.
struct CellGraph {
    std::vector<std::uint64_t> starts{0};
    std::vector<std::uint32_t> nodes;
    std::vector<float> weights;
    std::vector<double> loops;  ///< weight of a node with itself, empty: none
    std::size_t node_count() const { return starts.size() - 1; }
};

/// How strongly cells belong together, 0 to 1: each cell's neighbours are weighted by how much
/// farther they are than its nearest one, in units that give every cell the same weight in all, and
/// the two directions are joined as chances are.
/// Source: McInnes, Healy, Melville 2018 (UMAP), section 3.1: the fuzzy simplicial set.
CellGraph graph_of(const Neighbours& neighbours);

}  // namespace stroma::cluster
