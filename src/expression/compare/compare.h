#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "expression/sealed_dataset.h"

// Two sets of cells compared gene by gene. Formulas, defaults, sources: docs/statistics.md.

namespace stroma::expression {

enum class Test : std::uint8_t {
    welch_t,   ///< means; each variance over its own n
    rank_sum,  ///< Wilcoxon, Mann, Whitney; midranks, variance corrected for ties
};

struct CompareOptions {
    Test test = Test::welch_t;
    Scale scale = Scale::as_stored;
    std::uint64_t cells_min = 3;  ///< a smaller set is refused; at least 2
    bool continuity = true;       ///< of the rank test: |U - mean| less 1/2
    /// Whether values as stored are ln(1 + x). Unset: taken so when they are no whole numbers, none
    /// is negative and none above 24.
    std::optional<bool> stored_logarithms;
    double pseudocount = 1e-9;  ///< added to both sides of the log2 fold change
};

/// One comparison, a column each; entry i is of gene i of var. What isn't defined is NaN.
struct Comparison {
    Test test = Test::welch_t;
    Scale scale = Scale::as_stored;
    bool logarithms = false;  ///< the values compared are ln(1 + x)
    std::uint64_t cells_a = 0, cells_b = 0;
    std::uint64_t tested = 0;  ///< genes with a p: those that both adjustments count

    std::vector<double> n_a, n_b;  ///< values: cells less those whose value isn't finite
    std::vector<double> mean_a, mean_b, variance_a, variance_b;
    std::vector<double> fraction_a, fraction_b;  ///< of the values, those that are stored
    std::vector<double> mean_difference;         ///< mean_a - mean_b
    /// log2((x_a + c) / (x_b + c)): x is e^mean - 1 of logarithms, else the mean; c the
    /// pseudocount. NaN where x is negative.
    std::vector<double> log2_fold_change;
    std::vector<double> statistic;           ///< t, or z; above 0 when a is larger
    std::vector<double> degrees_of_freedom;  ///< of t; empty for the rank test
    std::vector<double> auc;                 ///< U / (n_a n_b); empty for t
    std::vector<double> p, p_benjamini_hochberg, p_bonferroni;

    std::vector<std::string> warnings;  ///< whole sentences

    std::uint64_t gene_count() const { return p.size(); }
    /// Every column that there is, by its name.
    struct Column {
        std::string_view name;
        std::span<const double> values;
    };
    std::vector<Column> columns() const;
};

/// Compares set `a` with set `b`, or with all other cells when `b` is unset. A cell is at most once
/// in a set and not in both. Each gene is tested on its finite values; all-equal ones have no p.
/// Reads the two smallest of the sets and the cells outside: the third's sums are those of the
/// whole less theirs. A rank test reads all genes as well. All cores; memory: see exact_sums.
/// errors  invalid_input  a set smaller than cells_min, a cell twice, in both or not there;
///                        log_cp10k of negative values
///         cancelled, corrupt
Result<Comparison> compare(const SealedMatrix& matrix, std::span<const std::uint32_t> a,
                           std::optional<std::span<const std::uint32_t>> b,
                           const CompareOptions& options, const Watch& watch);

}  // namespace stroma::expression
