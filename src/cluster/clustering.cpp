#include "cluster/clustering.h"

#include <fmt/format.h>

#include <algorithm>

#include "cluster/layout.h"
#include "cluster/principal_components.h"

namespace stroma::cluster {

Result<Clustering> cluster_cells(const expression::SealedMatrix& matrix,
                                 std::span<const std::uint32_t> cells, expression::Scale scale,
                                 const ClusteringOptions& options, const Steps& steps) {
    if (cells.size() < clustered_cells_min)
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} cells are too few to be clustered; take {} or more",
                                cells.size(), clustered_cells_min));
    const auto most = static_cast<std::uint32_t>(cells.size() - 1);
    Clustering made;
    PrincipalComponents components;
    {
        const PreparedCells prepared =
            TRY(prepare_cells(matrix, cells, scale, options.genes, steps));
        made.genes = static_cast<std::uint32_t>(prepared.genes.size());
        made.components = std::min({options.components, made.genes - 1, most});
        components = TRY(principal_components(prepared, made.components, options.seed, steps));
    }
    double kept = 0;
    for (const double variance : components.variances) kept += variance;
    made.explained = components.total_variance > 0 ? kept / components.total_variance : 0;
    made.neighbours = std::min(options.neighbours, most);
    const Points points{made.components, components.scores};
    const Neighbours neighbours =
        TRY(find_neighbours(points, made.neighbours, options.seed, steps));
    const CellGraph graph = graph_of(neighbours);
    made.clusters = TRY(leiden(graph, {options.resolution, options.seed}, steps));
    made.modularity = modularity(graph, made.clusters, options.resolution);
    for (const std::uint32_t cluster : made.clusters) {
        if (cluster >= made.sizes.size()) made.sizes.resize(cluster + 1);
        ++made.sizes[cluster];
    }
    made.places = TRY(lay_out(graph, points, {options.seed}, steps));
    return made;
}

}  // namespace stroma::cluster
