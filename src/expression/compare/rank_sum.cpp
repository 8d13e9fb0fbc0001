#include "expression/compare/rank_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "expression/compare/tail_probability.h"

namespace stroma::expression {
namespace {

constexpr std::size_t buckets_min = 16, buckets_max = 1u << 15;
constexpr std::size_t buckets_a_key = 8;
constexpr std::size_t insertion_max = 24;
constexpr std::size_t keys_at_once = 1024;
constexpr int steps_max = 8;

template <class Key>
void insertion_sort(Key* keys, std::size_t count) {
    for (std::size_t i = 1; i < count; ++i) {
        const Key key = keys[i];
        std::size_t at = i;
        for (; at > 0 && keys[at - 1] > key; --at) keys[at] = keys[at - 1];
        keys[at] = key;
    }
}

/// By how much keys are shifted so that `wide` of them make at most that many buckets.
unsigned shift_for(std::uint64_t wide, std::size_t buckets) {
    const auto bits = static_cast<int>(std::bit_width(buckets - 1));
    return static_cast<unsigned>(std::max(0, static_cast<int>(std::bit_width(wide)) - bits));
}

}  // namespace

template <class Key>
Int128 TieCounter<Key>::ties(std::span<const Key> keys) {
    const unsigned bits = std::max(6u, static_cast<unsigned>(std::bit_width(keys.size())) + 1);
    if (slots_.size() < std::size_t{1} << bits) {
        slots_.assign(std::size_t{1} << bits, {});
        round_ = 0;
    }
    if (++round_ == 0) {  // all rounds are used up
        std::fill(slots_.begin(), slots_.end(), Slot{});
        round_ = 1;
    }
    const std::size_t mask = (std::size_t{1} << bits) - 1;
    Int128 ties = 0;
    for (const Key key : keys) {
        std::size_t at = std::uint64_t{key} * 0x9E3779B97F4A7C15u >> (64 - bits);
        while (slots_[at].round == round_ && slots_[at].key != key) at = (at + 1) & mask;
        Slot& slot = slots_[at];
        const std::uint64_t before = slot.round == round_ ? slot.count : 0;
        slot = {key, round_, static_cast<std::uint32_t>(before + 1)};
        ties += Int128{3 * before} * (before + 1);  // from t³ - t to that of t + 1
    }
    return ties;
}

/// Counts the keys of each bucket and puts them behind one another.
template <class Key>
void PairCounter<Key>::order(std::span<const Key> keys) {
    const Key lowest = lowest_;
    const unsigned shift = shift_;
    for (const Key key : keys) ++ends_[((key - lowest) >> shift) + 1];
    for (std::size_t i = 1; i < ends_.size(); ++i) ends_[i] += ends_[i - 1];
    ordered_.resize(keys.size());
    for (const Key key : keys) ordered_[ends_[(key - lowest) >> shift]++] = key;
}

/// Orders the keys of each bucket, counts what is equal and makes the bucket.
template <class Key>
void PairCounter<Key>::keep_distinct() {
    distinct_.resize(count_ + 1);
    buckets_.resize(ends_.size() - 1);
    Distinct* next = distinct_.data();
    auto above = static_cast<std::uint32_t>(count_);
    for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
        const std::uint32_t begin = static_cast<std::uint32_t>(count_) - above, end = ends_[bucket];
        if (begin == end) {
            buckets_[bucket] = {0, 2 * above, 0};
            continue;
        }
        Key* const keys = ordered_.data();
        if (shift_ > 0 && end - begin > 1) {
            if (end - begin <= insertion_max)
                insertion_sort(keys + begin, end - begin);
            else
                std::sort(keys + begin, keys + end);
        }
        const Distinct* const first = next;
        for (std::uint32_t at = begin; at < end;) {
            const Key key = keys[at];
            std::uint32_t same = 1;
            while (at + same < end && keys[at + same] == key) ++same;
            at += same;
            above -= same;
            *next++ = {key, 2 * above, same};
        }
        const auto number = static_cast<std::uint32_t>(first - distinct_.data());
        buckets_[bucket] = next - first == 1 ? *first : Bucket{0, number, several};
    }
    *next++ = {std::numeric_limits<Key>::max(), 0, 0};
    distinct_.resize(static_cast<std::size_t>(next - distinct_.data()));
}

template <class Key>
void PairCounter<Key>::set_smaller(std::span<const Key> keys, const KeyRange& range) {
    count_ = keys.size();
    if (keys.empty()) return;
    lowest_ = static_cast<Key>(range.lowest);
    const std::size_t wanted = std::clamp(keys.size() * buckets_a_key, buckets_min, buckets_max);
    // As fine as the smaller set's own range asks for, but where the others' is far wider.
    const KeyRange own = range_of(keys.data(), keys.size());
    const std::uint64_t whole = range.highest - range.lowest;
    shift_ = std::max(shift_for(own.highest - own.lowest, wanted), shift_for(whole, 4 * wanted));
    ends_.assign((whole >> shift_) + 2, 0);
    order(keys);
    keep_distinct();
}

template <class Key>
Int128 PairCounter<Key>::twice_above(std::span<const Key> keys) const {
    if (count_ == 0) return 0;
    std::uint64_t sum = 0;  // at most 2^31 keys, each twice above 2^31
    for (std::size_t at = 0; at < keys.size(); at += keys_at_once)
        sum += twice_above_some(keys.subspan(at, std::min(keys_at_once, keys.size() - at)));
    return static_cast<Int128>(sum);
}

template <class Key>
std::uint64_t PairCounter<Key>::twice_above_some(std::span<const Key> keys) const {
    const Key lowest = lowest_;
    const unsigned shift = shift_;
    const Bucket* buckets = buckets_.data();
    // Those of full buckets are put aside: a branch that is guessed wrong waits for the look-up.
    Key later[keys_at_once];
    std::size_t later_count = 0;
    std::uint64_t sum = 0;
    for (const Key key : keys) {
        const Bucket& bucket = buckets[(key - lowest) >> shift];
        const std::uint32_t below = key < bucket.key, at_most = key <= bucket.key;
        sum += bucket.twice_above + std::uint64_t{(below + at_most) * bucket.count};
        later[later_count] = key;
        later_count += bucket.count >> 31;
    }
    for (std::size_t i = 0; i < later_count; ++i) {
        const std::uint32_t first = buckets[(later[i] - lowest) >> shift].twice_above;
        sum += in_several(first, later[i]) - first;
    }
    return sum;
}

template <class Key>
std::uint64_t PairCounter<Key>::in_several(std::uint32_t first, Key key) const {
    const Distinct *at = distinct_.data() + first, *end = distinct_.data() + distinct_.size() - 1;
    for (int steps = 0; steps < steps_max && at->key < key; ++steps) ++at;
    if (at->key < key)
        at = std::lower_bound(at, end, key,
                              [](const Distinct& one, Key other) { return one.key < other; });
    return std::uint64_t{at->twice_above} + (at->key == key ? 1 : 2) * std::uint64_t{at->count};
}

template class TieCounter<std::uint32_t>;
template class TieCounter<std::uint64_t>;
template class PairCounter<std::uint32_t>;
template class PairCounter<std::uint64_t>;

RankResult rank_sum_test(const RankSums& sums, bool continuity) {
    const auto n_a = static_cast<double>(sums.n_a), n_b = static_cast<double>(sums.n_b);
    const double n = n_a + n_b;
    if (n_a == 0 || n_b == 0) return {NAN, NAN, NAN};
    const Int128 least = Int128{sums.n_a} * (sums.n_a + 1);
    RankResult out;
    out.u = static_cast<double>(sums.twice_ranks_a - least) / 2;
    // U less its mean, doubled: whole, so that nothing is lost where both are large.
    const Int128 twice_off = sums.twice_ranks_a - least - Int128{sums.n_a} * sums.n_b;
    const Int128 cubes = (Int128{sums.n_a + sums.n_b} * (sums.n_a + sums.n_b) - 1) *
                         static_cast<Int128>(sums.n_a + sums.n_b);
    if (sums.ties == cubes) {
        out.z = out.p = NAN;
        return out;
    }
    const double variance =
        n_a * n_b / 12 * (static_cast<double>(cubes - sums.ties) / (n * (n - 1)));
    const double off = std::abs(static_cast<double>(twice_off)) / 2 - (continuity ? 0.5 : 0);
    const double z = std::max(off, 0.0) / std::sqrt(variance);
    out.p = normal_two_sided(z);
    out.z = twice_off < 0 ? -z : z;
    return out;
}

}  // namespace stroma::expression
