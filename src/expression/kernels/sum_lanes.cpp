#include "expression/kernels/sum_lanes.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace stroma::expression {
namespace {

constexpr unsigned low_sum_bits = 31, count_bit = 41, nonfinite_bit = 52, low_square_bits = 47;
constexpr Int128 one = 1;

void add_portable(const std::uint32_t* places, const std::uint32_t* codes, std::size_t count,
                  const SumLanes* entries, SumLanes* to) {
    for (std::size_t i = 0; i < count; ++i) {
        const SumLanes& more = entries[codes[i]];
        SumLanes& sum = to[places[i]];
        for (std::size_t lane = 0; lane < 4; ++lane) sum.lanes[lane] += more.lanes[lane];
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void add_avx2(const std::uint32_t* places,
                                              const std::uint32_t* codes, std::size_t count,
                                              const SumLanes* entries, SumLanes* to) {
    for (std::size_t i = 0; i < count; ++i) {
        auto* sum = reinterpret_cast<__m256i*>(to + places[i]);
        const __m256i more =
            _mm256_load_si256(reinterpret_cast<const __m256i*>(entries + codes[i]));
        _mm256_store_si256(sum, _mm256_add_epi64(_mm256_load_si256(sum), more));
    }
}
#endif

using Add = void (*)(const std::uint32_t*, const std::uint32_t*, std::size_t, const SumLanes*,
                     SumLanes*);

Add best_path() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") != 0) return add_avx2;
#endif
    return add_portable;
}

const Add add = best_path();

}  // namespace

std::optional<SumLanes> lanes_of(const FixedSums& value) {
    if (value.sum >= one << 62 || value.sum <= -(one << 62) || value.squares >= one << 94)
        return std::nullopt;
    const auto low_sum = static_cast<std::int64_t>(value.sum & ((one << low_sum_bits) - 1));
    const auto counts =
        static_cast<std::int64_t>(value.nonzeros << count_bit | value.nonfinite << nonfinite_bit);
    return SumLanes{{low_sum + counts, static_cast<std::int64_t>(value.sum >> low_sum_bits),
                     static_cast<std::int64_t>(value.squares & ((one << low_square_bits) - 1)),
                     static_cast<std::int64_t>(value.squares >> low_square_bits)}};
}

void add_lanes(const std::uint32_t* places, const std::uint32_t* codes, std::size_t count,
               const SumLanes* entries, SumLanes* to) {
    add(places, codes, count, entries, to);
}

void flush_lanes(std::span<SumLanes> from, FixedSums* to) {
    for (SumLanes& lanes : from) {
        FixedSums& sums = *to++;
        const auto first = static_cast<std::uint64_t>(lanes.lanes[0]);
        if (first == 0) continue;
        const std::uint64_t low_sum = first & ((std::uint64_t{1} << count_bit) - 1);
        sums.sum += Int128{lanes.lanes[1]} * (one << low_sum_bits) + low_sum;
        sums.squares += (Int128{lanes.lanes[3]} << low_square_bits) + lanes.lanes[2];
        sums.nonzeros +=
            first >> count_bit & ((std::uint64_t{1} << (nonfinite_bit - count_bit)) - 1);
        sums.nonfinite += first >> nonfinite_bit;
        lanes = {};
    }
}

}  // namespace stroma::expression
