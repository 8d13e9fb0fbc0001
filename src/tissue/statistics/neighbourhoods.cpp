#include "tissue/statistics/neighbourhoods.h"

#include <cmath>

namespace stroma::tissue {
namespace {

constexpr double share_floor = 1e-3;  ///< added to both shares, so that absent kinds have a ratio
constexpr std::uint64_t other_beginnings = 5;

}  // namespace

std::vector<float> window_shares(const SpatialGraph& graph, std::span<const std::int32_t> kinds,
                                 std::size_t kind_count, bool with_itself) {
    std::vector<float> shares(graph.node_count() * kind_count);
    for (std::size_t cell = 0; cell < graph.node_count(); ++cell) {
        float* const row = shares.data() + cell * kind_count;
        float known = 0;
        const auto add = [&](std::int32_t kind) {
            if (kind < 0) return;
            row[kind] += 1;
            known += 1;
        };
        if (with_itself) add(kinds[cell]);
        for (std::uint64_t e = graph.starts[cell]; e < graph.starts[cell + 1]; ++e)
            add(kinds[graph.nodes[e]]);
        for (std::size_t kind = 0; kind < kind_count && known > 0; ++kind) row[kind] /= known;
    }
    return shares;
}

Result<Neighbourhoods> neighbourhoods(const std::vector<float>& shares, std::size_t kind_count,
                                      const cluster::KMeansOptions& options,
                                      const cluster::Steps& steps) {
    const cluster::Points points{static_cast<std::uint32_t>(kind_count), shares};
    cluster::KMeans found = TRY(cluster::k_means(points, options, steps));
    Neighbourhoods out;
    for (std::uint64_t other = 1; other <= other_beginnings; ++other) {
        cluster::KMeansOptions once = options;
        once.starts = 1;
        once.seed = options.seed + other;
        const cluster::KMeans again = TRY(cluster::k_means(points, once, steps));
        out.stability += cluster::adjusted_rand(found.clusters, again.clusters) /
                         static_cast<double>(other_beginnings);
    }
    out.group_count = options.clusters;
    out.kind_count = kind_count;
    out.groups = std::move(found.clusters);
    std::vector<double> whole(kind_count), sizes(out.group_count);
    out.shares.assign(out.group_count * kind_count, 0);
    for (std::size_t cell = 0; cell < out.groups.size(); ++cell) {
        ++sizes[out.groups[cell]];
        for (std::size_t kind = 0; kind < kind_count; ++kind) {
            const auto share = static_cast<double>(shares[cell * kind_count + kind]);
            out.shares[out.groups[cell] * kind_count + kind] += share;
            whole[kind] += share;
        }
    }
    for (std::size_t group = 0; group < out.group_count; ++group)
        for (std::size_t kind = 0; kind < kind_count; ++kind) {
            double& share = out.shares[group * kind_count + kind];
            if (sizes[group] > 0) share /= sizes[group];
            const double usual = whole[kind] / static_cast<double>(out.groups.size());
            out.enrichment.push_back(std::log2((share + share_floor) / (usual + share_floor)));
        }
    return out;
}

}  // namespace stroma::tissue
