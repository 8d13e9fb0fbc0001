#pragma once

#include "cluster/leiden.h"
#include "cluster/prepared_cells.h"

namespace stroma::cluster {

struct ClusteringOptions {
    std::uint32_t genes = 2000;
    std::uint32_t components = 30;  ///< fewer where there are too few cells or genes
    std::uint32_t neighbours = 15;  ///< the same
    double resolution = 1;
    std::uint64_t seed = 0;
};

struct Clustering {
    std::vector<std::uint32_t> clusters;  ///< of each cell in the order asked; 0 is the largest
    std::vector<float> places;            ///< x and y of each cell
    std::vector<std::uint64_t> sizes;     ///< of each cluster, falling
    std::uint32_t genes = 0, components = 0, neighbours = 0;  ///< as they were used
    double modularity = 0;
    double explained = 0;  ///< share of the genes' variance that the components have
};

/// Fewest cells that are clustered.
constexpr std::size_t clustered_cells_min = 10;

/// From values at that scale to groups and a picture: variable genes, principal components, nearest
/// neighbours, their graph, its communities, its layout. The same for the same cells, options and
/// seed on any number of threads. Memory: 8 bytes a value of the chosen genes, and some 600 bytes a
/// cell.
/// errors  invalid_input  too few cells or genes; exhausted; cancelled
Result<Clustering> cluster_cells(const expression::SealedMatrix& matrix,
                                 std::span<const std::uint32_t> cells, expression::Scale scale,
                                 const ClusteringOptions& options, const Steps& steps);

}  // namespace stroma::cluster
