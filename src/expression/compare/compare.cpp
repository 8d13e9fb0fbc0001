#include "expression/compare/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/threads.h"
#include "expression/compare/adjusted_p.h"
#include "expression/compare/cell_sets.h"
#include "expression/compare/moments.h"
#include "expression/compare/rank_sum.h"

namespace stroma::expression {
namespace {

/// Larger values are hardly ln(1 + x): that would be 26 thousand million.
constexpr double largest_logarithm = 24;
constexpr std::size_t genes_at_once = 1024;

bool are_logarithms(const MatrixSummary& matrix, const CompareOptions& options) {
    if (options.scale != Scale::as_stored) return true;
    if (options.stored_logarithms) return *options.stored_logarithms;
    return !matrix.whole_numbers && matrix.min >= 0 && matrix.max <= largest_logarithm;
}

void warn(const MatrixSummary& matrix, const CompareOptions& options, Comparison& out) {
    const auto say = [&](std::string text) { out.warnings.push_back(std::move(text)); };
    const std::string& name = matrix.name;
    if (matrix.min < 0 && options.scale == Scale::as_stored)
        say(
            fmt::format("{} holds negative values, as scaled data do: its means and fold changes "
                        "are not of expression; compare counts or log-normalised values instead",
                        name));
    if (matrix.min < 0 && options.scale == Scale::log1p)
        say(
            fmt::format("{} holds negative values, as scaled data do: those of -1 and below have "
                        "no logarithm and are left out",
                        name));
    if (matrix.whole_numbers && matrix.nonzeros > 0 && options.scale == Scale::as_stored)
        say(
            fmt::format("{} holds whole numbers, as raw counts are: cells with more molecules "
                        "weigh more; normalise them (log_cp10k)",
                        name));
    if (!matrix.whole_numbers && options.scale != Scale::as_stored &&
        matrix.max <= largest_logarithm && matrix.unit != Unit::counts &&
        matrix.unit != Unit::expected_counts && matrix.unit != Unit::tpm)
        say(
            fmt::format("{} holds no whole numbers: where it is normalised already, compare it as "
                        "it is stored",
                        name));
    if (options.scale == Scale::as_stored && !options.stored_logarithms && !matrix.whole_numbers &&
        matrix.min >= 0)
        say(out.logarithms
                ? fmt::format("{} is taken as ln(1 + x), as none of its values is above 24: say so "
                              "if it isn't, the log2 fold change depends on it",
                              name)
                : fmt::format("{} is not taken as ln(1 + x), as it holds values above 24: say so "
                              "if it is, the log2 fold change depends on it",
                              name));
}

double linear(double mean, bool logarithms) { return logarithms ? std::expm1(mean) : mean; }

double log2_ratio(double mean_a, double mean_b, bool logarithms, double pseudocount) {
    const double a = linear(mean_a, logarithms), b = linear(mean_b, logarithms);
    if (!(a >= 0 && b >= 0)) return NAN;
    return std::log2((a + pseudocount) / (b + pseudocount));
}

void make_room(Comparison& out, std::size_t genes) {
    for (auto* column :
         {&out.n_a, &out.n_b, &out.mean_a, &out.mean_b, &out.variance_a, &out.variance_b,
          &out.fraction_a, &out.fraction_b, &out.mean_difference, &out.log2_fold_change,
          &out.statistic, &out.p, out.test == Test::welch_t ? &out.degrees_of_freedom : &out.auc})
        column->resize(genes);
}

void describe(std::size_t gene, const Moments& a, const Moments& b, double pseudocount,
              Comparison& out) {
    out.n_a[gene] = a.n;
    out.n_b[gene] = b.n;
    out.mean_a[gene] = a.mean;
    out.mean_b[gene] = b.mean;
    out.variance_a[gene] = a.variance;
    out.variance_b[gene] = b.variance;
    out.fraction_a[gene] = a.nonzeros / a.n;
    out.fraction_b[gene] = b.nonzeros / b.n;
    out.mean_difference[gene] = a.mean - b.mean;
    out.log2_fold_change[gene] = log2_ratio(a.mean, b.mean, out.logarithms, pseudocount);
}

Result<void> fill(const SideSums& sums, const std::vector<RankSums>& ranks,
                  const CompareOptions& options, Comparison& out) {
    const std::size_t genes = sums.a.genes.size();
    make_room(out, genes);
    return parallel_for(
        (genes + genes_at_once - 1) / genes_at_once, [&](std::size_t piece) -> Result<void> {
            const std::size_t end = std::min(genes, (piece + 1) * genes_at_once);
            for (std::size_t gene = piece * genes_at_once; gene < end; ++gene) {
                const Moments a = moments_of(sums.a.genes[gene], sums.a.cells, sums.a.fixed);
                const Moments b = moments_of(sums.b.genes[gene], sums.b.cells, sums.b.fixed);
                describe(gene, a, b, options.pseudocount, out);
                if (options.test == Test::welch_t) {
                    const WelchResult test = welch_t_test(a, b);
                    out.statistic[gene] = test.t;
                    out.degrees_of_freedom[gene] = test.degrees_of_freedom;
                    out.p[gene] = test.p;
                } else {
                    const RankResult test = rank_sum_test(ranks[gene], options.continuity);
                    out.statistic[gene] = test.z;
                    out.auc[gene] = test.u / (a.n * b.n);
                    out.p[gene] = test.p;
                }
            }
            return {};
        });
}

}  // namespace

std::vector<Comparison::Column> Comparison::columns() const {
    std::vector<Column> all{{"n_a", n_a},
                            {"n_b", n_b},
                            {"mean_a", mean_a},
                            {"mean_b", mean_b},
                            {"variance_a", variance_a},
                            {"variance_b", variance_b},
                            {"fraction_a", fraction_a},
                            {"fraction_b", fraction_b},
                            {"mean_difference", mean_difference},
                            {"log2_fold_change", log2_fold_change},
                            {test == Test::welch_t ? "t" : "z", statistic},
                            {"degrees_of_freedom", degrees_of_freedom},
                            {"auc", auc},
                            {"p", p},
                            {"p_benjamini_hochberg", p_benjamini_hochberg},
                            {"p_bonferroni", p_bonferroni}};
    std::erase_if(all, [&](const Column& column) { return column.values.size() != p.size(); });
    return all;
}

Result<Comparison> compare(const SealedMatrix& matrix, std::span<const std::uint32_t> a,
                           std::optional<std::span<const std::uint32_t>> b,
                           const CompareOptions& options, const Watch& watch) {
    const CellSets sets = TRY(cell_sets(matrix.cell_count(), a, b, options.cells_min));
    const SideSums sums = TRY(side_sums(matrix, sets, options.scale, watch));
    std::vector<RankSums> ranks;
    if (options.test == Test::rank_sum)
        ranks = TRY(rank_sums(matrix, sets.sides, options.scale, watch));
    Comparison out;
    out.test = options.test;
    out.scale = options.scale;
    out.logarithms = are_logarithms(matrix.summary(), options);
    out.cells_a = sets.a.size();
    out.cells_b = sets.b.size();
    warn(matrix.summary(), options, out);
    TRY(fill(sums, ranks, options, out));
    out.tested = tested_count(out.p);
    out.p_benjamini_hochberg = adjust_benjamini_hochberg(out.p);
    out.p_bonferroni = adjust_bonferroni(out.p);
    return out;
}

}  // namespace stroma::expression
