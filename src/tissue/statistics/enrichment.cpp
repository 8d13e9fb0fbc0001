#include "tissue/statistics/enrichment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/threads.h"
#include "cluster/random.h"
#include "tissue/statistics/samples.h"

namespace stroma::tissue {
namespace {

/// What the closed form needs of a graph, whatever the kinds.
struct GraphSums {
    double cells = 0;                                 ///< with a kind
    double edges = 0;                                 ///< S0; weights are 1, so that q is the same
    double mutual = 0;                                ///< v: edges whose way back is one, too
    double out_pairs = 0, in_pairs = 0, through = 0;  ///< R, C, H
    double apart = 0;                                 ///< Z: pairs of edges without a common cell
};

/// n (n - 1) … , `k` factors.
double falling(double n, int k) {
    double product = 1;
    for (int i = 0; i < k; ++i) product *= n - i;
    return product;
}

/// The cells' kinds as small numbers, so that they stay near the processor; none is kind_count.
template <class Kind>
std::vector<Kind> small_kinds(std::span<const std::int32_t> kinds, std::size_t kind_count) {
    std::vector<Kind> out(kinds.size());
    for (std::size_t i = 0; i < kinds.size(); ++i)
        out[i] = static_cast<Kind>(kinds[i] < 0 ? kind_count : static_cast<std::size_t>(kinds[i]));
    return out;
}

/// Edges by the kinds of their ends, none among them: kind_count + 1 squared.
template <class Kind>
std::vector<std::uint64_t> count_pairs(const SpatialGraph& graph, const std::vector<Kind>& kinds,
                                       std::size_t kind_count) {
    const std::size_t across = kind_count + 1;
    std::vector<std::uint64_t> counts(across * across);
    for (std::size_t from = 0; from < graph.node_count(); ++from) {
        std::uint64_t* const row = counts.data() + kinds[from] * across;
        for (std::uint64_t e = graph.starts[from]; e < graph.starts[from + 1]; ++e)
            ++row[kinds[graph.nodes[e]]];
    }
    return counts;
}

/// Whether `cell` is among the row's: rows are short, so the few places of one are all compared.
inline std::uint64_t is_in_row(const SpatialGraph& graph, std::uint32_t row, std::uint32_t cell) {
    const std::uint32_t* at = graph.nodes.data() + graph.starts[row];
    const std::uint32_t* const end = graph.nodes.data() + graph.starts[row + 1];
    if (end - at > 32) return std::binary_search(at, end, cell) ? 1 : 0;
    std::uint32_t found = 0;
    for (; at != end; ++at) found |= *at == cell ? 1 : 0;
    return found;
}

/// The graph's sums, and the edges by kinds as count_pairs() has them, in one pass over the edges:
/// cells lie in memory in any order, so that each look at one is what costs.
template <class Kind>
GraphSums sums_of(const SpatialGraph& graph, const std::vector<Kind>& kinds, Kind none,
                  std::vector<std::uint64_t>& counts) {
    GraphSums sums;
    const std::size_t cells = graph.node_count(), across = std::size_t{none} + 1;
    counts.assign(across * across, 0);
    std::vector<std::uint32_t> out(cells), in(cells);
    std::uint64_t known_cells = 0, both_ways = 0;
    for (std::uint32_t from = 0; from < cells; ++from) {
        if (kinds[from] == none) continue;
        ++known_cells;
        std::uint64_t* const row = counts.data() + kinds[from] * across;
        std::uint32_t known = 0;
        for (std::uint64_t e = graph.starts[from]; e < graph.starts[from + 1]; ++e) {
            const std::uint32_t to = graph.nodes[e];
            const Kind kind = kinds[to];
            ++row[kind];
            if (kind == none) continue;
            ++known;
            ++in[to];
            // Each pair is looked for once, from its smaller cell.
            if (to > from) both_ways += is_in_row(graph, to, from);
        }
        out[from] = known;
    }
    std::uint64_t edges = 0, out_squares = 0, in_squares = 0, products = 0;
    for (std::size_t cell = 0; cell < cells; ++cell) {
        const std::uint64_t r = out[cell], c = in[cell];
        edges += r;
        out_squares += r * r;
        in_squares += c * c;
        products += r * c;
    }
    sums.cells = static_cast<double>(known_cells);
    sums.edges = static_cast<double>(edges);
    sums.mutual = static_cast<double>(2 * both_ways);
    sums.out_pairs = static_cast<double>(out_squares) - sums.edges;
    sums.in_pairs = static_cast<double>(in_squares) - sums.edges;
    sums.through = 2 * (static_cast<double>(products) - sums.mutual);
    sums.apart = sums.edges * sums.edges - sums.edges - sums.mutual - sums.out_pairs -
                 sums.in_pairs - sums.through;
    return sums;
}

/// Calls use(kinds, none) with the narrowest type that holds them.
template <class Use>
auto with_small_kinds(std::span<const std::int32_t> kinds, std::size_t kind_count, const Use& use) {
    if (kind_count < 256)
        return use(small_kinds<std::uint8_t>(kinds, kind_count),
                   static_cast<std::uint8_t>(kind_count));
    return use(small_kinds<std::uint32_t>(kinds, kind_count),
               static_cast<std::uint32_t>(kind_count));
}

/// Without those that have no kind.
std::vector<double> known_pairs(const std::vector<std::uint64_t>& counts, std::size_t kind_count) {
    std::vector<double> out;
    for (std::size_t a = 0; a < kind_count; ++a)
        for (std::size_t b = 0; b < kind_count; ++b)
            out.push_back(static_cast<double>(counts[a * (kind_count + 1) + b]));
    return out;
}

double z_of(double count, double mean, double sd) {
    return sd > 0 ? (count - mean) / sd : std::numeric_limits<double>::quiet_NaN();
}

std::vector<double> kind_sizes(std::span<const std::int32_t> kinds, std::size_t kind_count) {
    std::vector<double> sizes(kind_count);
    for (const std::int32_t kind : kinds)
        if (kind >= 0) ++sizes[static_cast<std::size_t>(kind)];
    return sizes;
}

std::vector<double> interaction_means(const SpatialGraph& graph,
                                      std::span<const std::int32_t> kinds, std::size_t kind_count) {
    std::vector<double> sums(kind_count * kind_count), having(kind_count * kind_count);
    std::vector<std::uint32_t> here(kind_count);
    for (std::size_t from = 0; from < graph.node_count(); ++from) {
        if (kinds[from] < 0) continue;
        std::fill(here.begin(), here.end(), 0);
        for (std::uint64_t e = graph.starts[from]; e < graph.starts[from + 1]; ++e)
            if (const std::int32_t kind = kinds[graph.nodes[e]]; kind >= 0)
                ++here[static_cast<std::size_t>(kind)];
        const std::size_t row = static_cast<std::size_t>(kinds[from]) * kind_count;
        for (std::size_t kind = 0; kind < kind_count; ++kind) {
            if (here[kind] == 0) continue;
            sums[row + kind] += here[kind];
            ++having[row + kind];
        }
    }
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = having[i] > 0 ? sums[i] / having[i] : 0;
    return sums;
}

template <class Statistic>
PermutedEnrichment permuted(const SpatialGraph& graph, std::span<const std::int32_t> kinds,
                            std::size_t kind_count, std::uint32_t shuffles, std::uint64_t seed,
                            const Statistic& statistic) {
    PermutedEnrichment made;
    Enrichment& out = made.enrichment;
    const std::size_t pairs = kind_count * kind_count;
    out.kinds = kind_count;
    out.counts = statistic(graph, kinds, kind_count);
    std::vector<std::uint32_t> with_kind;
    for (std::uint32_t cell = 0; cell < kinds.size(); ++cell)
        if (kinds[cell] >= 0) with_kind.push_back(cell);
    std::vector<std::vector<double>> found(shuffles);
    const auto shuffle = [&](std::size_t round) -> Result<void> {
        cluster::Random random(seed, round);
        std::vector<std::int32_t> mixed(kinds.begin(), kinds.end());
        for (std::size_t i = with_kind.size(); i > 1; --i)
            std::swap(mixed[with_kind[i - 1]],
                      mixed[with_kind[random.below(static_cast<std::uint32_t>(i))]]);
        found[round] = statistic(graph, mixed, kind_count);
        return {};
    };
    static_cast<void>(parallel_for(shuffles, shuffle));
    for (std::size_t pair = 0; pair < pairs; ++pair) {
        double sum = 0, squares = 0, high = 0, low = 0;
        for (const auto& one : found) {
            sum += one[pair];
            high += one[pair] >= out.counts[pair] ? 1 : 0;
            low += one[pair] <= out.counts[pair] ? 1 : 0;
        }
        const double mean = sum / std::max(shuffles, 1u);
        for (const auto& one : found) squares += (one[pair] - mean) * (one[pair] - mean);
        out.means.push_back(mean);
        out.sds.push_back(std::sqrt(squares / std::max(shuffles, 1u)));
        out.z.push_back(z_of(out.counts[pair], mean, out.sds.back()));
        made.p_high.push_back((high + 1) / (shuffles + 1.0));
        made.p_low.push_back((low + 1) / (shuffles + 1.0));
    }
    return made;
}

}  // namespace

std::vector<double> pair_counts(const SpatialGraph& graph, std::span<const std::int32_t> kinds,
                                std::size_t kind_count) {
    return with_small_kinds(kinds, kind_count, [&](const auto& small, auto) {
        return known_pairs(count_pairs(graph, small, kind_count), kind_count);
    });
}

Enrichment exact_enrichment(const SpatialGraph& graph, std::span<const std::int32_t> kinds,
                            std::size_t kind_count) {
    const auto [g, counts] = with_small_kinds(kinds, kind_count, [&](const auto& small, auto none) {
        std::vector<std::uint64_t> pairs;
        const GraphSums sums = sums_of(graph, small, none, pairs);
        return std::pair(sums, known_pairs(pairs, kind_count));
    });
    const std::vector<double> sizes = kind_sizes(kinds, kind_count);
    // Falling factorials of the number of cells; of too few cells the sums beside them are 0.
    std::array<double, 5> all{};
    for (int k = 0; k < 5; ++k)
        all[static_cast<std::size_t>(k)] = std::max(falling(g.cells, k), 1.0);
    Enrichment out{kind_count, counts, {}, {}, {}};
    for (std::size_t a = 0; a < kind_count; ++a)
        for (std::size_t b = 0; b < kind_count; ++b) {
            const double n = sizes[a], m = sizes[b];
            double mean = 0, square = 0;
            if (a == b) {
                mean = g.edges * falling(n, 2) / all[2];
                square = (g.edges + g.mutual) * falling(n, 2) / all[2] +
                         (g.out_pairs + g.in_pairs + g.through) * falling(n, 3) / all[3] +
                         g.apart * falling(n, 4) / all[4];
            } else {
                mean = g.edges * n * m / all[2];
                square = g.edges * n * m / all[2] + g.out_pairs * n * falling(m, 2) / all[3] +
                         g.in_pairs * falling(n, 2) * m / all[3] +
                         g.apart * falling(n, 2) * falling(m, 2) / all[4];
            }
            const double sd = std::sqrt(std::max(square - mean * mean, 0.0));
            out.means.push_back(mean);
            out.sds.push_back(sd);
            out.z.push_back(z_of(out.counts[a * kind_count + b], mean, sd));
        }
    return out;
}

Enrichment together(std::span<const Enrichment> images) {
    Enrichment out;
    if (images.empty()) return out;
    out = images.front();
    for (double& sd : out.sds) sd *= sd;
    for (const Enrichment& image : images.subspan(1))
        for (std::size_t i = 0; i < out.counts.size(); ++i) {
            out.counts[i] += image.counts[i];
            out.means[i] += image.means[i];
            out.sds[i] += image.sds[i] * image.sds[i];
        }
    for (std::size_t i = 0; i < out.counts.size(); ++i) {
        out.sds[i] = std::sqrt(out.sds[i]);
        out.z[i] = z_of(out.counts[i], out.means[i], out.sds[i]);
    }
    return out;
}

ScimapInteraction scimap_interaction(const SpatialGraph& graph, std::span<const std::int32_t> kinds,
                                     std::size_t kind_count) {
    const std::vector<double> counts = pair_counts(graph, kinds, kind_count);
    const std::vector<double> sizes = kind_sizes(kinds, kind_count);
    std::vector<double> from(kind_count), to(kind_count);
    double edges = 0;
    for (std::size_t pair = 0; pair < counts.size(); ++pair) {
        from[pair / kind_count] += counts[pair];
        to[pair % kind_count] += counts[pair];
        edges += counts[pair];
    }
    ScimapInteraction out;
    for (std::size_t pair = 0; pair < counts.size(); ++pair) {
        const std::size_t a = pair / kind_count, b = pair % kind_count;
        const auto row = counts.begin() + static_cast<std::ptrdiff_t>(a * kind_count);
        const double most = *std::max_element(row, row + static_cast<std::ptrdiff_t>(kind_count));
        // Edges of a whose other end is b, when ends are dealt out anew: hypergeometric.
        const double mean = from[a] * to[b] / edges;
        const double variance = mean * (1 - to[b] / edges) * (edges - from[a]) / (edges - 1);
        const double sign = counts[pair] >= mean ? 1 : -1;
        out.effects.push_back(sizes[a] > 0 && most > 0 ? sign * counts[pair] / most : 0);
        out.p.push_back(normal_two_sided(z_of(counts[pair], mean, std::sqrt(variance))));
    }
    return out;
}

PermutedEnrichment permuted_enrichment(const SpatialGraph& graph,
                                       std::span<const std::int32_t> kinds, std::size_t kind_count,
                                       std::uint32_t shuffles, std::uint64_t seed) {
    return permuted(graph, kinds, kind_count, shuffles, seed, pair_counts);
}

PermutedEnrichment permuted_interaction(const SpatialGraph& graph,
                                        std::span<const std::int32_t> kinds, std::size_t kind_count,
                                        std::uint32_t shuffles, std::uint64_t seed) {
    return permuted(graph, kinds, kind_count, shuffles, seed, interaction_means);
}

}  // namespace stroma::tissue
