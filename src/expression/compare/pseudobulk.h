#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "expression/compare/compare.h"
#include "expression/compare/rank_test.h"

namespace stroma::expression {

/// Comparing donors instead of cells: cells of one donor are no independent replicates.
struct PseudobulkOptions {
    std::uint64_t donors_min = 3;  ///< fewer on a side are refused; at least 2
    std::uint64_t cells_per_donor_min =
        10;  ///< a donor with fewer cells on a side is left out of it
    /// True: a paired t-test over the donors on both sides. False: Welch's over all of each side.
    /// Unset: paired when every donor that is used is on both sides.
    std::optional<bool> paired;
};

/// One donor's cells on one side, as one sample.
struct DonorSample {
    std::int32_t donor = 0;
    Side side = Side::a;
    std::uint64_t cells = 0;
    double counts = 0;  ///< all of the sample's counts: what CPM divides by
    bool used = false;
};

struct PseudobulkComparison {
    /// As compare() makes it, of log2(CPM + 1) per donor: n are donors, logarithms base 2,
    /// fractions those of donors with the gene, log2_fold_change is mean_difference.
    Comparison table;
    bool paired = false;
    std::vector<DonorSample> samples;
};

/// Adds up the counts of each donor on each side, makes log2(1 + 10^6 · count / all counts) of them
/// and tests those. `donor_of_cell` has a number from 0 to donors - 1 for each cell, or -1.
/// errors  invalid_input  values that are no counts, cells without a donor only, too few donors on
///                        a side (says how many there are and why the others are out), donors on
///                        both sides in an unpaired test
///         exhausted, cancelled, corrupt
Result<PseudobulkComparison> compare_donors(const SealedMatrix& matrix,
                                            std::span<const std::uint32_t> a,
                                            std::optional<std::span<const std::uint32_t>> b,
                                            std::span<const std::int32_t> donor_of_cell,
                                            const PseudobulkOptions& options, const Watch& watch);

}  // namespace stroma::expression
