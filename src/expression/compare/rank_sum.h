#pragma once

#include <cstdint>
#include <vector>

#include "expression/fixed_sums.h"

namespace stroma::expression {

/// The values of two sets for one rank test. Values other than 0 are given one by one, zeros by
/// number only.
class RankSample {
public:
    void clear();
    /// A value that is finite and not 0.
    void add(double value, bool in_b);
    /// Room for `count` positive values that the caller writes as key() of each; then set_count().
    std::uint64_t* positive_room(std::size_t count);
    void set_positive_count(std::size_t count) { positive_.resize(count); }
    static std::uint64_t key(double positive, bool in_b);

    /// What a rank test needs: exact.
    struct Sums {
        std::uint64_t n_a = 0, n_b = 0;
        Int128 twice_ranks_a = 0;  ///< 2 · the sum of the midranks of set a
        Int128 ties = 0;           ///< Σ (t³ - t) over groups of t equal values
    };
    /// With so many zeros in each set. Orders the values: once between two clear().
    Sums sums(std::uint64_t zeros_a, std::uint64_t zeros_b);

private:
    std::vector<std::uint64_t> positive_, negative_, scratch_;
    std::vector<std::uint32_t> starts_;
};

/// The rank-sum test of Wilcoxon, Mann and Whitney by its normal approximation with midranks and
/// the variance corrected for ties (Lehmann, Nonparametrics (1975), 1.4): as scipy.stats's
/// mannwhitneyu(method="asymptotic"), with or without its continuity correction.
struct RankResult {
    double u = 0;  ///< U of set a: pairs in which a is larger, and half of the ties
    double z = 0;  ///< signed: above 0 when a is larger; with the correction when asked for
    double p = 0;  ///< of both sides
};
/// All NaN when a set is empty; z and p NaN when all values are equal.
RankResult rank_sum_test(const RankSample::Sums& sums, bool continuity);

}  // namespace stroma::expression
