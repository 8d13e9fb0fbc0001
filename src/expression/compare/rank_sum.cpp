#include "expression/compare/rank_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "expression/compare/tail_probability.h"

namespace stroma::expression {
namespace {

// A key is the bits of a positive double, which rise with it, and below them the set.
constexpr std::uint64_t value_of(std::uint64_t key) { return key >> 1; }

constexpr std::size_t insertion_max = 24;
constexpr unsigned bucket_bits_max = 16;

void insertion_sort(std::uint64_t* keys, std::size_t count) {
    for (std::size_t i = 1; i < count; ++i) {
        const std::uint64_t key = keys[i];
        std::size_t at = i;
        for (; at > 0 && value_of(keys[at - 1]) > value_of(key); --at) keys[at] = keys[at - 1];
        keys[at] = key;
    }
}

/// Orders keys by value (sets in any order): spreads them over as many buckets as there are keys
/// and goes on in those that hold many. Values of one gene lie so that few do.
void sort_keys(std::uint64_t* keys, std::size_t count, std::vector<std::uint64_t>& scratch,
               std::vector<std::uint32_t>& starts) {
    if (count <= insertion_max) return insertion_sort(keys, count);
    std::uint64_t lowest = keys[0], highest = keys[0];
    for (std::size_t i = 1; i < count; ++i) {
        lowest = std::min(lowest, keys[i]);
        highest = std::max(highest, keys[i]);
    }
    if (value_of(lowest) == value_of(highest)) return;
    const unsigned bits =
        std::min(bucket_bits_max, static_cast<unsigned>(std::bit_width(count)) + 1);
    const auto range_bits = static_cast<unsigned>(std::bit_width(highest - lowest));
    // A bucket never parts equal values: bit 0 is the set.
    const unsigned shift = std::max(range_bits, bits + 1) - bits;
    const std::uint64_t from = lowest & ~std::uint64_t{1};
    const std::size_t buckets = ((highest - from) >> shift) + 1;
    starts.assign(buckets + 1, 0);
    scratch.resize(count);
    for (std::size_t i = 0; i < count; ++i) ++starts[((keys[i] - from) >> shift) + 1];
    for (std::size_t i = 1; i <= buckets; ++i) starts[i] += starts[i - 1];
    for (std::size_t i = 0; i < count; ++i) scratch[starts[(keys[i] - from) >> shift]++] = keys[i];
    std::copy(scratch.begin(), scratch.begin() + static_cast<std::ptrdiff_t>(count), keys);
    for (std::size_t begin = 0; begin < count;) {
        const std::uint64_t bucket = (keys[begin] - from) >> shift;
        std::size_t end = begin + 1;
        while (end < count && (keys[end] - from) >> shift == bucket) ++end;
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

/// Groups of equal values, told in rising order.
class Ranking {
public:
    void add_group(std::uint64_t in_a, std::uint64_t in_b) {
        const std::uint64_t size = in_a + in_b;
        if (size == 0) return;
        sums_.n_a += in_a;
        sums_.n_b += in_b;
        sums_.twice_ranks_a += Int128{in_a} * (2 * before_ + size + 1);
        if (size > 1) sums_.ties += (Int128{size} * size - 1) * size;
        before_ += size;
    }
    void add_key_group(const std::uint64_t* keys, std::size_t size) {
        std::uint64_t in_b = 0;
        for (std::size_t i = 0; i < size; ++i) in_b += keys[i] & 1;
        add_group(size - in_b, in_b);
    }
    void add_rising(const std::vector<std::uint64_t>& keys) {
        for (std::size_t begin = 0; begin < keys.size();) {
            std::size_t end = begin + 1;
            while (end < keys.size() && value_of(keys[end]) == value_of(keys[begin])) ++end;
            add_key_group(keys.data() + begin, end - begin);
            begin = end;
        }
    }
    void add_falling(const std::vector<std::uint64_t>& keys) {
        for (std::size_t end = keys.size(); end > 0;) {
            std::size_t begin = end - 1;
            while (begin > 0 && value_of(keys[begin - 1]) == value_of(keys[end - 1])) --begin;
            add_key_group(keys.data() + begin, end - begin);
            end = begin;
        }
    }
    const RankSample::Sums& sums() const { return sums_; }

private:
    std::uint64_t before_ = 0;
    RankSample::Sums sums_;
};

}  // namespace

void RankSample::clear() {
    positive_.clear();
    negative_.clear();
}

std::uint64_t RankSample::key(double positive, bool in_b) {
    return std::bit_cast<std::uint64_t>(positive) << 1 | std::uint64_t{in_b};
}

void RankSample::add(double value, bool in_b) {
    if (value > 0)
        positive_.push_back(key(value, in_b));
    else
        negative_.push_back(key(-value, in_b));
}

std::uint64_t* RankSample::positive_room(std::size_t count) {
    positive_.resize(count);
    return positive_.data();
}

RankSample::Sums RankSample::sums(std::uint64_t zeros_a, std::uint64_t zeros_b) {
    sort_keys(positive_.data(), positive_.size(), scratch_, starts_);
    sort_keys(negative_.data(), negative_.size(), scratch_, starts_);
    Ranking ranking;
    ranking.add_falling(negative_);
    ranking.add_group(zeros_a, zeros_b);
    ranking.add_rising(positive_);
    return ranking.sums();
}

RankResult rank_sum_test(const RankSample::Sums& sums, bool continuity) {
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
