#include "expression/compare/rank_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "expression/compare/tail_probability.h"

namespace stroma::expression {
namespace {

constexpr std::size_t insertion_max = 24;
constexpr unsigned sort_bits_max = 16;
constexpr std::size_t buckets_min = 16, buckets_max = 1u << 15;
constexpr std::size_t buckets_a_key = 16;

void insertion_sort(std::uint64_t* keys, std::size_t count) {
    for (std::size_t i = 1; i < count; ++i) {
        const std::uint64_t key = keys[i];
        std::size_t at = i;
        for (; at > 0 && keys[at - 1] > key; --at) keys[at] = keys[at - 1];
        keys[at] = key;
    }
}

/// Spreads keys over as many buckets as there are keys and goes on in those that hold many. Values
/// of one gene lie so that few do.
void sort_keys(std::uint64_t* keys, std::size_t count, std::vector<std::uint64_t>& scratch,
               std::vector<std::uint32_t>& starts) {
    if (count <= insertion_max) return insertion_sort(keys, count);
    const auto [least, greatest] = std::minmax_element(keys, keys + count);
    const std::uint64_t lowest = *least, highest = *greatest;
    if (lowest == highest) return;
    const unsigned bits = std::min(sort_bits_max, static_cast<unsigned>(std::bit_width(count)) + 1);
    const auto range_bits = static_cast<unsigned>(std::bit_width(highest - lowest));
    const unsigned shift = std::max(range_bits, bits) - bits;
    const std::size_t buckets = ((highest - lowest) >> shift) + 1;
    starts.assign(buckets + 1, 0);
    scratch.resize(count);
    for (std::size_t i = 0; i < count; ++i) ++starts[((keys[i] - lowest) >> shift) + 1];
    for (std::size_t i = 1; i <= buckets; ++i) starts[i] += starts[i - 1];
    for (std::size_t i = 0; i < count; ++i)
        scratch[starts[(keys[i] - lowest) >> shift]++] = keys[i];
    std::copy(scratch.begin(), scratch.begin() + static_cast<std::ptrdiff_t>(count), keys);
    if (shift == 0) return;
    for (std::size_t begin = 0; begin < count;) {
        const std::uint64_t bucket = (keys[begin] - lowest) >> shift;
        std::size_t end = begin + 1;
        while (end < count && (keys[end] - lowest) >> shift == bucket) ++end;
        if (end - begin <= insertion_max) {
            insertion_sort(keys + begin, end - begin);
        } else {
            std::vector<std::uint64_t> inner_scratch;
            std::vector<std::uint32_t> inner_starts;
            sort_keys(keys + begin, end - begin, inner_scratch, inner_starts);
        }
        begin = end;
    }
}

}  // namespace

Int128 TieCounter::ties(std::span<const std::uint64_t> keys) {
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
    for (const std::uint64_t key : keys) {
        std::size_t at = key * 0x9E3779B97F4A7C15u >> (64 - bits);
        while (slots_[at].round == round_ && slots_[at].key != key) at = (at + 1) & mask;
        Slot& slot = slots_[at];
        const std::uint64_t before = slot.round == round_ ? slot.count : 0;
        slot = {key, round_, static_cast<std::uint32_t>(before + 1)};
        ties += Int128{3 * before} * (before + 1);  // from t³ - t to that of t + 1
    }
    return ties;
}

void PairCounter::set_smaller(std::span<std::uint64_t> keys, const KeyRange& range) {
    sort_keys(keys.data(), keys.size(), scratch_, starts_);
    distinct_.clear();
    for (std::size_t begin = 0; begin < keys.size();) {
        std::size_t end = begin + 1;
        while (end < keys.size() && keys[end] == keys[begin]) ++end;
        distinct_.push_back({keys[begin], static_cast<std::uint32_t>(2 * (keys.size() - end)),
                             static_cast<std::uint32_t>(end - begin)});
        begin = end;
    }
    if (keys.empty()) return;
    lowest_ = range.lowest;
    const std::size_t wanted =
        std::clamp(distinct_.size() * buckets_a_key, buckets_min, buckets_max);
    // As fine as the smaller set's own range asks for, but where the others' is far wider.
    const std::uint64_t own = keys.back() - keys.front(), whole = range.highest - range.lowest;
    const auto shift_for = [](std::uint64_t wide, std::size_t buckets) {
        const auto bits = static_cast<int>(std::bit_width(buckets - 1));
        return static_cast<unsigned>(std::max(0, static_cast<int>(std::bit_width(wide)) - bits));
    };
    shift_ = std::max(shift_for(own, wanted), shift_for(whole, 4 * wanted));
    const std::size_t buckets = (whole >> shift_) + 1;
    if (buckets_.size() < buckets) buckets_.resize(buckets);
    auto twice_above = static_cast<std::uint32_t>(2 * keys.size());
    Bucket* to = buckets_.data();
    for (std::size_t at = 0; at < distinct_.size();) {
        Bucket* const here = buckets_.data() + ((distinct_[at].key - lowest_) >> shift_);
        for (; to < here; ++to) *to = {0, twice_above, 0};
        const std::size_t first = at;
        const std::uint64_t bucket = (distinct_[at].key - lowest_) >> shift_;
        while (++at < distinct_.size() && (distinct_[at].key - lowest_) >> shift_ == bucket) {
        }
        twice_above = distinct_[at - 1].twice_above;
        *to++ = at - first > 1 ? Bucket{first, 0, several} : distinct_[first];
    }
    std::fill(to, buckets_.data() + buckets, Bucket{});
}

std::uint64_t PairCounter::in_several(const Bucket& bucket, std::uint64_t key) const {
    const std::uint64_t range = (distinct_[bucket.key].key - lowest_) >> shift_;
    for (std::size_t at = bucket.key;; ++at) {
        const Distinct& one = distinct_[at];
        if (key <= one.key)
            return std::uint64_t{one.twice_above} +
                   (key == one.key ? 1 : 2) * std::uint64_t{one.count};
        if (at + 1 == distinct_.size() || (distinct_[at + 1].key - lowest_) >> shift_ != range)
            return one.twice_above;
    }
}

Int128 PairCounter::twice_above(std::span<const std::uint64_t> keys) const {
    if (distinct_.empty()) return 0;
    std::uint64_t sum = 0;  // at most 2^31 keys, each twice above 2^31
    const std::uint64_t lowest = lowest_;
    const unsigned shift = shift_;
    const Bucket* buckets = buckets_.data();
    for (const std::uint64_t key : keys) {
        const Bucket& bucket = buckets[(key - lowest) >> shift];
        if (bucket.count == several) [[unlikely]] {
            sum += in_several(bucket, key);
            continue;
        }
        const std::uint64_t below = key < bucket.key, at_most = key <= bucket.key;
        sum += bucket.twice_above + (below + at_most) * bucket.count;
    }
    return static_cast<Int128>(sum);
}

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
