#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tissue/statistics/spatial_graph.h"

// Which kinds of cells lie beside each other more often than by chance.

namespace stroma::tissue {

/// Of each ordered pair of kinds (row-major, source by target) over a graph's edges.
struct Enrichment {
    std::size_t kinds = 0;
    std::vector<double> counts;      ///< edges from a cell of one kind to one of the other
    std::vector<double> means, sds;  ///< over all ways to give the cells their kinds anew
    std::vector<double> z;           ///< (count - mean) / sd; NaN where the sd is 0
};

/// Edges by the kinds of their ends; a kind below 0 is none. One pass.
std::vector<double> pair_counts(const SpatialGraph& graph, std::span<const std::int32_t> kinds,
                                std::size_t kind_count);

/// Mean and standard deviation in closed form: no shuffling, nothing random. Kinds are shuffled
/// among the cells that have one; edges to others are left out. Cost: two passes over the edges.
/// Formulas: docs/tissue.md.
Enrichment exact_enrichment(const SpatialGraph& graph, std::span<const std::int32_t> kinds,
                            std::size_t kind_count);
/// Adds the counts, means and variances of several images, and gives z anew.
Enrichment together(std::span<const Enrichment> images);

/// scimap's spatial_interaction with its shuffles, of the neighbours' kinds over the edges, in
/// closed form: edges per cell of the source, over the largest of the source, with the sign of the
/// difference to the mean; and p on both sides by the normal distribution.
struct ScimapInteraction {
    std::vector<double> effects, p;
};
ScimapInteraction scimap_interaction(const SpatialGraph& graph, std::span<const std::int32_t> kinds,
                                     std::size_t kind_count);

/// What shuffled kinds give, for comparison: mean, sd, z, and how often a shuffle gave at least
/// (at most) what was seen.
struct PermutedEnrichment {
    Enrichment enrichment;
    std::vector<double> p_high, p_low;  ///< (times + 1) / (shuffles + 1)
};
/// The count of edges (Squidpy's statistic). The same for a seed on any number of threads.
PermutedEnrichment permuted_enrichment(const SpatialGraph& graph,
                                       std::span<const std::int32_t> kinds, std::size_t kind_count,
                                       std::uint32_t shuffles, std::uint64_t seed);
/// histoCAT's statistic: the mean number of neighbours of the other kind over those cells that have
/// one at least.
PermutedEnrichment permuted_interaction(const SpatialGraph& graph,
                                        std::span<const std::int32_t> kinds, std::size_t kind_count,
                                        std::uint32_t shuffles, std::uint64_t seed);

}  // namespace stroma::tissue
