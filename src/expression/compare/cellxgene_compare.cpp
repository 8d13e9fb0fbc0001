#include "expression/compare/cellxgene_compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/threads.h"
#include "expression/compare/cell_sets.h"
#include "expression/compare/moments.h"
#include "expression/compare/tail_probability.h"

namespace stroma::expression {
namespace {

constexpr double count_range = 24;

bool takes_logarithms(const MatrixSummary& matrix, CellxgeneOptions::Distribution distribution) {
    if (distribution != CellxgeneOptions::Distribution::automatic)
        return distribution == CellxgeneOptions::Distribution::count;
    return matrix.min >= 0 && matrix.max - matrix.min > count_range;
}

/// What isn't finite, and every value of a gene with one that isn't, counts as 0.
Moments finite_moments(const ExactSums& sums, std::size_t gene) {
    if (sums.genes[gene].nonfinite > 0) return {};
    return moments_of(sums.genes[gene], sums.cells, sums.fixed);
}

CellxgeneRow row_of(std::uint32_t gene, const SideSums& sums) {
    const Moments a = finite_moments(sums.a, gene), b = finite_moments(sums.b, gene);
    const auto n_a = static_cast<double>(sums.a.cells), n_b = static_cast<double>(sums.b.cells);
    const double smaller = std::min(n_a, n_b);
    const double va = a.variance / smaller, vb = b.variance / smaller, both = va + vb;
    double degrees = both * both / (va * va / (n_a - 1) + vb * vb / (n_b - 1));
    if (std::isnan(degrees)) degrees = 1;
    CellxgeneRow row;
    row.gene = gene;
    row.log_fold_change = a.mean - b.mean;
    row.t = row.log_fold_change / std::sqrt(both);
    if (std::isnan(row.t)) row.t = 0;
    row.p = student_t_two_sided(row.t, degrees);
    row.p_adjusted = std::min(1.0, row.p * static_cast<double>(sums.a.genes.size()));
    return row;
}

/// Sums of both sets where they may overlap, the larger one by way of the whole.
Result<SideSums> sums_of(const SealedMatrix& matrix, std::span<const std::uint32_t> a,
                         std::span<const std::uint32_t> b, Scale scale, const Watch& watch) {
    const auto rest_of = [&](std::span<const std::uint32_t> cells) -> Result<CellSets> {
        return cell_sets(matrix.cell_count(), cells, std::nullopt, 0);
    };
    const auto sums_of_one = [&](std::span<const std::uint32_t> cells) -> Result<ExactSums> {
        if (cells.size() <= matrix.cell_count() / 2 || cells.size() + 2 > matrix.cell_count())
            return std::move(TRY(matrix.exact_sums(std::span(&cells, 1), scale, watch))[0]);
        const CellSets sets = TRY(rest_of(cells));
        return std::move(TRY(side_sums(matrix, sets, scale, watch)).a);
    };
    ExactSums of_a = TRY(sums_of_one(a)), of_b = TRY(sums_of_one(b));
    return SideSums{std::move(of_a), std::move(of_b)};
}

}  // namespace

Result<CellxgeneResult> compare_as_cellxgene(const SealedMatrix& matrix,
                                             std::span<const std::uint32_t> a,
                                             std::span<const std::uint32_t> b,
                                             const CellxgeneOptions& options, const Watch& watch) {
    if (a.size() < 2 || b.size() < 2)
        return fail(ErrorCode::invalid_input,
                    fmt::format("the sets have {} and {} cells; a comparison needs at least 2 in "
                                "each",
                                a.size(), b.size()));
    CellxgeneResult out;
    out.logarithms_taken = takes_logarithms(matrix.summary(), options.distribution);
    const Scale scale = out.logarithms_taken ? Scale::log1p : Scale::as_stored;
    const SideSums sums = TRY(sums_of(matrix, a, b, scale, watch));
    std::vector<CellxgeneRow> rows(matrix.gene_count());
    constexpr std::size_t at_once = 1024;
    TRY(parallel_for((rows.size() + at_once - 1) / at_once, [&](std::size_t piece) -> Result<void> {
        for (std::size_t gene = piece * at_once;
             gene < std::min(rows.size(), (piece + 1) * at_once); ++gene)
            rows[gene] = row_of(static_cast<std::uint32_t>(gene), sums);
        return {};
    }));
    const std::size_t count = options.count;
    const bool few_genes = rows.size() < 2 * count;
    const auto beyond = [&](const CellxgeneRow& row) {
        return std::abs(row.log_fold_change) > options.fold_change_cutoff;
    };
    if (static_cast<std::size_t>(std::count_if(rows.begin(), rows.end(), beyond)) > 2 * count)
        std::erase_if(rows, [&](const CellxgeneRow& row) { return !beyond(row); });
    std::stable_sort(
        rows.begin(), rows.end(),
        [](const CellxgeneRow& one, const CellxgeneRow& other) { return one.t > other.t; });
    const auto take = [&](const CellxgeneRow& row, bool positive, std::vector<CellxgeneRow>& to) {
        if (to.size() < count && (!few_genes || (positive ? row.t > 0 : row.t < 0)))
            to.push_back(row);
    };
    for (auto row = rows.begin(); row != rows.end(); ++row) take(*row, true, out.positive);
    for (auto row = rows.rbegin(); row != rows.rend(); ++row) take(*row, false, out.negative);
    return out;
}

}  // namespace stroma::expression
