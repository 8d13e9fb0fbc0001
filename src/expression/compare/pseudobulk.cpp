#include "expression/compare/pseudobulk.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "expression/compare/adjusted_p.h"
#include "expression/compare/cell_sets.h"
#include "expression/compare/moments.h"
#include "expression/compare/tail_probability.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t donors_least = 2;

struct Samples {
    std::vector<DonorSample> all;
    std::vector<std::vector<std::uint32_t>> cells;  ///< of each
    std::uint64_t without_donor = 0;
};

Samples samples_of(const CellSets& sets, std::span<const std::int32_t> donor_of_cell) {
    std::map<std::pair<std::int32_t, Side>, std::vector<std::uint32_t>> cells;
    Samples out;
    for (const auto* side : {&sets.a, &sets.b})
        for (const std::uint32_t cell : *side) {
            if (donor_of_cell[cell] >= 0)
                cells[{donor_of_cell[cell], sets.sides[cell]}].push_back(cell);
            else
                ++out.without_donor;
        }
    for (auto& [key, list] : cells) {
        out.all.push_back({key.first, key.second, list.size(), 0, false});
        out.cells.push_back(std::move(list));
    }
    return out;
}

/// Each sample's log2(CPM + 1), gene by gene.
using Profiles = std::vector<std::vector<double>>;

Result<Profiles> profiles_of(const SealedMatrix& matrix, Samples& samples, const Watch& watch) {
    const std::vector<std::span<const std::uint32_t>> groups(samples.cells.begin(),
                                                             samples.cells.end());
    const std::vector<ExactSums> sums = TRY(matrix.exact_sums(groups, Scale::as_stored, watch));
    Profiles profiles;
    for (std::size_t i = 0; i < sums.size(); ++i) {
        std::vector<double> profile;
        double all = 0;
        for (const FixedSums& gene : sums[i].genes) {
            profile.push_back(gene.sum_of(sums[i].fixed));
            all += profile.back();
        }
        samples.all[i].counts = all;
        for (double& value : profile) value = all > 0 ? std::log2(1 + 1e6 * value / all) : 0;
        profiles.push_back(std::move(profile));
    }
    return profiles;
}

Moments moments_of_values(const std::vector<double>& values) {
    Moments out;
    out.n = static_cast<double>(values.size());
    for (const double value : values) {
        out.mean += value / out.n;
        out.nonzeros += value > 0;
    }
    // Equal values must have no variance, whatever rounding did to their mean.
    const bool equal =
        std::all_of(values.begin(), values.end(), [&](double value) { return value == values[0]; });
    if (equal) out.mean = values[0];
    for (const double value : values)
        out.variance += (value - out.mean) * (value - out.mean) / (out.n - 1);
    return out;
}

WelchResult paired_t_test(const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<double> differences;
    for (std::size_t i = 0; i < a.size(); ++i) differences.push_back(a[i] - b[i]);
    const Moments moments = moments_of_values(differences);
    const double error = std::sqrt(moments.variance / moments.n), degrees = moments.n - 1;
    if (error == 0 && moments.mean == 0) return {NAN, degrees, NAN};
    const double t = moments.mean / error;
    return {t, degrees, student_t_two_sided(t, degrees)};
}

/// Which samples are tested, in the same order of donors on both sides when paired.
struct Design {
    bool paired = false;
    std::vector<std::size_t> a, b;
};

Result<Design> design_of(Samples& samples, const PseudobulkOptions& options) {
    Design design;
    std::map<std::int32_t, std::pair<int, int>> sides;  // of each donor with cells enough
    std::uint64_t too_small = 0;
    for (DonorSample& sample : samples.all) {
        sample.used = sample.cells >= options.cells_per_donor_min && sample.counts > 0;
        too_small += !sample.used;
        if (sample.used)
            ++(sample.side == Side::a ? sides[sample.donor].first : sides[sample.donor].second);
    }
    const auto both = [&](const DonorSample& sample) {
        const auto& [on_a, on_b] = sides[sample.donor];
        return on_a > 0 && on_b > 0;
    };
    const bool any_both = std::any_of(samples.all.begin(), samples.all.end(),
                                      [&](auto& sample) { return sample.used && both(sample); });
    const bool all_both = std::all_of(samples.all.begin(), samples.all.end(),
                                      [&](auto& sample) { return !sample.used || both(sample); });
    design.paired = options.paired.value_or(all_both);
    if (!design.paired && any_both)
        return fail(
            ErrorCode::invalid_input,
            "some donors have cells in both sets and others in one: choose sets of different "
            "donors, or only donors that have cells in both");
    for (std::size_t i = 0; i < samples.all.size(); ++i) {
        DonorSample& sample = samples.all[i];
        sample.used = sample.used && (!design.paired || both(sample));
        if (sample.used) (sample.side == Side::a ? design.a : design.b).push_back(i);
    }
    const std::uint64_t least = std::max(options.donors_min, donors_least);
    if (design.a.size() < least || design.b.size() < least)
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} donors in set A and {} in set B can be compared{}, at least {} "
                                "on each side are needed; {} had fewer than {} cells or no counts",
                                design.a.size(), design.b.size(), design.paired ? " in pairs" : "",
                                least, too_small, options.cells_per_donor_min));
    return design;
}

std::vector<double> values_of(const Profiles& profiles, const std::vector<std::size_t>& samples,
                              std::size_t gene) {
    std::vector<double> values;
    for (const std::size_t sample : samples) values.push_back(profiles[sample][gene]);
    return values;
}

void test_genes(const Profiles& profiles, const Design& design, Comparison& out) {
    const std::size_t genes = profiles.front().size();
    for (std::size_t gene = 0; gene < genes; ++gene) {
        const std::vector<double> of_a = values_of(profiles, design.a, gene);
        const std::vector<double> of_b = values_of(profiles, design.b, gene);
        const Moments a = moments_of_values(of_a), b = moments_of_values(of_b);
        const WelchResult test = design.paired ? paired_t_test(of_a, of_b) : welch_t_test(a, b);
        out.n_a.push_back(a.n);
        out.n_b.push_back(b.n);
        out.mean_a.push_back(a.mean);
        out.mean_b.push_back(b.mean);
        out.variance_a.push_back(a.variance);
        out.variance_b.push_back(b.variance);
        out.fraction_a.push_back(a.nonzeros / a.n);
        out.fraction_b.push_back(b.nonzeros / b.n);
        out.mean_difference.push_back(a.mean - b.mean);
        out.log2_fold_change.push_back(a.mean - b.mean);
        out.statistic.push_back(test.t);
        out.degrees_of_freedom.push_back(test.degrees_of_freedom);
        out.p.push_back(test.p);
    }
    out.tested = tested_count(out.p);
    out.p_benjamini_hochberg = adjust_benjamini_hochberg(out.p);
    out.p_bonferroni = adjust_bonferroni(out.p);
}

void warn(const Samples& samples, Comparison& out) {
    const auto unused = std::count_if(samples.all.begin(), samples.all.end(),
                                      [](const DonorSample& sample) { return !sample.used; });
    if (unused > 0)
        out.warnings.push_back(fmt::format(
            "{} of {} samples of a donor are left out: too few cells, no counts, or nothing to be "
            "paired with",
            unused, samples.all.size()));
    if (samples.without_donor > 0)
        out.warnings.push_back(
            fmt::format("{} cells have no donor and are left out", samples.without_donor));
}

}  // namespace

Result<PseudobulkComparison> compare_donors(const SealedMatrix& matrix,
                                            std::span<const std::uint32_t> a,
                                            std::optional<std::span<const std::uint32_t>> b,
                                            std::span<const std::int32_t> donor_of_cell,
                                            const PseudobulkOptions& options, const Watch& watch) {
    const MatrixSummary& summary = matrix.summary();
    if (donor_of_cell.size() != matrix.cell_count())
        return fail(ErrorCode::invalid_input,
                    fmt::format("there are {} cells and donors of {}", matrix.cell_count(),
                                donor_of_cell.size()));
    if (summary.min < 0 || (!summary.whole_numbers && summary.unit != Unit::expected_counts))
        return fail(ErrorCode::invalid_input,
                    fmt::format("donors are compared by their counts, and {} holds none: choose "
                                "the matrix of raw counts",
                                summary.name));
    const CellSets sets = TRY(cell_sets(matrix.cell_count(), a, b, 0));
    Samples samples = samples_of(sets, donor_of_cell);
    if (samples.all.empty())
        return fail(ErrorCode::invalid_input, "no cell of the two sets has a donor");
    const Profiles profiles = TRY(profiles_of(matrix, samples, watch));
    const Design design = TRY(design_of(samples, options));
    PseudobulkComparison out;
    out.paired = design.paired;
    out.table.logarithms = true;
    out.table.cells_a = sets.a.size();
    out.table.cells_b = sets.b.size();
    test_genes(profiles, design, out.table);
    warn(samples, out.table);
    out.samples = std::move(samples.all);
    return out;
}

}  // namespace stroma::expression
