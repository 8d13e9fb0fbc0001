#include "expression/compare/gene_summaries.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "expression/compare/moments.h"

namespace stroma::expression {
namespace {

/// Reading a gene for each costs less than reading all cells while they are fewer than this share.
constexpr std::size_t genes_per_gene_read = 8;
constexpr std::uint64_t sums_bytes_max = std::uint64_t{1} << 30;

Result<std::vector<std::uint64_t>> cells_of_groups(const SealedMatrix& matrix,
                                                   std::span<const std::int32_t> group_of_cell,
                                                   std::uint32_t groups) {
    if (group_of_cell.size() != matrix.cell_count())
        return fail(ErrorCode::invalid_input,
                    fmt::format("there are {} cells and groups of {}", matrix.cell_count(),
                                group_of_cell.size()));
    std::vector<std::uint64_t> cells(groups);
    for (const std::int32_t group : group_of_cell) {
        if (group >= static_cast<std::int64_t>(groups))
            return fail(ErrorCode::invalid_input,
                        fmt::format("there are {} groups; there is no group {}", groups, group));
        if (group >= 0) ++cells[static_cast<std::size_t>(group)];
    }
    return cells;
}

Result<void> check_genes(const SealedMatrix& matrix, std::span<const std::uint32_t> genes) {
    for (const std::uint32_t gene : genes)
        if (gene >= matrix.gene_count())
            return fail(
                ErrorCode::invalid_input,
                fmt::format("there are {} genes; there is no gene {}", matrix.gene_count(), gene));
    return {};
}

/// Where each gene of var stands among those asked for first; the rest is found by sort.
class GenePlaces {
public:
    explicit GenePlaces(std::span<const std::uint32_t> genes) {
        for (std::uint32_t i = 0; i < genes.size(); ++i) places_.emplace_back(genes[i], i);
        std::sort(places_.begin(), places_.end());
    }
    template <class Use>
    void each_place(std::uint32_t gene, Use&& use) const {
        for (auto at = std::lower_bound(places_.begin(), places_.end(), std::pair(gene, 0u));
             at != places_.end() && at->first == gene; ++at)
            use(at->second);
    }

private:
    std::vector<std::pair<std::uint32_t, std::uint32_t>> places_;
};

Result<std::vector<double>> totals_for(const SealedMatrix& matrix, Scale scale) {
    if (scale != Scale::log_cp10k) return std::vector<double>(matrix.cell_count());
    TRY(matrix.fixed_point(scale));  // refuses negative values
    return matrix.cell_totals();
}

/// Sums of a few genes, gene · groups + group.
Result<std::vector<FixedSums>> sums_by_gene(const SealedMatrix& matrix,
                                            std::span<const std::uint32_t> genes,
                                            std::span<const std::int32_t> group_of_cell,
                                            std::uint32_t groups, Scale scale,
                                            const FixedPoint& fixed, const Watch& watch) {
    const std::vector<double> totals = TRY(totals_for(matrix, scale));
    const GenePlaces places(genes);
    std::vector<FixedSums> sums(genes.size() * groups);
    TRY(matrix.scan_genes(
        genes,
        [&](const GeneValues& gene) -> Result<void> {
            std::vector<FixedSums> of_gene(groups);
            for (std::size_t i = 0; i < gene.cells.size(); ++i) {
                const std::uint32_t cell = gene.cells[i];
                const std::int32_t group = group_of_cell[cell];
                if (group >= 0)
                    of_gene[static_cast<std::size_t>(group)].add(
                        scaled(gene.values[i], scale, totals[cell]), fixed);
            }
            places.each_place(gene.gene, [&](std::size_t place) {
                std::copy(of_gene.begin(), of_gene.end(),
                          sums.begin() + static_cast<std::ptrdiff_t>(place * groups));
            });
            return {};
        },
        watch));
    return sums;
}

Result<std::vector<FixedSums>> sums_by_cell(const SealedMatrix& matrix,
                                            std::span<const std::uint32_t> genes,
                                            std::span<const std::int32_t> group_of_cell,
                                            std::uint32_t groups, Scale scale, const Watch& watch) {
    std::vector<std::vector<std::uint32_t>> cells(groups);
    for (std::uint32_t cell = 0; cell < group_of_cell.size(); ++cell)
        if (group_of_cell[cell] >= 0)
            cells[static_cast<std::size_t>(group_of_cell[cell])].push_back(cell);
    const std::vector<std::span<const std::uint32_t>> spans(cells.begin(), cells.end());
    const std::vector<ExactSums> exact = TRY(matrix.exact_sums(spans, scale, watch));
    std::vector<FixedSums> sums;
    sums.reserve(genes.size() * groups);
    for (const std::uint32_t gene : genes)
        for (const ExactSums& group : exact) sums.push_back(group.genes[gene]);
    return sums;
}

double quantile_of(const std::vector<double>& rising, double share) {
    if (rising.empty()) return NAN;
    const double at = share * static_cast<double>(rising.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    if (below + 1 >= rising.size()) return rising.back();
    return std::lerp(rising[below], rising[below + 1], at - static_cast<double>(below));
}

}  // namespace

Result<GroupSummaries> summarise_groups(const SealedMatrix& matrix,
                                        std::span<const std::uint32_t> genes,
                                        std::span<const std::int32_t> group_of_cell,
                                        std::uint32_t groups, Scale scale, const Watch& watch) {
    GroupSummaries out;
    out.groups = groups;
    out.cells = TRY(cells_of_groups(matrix, group_of_cell, groups));
    TRY(check_genes(matrix, genes));
    std::vector<std::uint32_t> all;
    if (genes.empty()) {
        all.resize(matrix.gene_count());
        std::iota(all.begin(), all.end(), 0u);
        genes = all;
    }
    if (genes.size() > sums_bytes_max / sizeof(FixedSums) / std::max(groups, 1u))
        return fail(ErrorCode::exhausted,
                    fmt::format("sums of {} genes over {} groups of cells need more than 1 GiB",
                                genes.size(), groups));
    const FixedPoint fixed = TRY(matrix.fixed_point(scale));
    const bool by_gene = genes.size() * genes_per_gene_read <= matrix.gene_count();
    const std::vector<FixedSums> sums =
        by_gene ? TRY(sums_by_gene(matrix, genes, group_of_cell, groups, scale, fixed, watch))
                : TRY(sums_by_cell(matrix, genes, group_of_cell, groups, scale, watch));
    for (std::size_t i = 0; i < sums.size(); ++i) {
        const Moments moments = moments_of(sums[i], out.cells[i % groups], fixed);
        out.mean.push_back(moments.mean);
        out.variance.push_back(moments.variance);
        out.fraction.push_back(moments.nonzeros / moments.n);
        out.nonzeros.push_back(sums[i].nonzeros - sums[i].nonfinite);
    }
    return out;
}

Result<std::vector<double>> gene_quantiles(const SealedMatrix& matrix,
                                           std::span<const std::uint32_t> genes,
                                           std::span<const std::int32_t> group_of_cell,
                                           std::uint32_t groups, std::span<const double> shares,
                                           Scale scale, const Watch& watch) {
    const auto cells = TRY(cells_of_groups(matrix, group_of_cell, groups));
    TRY(check_genes(matrix, genes));
    for (const double share : shares)
        if (!(share >= 0 && share <= 1))
            return fail(ErrorCode::invalid_input,
                        fmt::format("a quantile lies between 0 and 1, not at {}", share));
    const std::vector<double> totals = TRY(totals_for(matrix, scale));
    const GenePlaces places(genes);
    std::vector<double> out(genes.size() * groups * shares.size());
    if (genes.empty()) return out;
    TRY(matrix.scan_genes(
        genes,
        [&](const GeneValues& gene) -> Result<void> {
            std::vector<std::vector<double>> values(groups);
            std::vector<std::uint64_t> stored(groups);
            for (std::size_t i = 0; i < gene.cells.size(); ++i) {
                const std::uint32_t cell = gene.cells[i];
                if (group_of_cell[cell] < 0) continue;
                const auto group = static_cast<std::size_t>(group_of_cell[cell]);
                const double value = scaled(gene.values[i], scale, totals[cell]);
                ++stored[group];
                if (std::isfinite(value)) values[group].push_back(value);
            }
            for (std::size_t group = 0; group < groups; ++group) {
                std::vector<double>& mine = values[group];
                mine.resize(mine.size() + cells[group] - stored[group]);
                std::sort(mine.begin(), mine.end());
                places.each_place(gene.gene, [&](std::size_t place) {
                    for (std::size_t i = 0; i < shares.size(); ++i)
                        out[(place * groups + group) * shares.size() + i] =
                            quantile_of(mine, shares[i]);
                });
            }
            return {};
        },
        watch));
    return out;
}

Result<void> gene_set_mean(const SealedMatrix& matrix, std::span<const std::uint32_t> genes,
                           Scale scale, std::span<float> out, const Watch& watch) {
    if (genes.empty()) return fail(ErrorCode::invalid_input, "the mean of a gene set needs a gene");
    if (scale == Scale::as_stored) return matrix.read_gene_set_mean(genes, out);
    const std::vector<double> totals = TRY(totals_for(matrix, scale));
    std::vector<double> sums(out.size());
    GeneColumn column;
    for (const std::uint32_t gene : genes) {
        if (watch.cancelled && watch.cancelled())
            return fail(ErrorCode::cancelled, "the mean of a gene set was stopped");
        TRY(matrix.read_gene(gene, column));
        for (std::size_t i = 0; i < column.cells.size(); ++i) {
            const std::uint32_t cell = column.cells[i];
            sums[cell] += scaled(column.values[i], scale, totals[cell]);
        }
    }
    const auto count = static_cast<double>(genes.size());
    for (std::size_t cell = 0; cell < out.size(); ++cell)
        out[cell] = static_cast<float>(sums[cell] / count);
    return {};
}

}  // namespace stroma::expression
