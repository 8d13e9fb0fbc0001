#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "expression/fixed_sums.h"
#include "expression/kernels/rank_keys.h"

namespace stroma::expression {

/// Σ (t³ - t) over the groups of t equal keys. Keeps its room from call to call; one thread.
template <class Key>
class TieCounter {
public:
    /// Time: 3 to 5 ns a key; memory: up to 32 bytes a key.
    Int128 ties(std::span<const Key> keys);

private:
    struct Slot {
        Key key = 0;
        std::uint32_t round = 0, count = 0;
    };
    std::vector<Slot> slots_;
    std::uint32_t round_ = 0;
};
inline Int128 ties_of_group(std::uint64_t size) { return (Int128{size} * size - 1) * size; }

/// How often values of one set are above those of another, without ordering both: the smaller
/// one's are ordered and put into buckets, the others only looked up. One thread.
template <class Key>
class PairCounter {
public:
    /// Orders `keys`, the smaller set's; `range` holds the keys of both.
    void set_smaller(std::span<const Key> keys, const KeyRange& range);
    /// Σ over `keys` of twice the smaller set's keys above that one and once those equal to it.
    Int128 twice_above(std::span<const Key> keys) const;

private:
    /// Of the smaller set's keys, all equal.
    struct Distinct {
        Key key = 0;
        std::uint32_t twice_above = 0;  ///< keys of the smaller set
        std::uint32_t count = 0;
    };
    /// A range of keys: the one that lies in it (count 0: none), and twice those beyond the range.
    /// Where several lie in it, the number of the first instead, with a key below all.
    using Bucket = Distinct;
    static constexpr std::uint32_t several = 1u << 31;  ///< as count

    void order(std::span<const Key> keys);
    void keep_distinct();
    std::uint64_t twice_above_some(std::span<const Key> keys) const;
    std::uint64_t in_several(std::uint32_t first, Key key) const;

    Key lowest_ = 0;
    unsigned shift_ = 0;
    std::size_t count_ = 0;     ///< of the smaller set
    std::vector<Key> ordered_;  ///< its keys
    std::vector<std::uint32_t> ends_;
    std::vector<Distinct> distinct_;  ///< rising, and one above all
    std::vector<Bucket> buckets_;
};

/// What a rank test needs of one gene: exact.
struct RankSums {
    std::uint64_t n_a = 0, n_b = 0;
    Int128 twice_ranks_a = 0;  ///< 2 · the sum of the midranks of set a
    Int128 ties = 0;           ///< Σ (t³ - t) over groups of t equal values
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
RankResult rank_sum_test(const RankSums& sums, bool continuity);

}  // namespace stroma::expression
