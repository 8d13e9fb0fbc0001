#include "expression/kernels/rank_keys.h"

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace stroma::expression {
namespace {

template <class Key>
KeyRange range_of_keys(const Key* keys, std::size_t count) {
    if (count == 0) return {};
    Key least = keys[0], greatest = keys[0];
    for (std::size_t i = 1; i < count; ++i) {
        least = std::min(least, keys[i]);
        greatest = std::max(greatest, keys[i]);
    }
    return {least, greatest};
}

KeyRange keys_portable(const std::uint32_t* counts, const std::uint32_t* cells, std::size_t count,
                       const double* totals, std::uint64_t* keys) {
    for (std::size_t i = 0; i < count; ++i)
        keys[i] = rank_key(static_cast<double>(counts[i]) / totals[cells[i]]);
    return range_of(keys, count);
}

KeyRange narrow_keys_portable(const std::uint32_t* counts, const std::uint32_t* cells,
                              std::size_t count, const float* totals, std::uint32_t* keys) {
    for (std::size_t i = 0; i < count; ++i)
        keys[i] = narrow_rank_key(static_cast<float>(counts[i]) / totals[cells[i]]);
    return range_of(keys, count);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) KeyRange keys_avx2(const std::uint32_t* counts,
                                                   const std::uint32_t* cells, std::size_t count,
                                                   const double* totals, std::uint64_t* keys) {
    if (count < 4) return keys_portable(counts, cells, count, totals, keys);
    // Below a double's 2^52 lie whole numbers: the bits of a count there, less 2^52, are the count.
    const __m256i exponent = _mm256_castpd_si256(_mm256_set1_pd(0x1p52));
    const __m256d shift = _mm256_set1_pd(0x1p52);
    const __m256d sign = _mm256_set1_pd(-0.0);
    __m256d least = _mm256_set1_pd(__builtin_inf()), greatest = _mm256_setzero_pd();
    for (std::size_t done = 0; done < count; done += 4) {
        const std::size_t i = done + 4 <= count ? done : count - 4;  // the last four overlap
        const __m128i four = _mm_loadu_si128(reinterpret_cast<const __m128i*>(counts + i));
        const __m256i wide = _mm256_or_si256(_mm256_cvtepu32_epi64(four), exponent);
        const __m256d value = _mm256_sub_pd(_mm256_castsi256_pd(wide), shift);
        const __m256d total = _mm256_set_pd(totals[cells[i + 3]], totals[cells[i + 2]],
                                            totals[cells[i + 1]], totals[cells[i]]);
        const __m256d share = _mm256_div_pd(value, total);
        least = _mm256_min_pd(least, share);
        greatest = _mm256_max_pd(greatest, share);
        _mm256_storeu_pd(reinterpret_cast<double*>(keys + i), _mm256_or_pd(share, sign));
    }
    double low[4], high[4];
    _mm256_storeu_pd(low, least);
    _mm256_storeu_pd(high, greatest);
    return {rank_key(*std::min_element(low, low + 4)), rank_key(*std::max_element(high, high + 4))};
}

__attribute__((target("avx2"))) KeyRange narrow_keys_avx2(const std::uint32_t* counts,
                                                          const std::uint32_t* cells,
                                                          std::size_t count, const float* totals,
                                                          std::uint32_t* keys) {
    if (count < 8) return narrow_keys_portable(counts, cells, count, totals, keys);
    const __m256 sign = _mm256_set1_ps(-0.0f);
    __m256 least = _mm256_set1_ps(__builtin_inff()), greatest = _mm256_setzero_ps();
    for (std::size_t done = 0; done < count; done += 8) {
        const std::size_t i = done + 8 <= count ? done : count - 8;  // the last eight overlap
        const __m256 value =
            _mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(counts + i)));
        const std::uint32_t* at = cells + i;
        const __m256 total =
            _mm256_set_ps(totals[at[7]], totals[at[6]], totals[at[5]], totals[at[4]], totals[at[3]],
                          totals[at[2]], totals[at[1]], totals[at[0]]);
        const __m256 share = _mm256_div_ps(value, total);
        least = _mm256_min_ps(least, share);
        greatest = _mm256_max_ps(greatest, share);
        _mm256_storeu_ps(reinterpret_cast<float*>(keys + i), _mm256_or_ps(share, sign));
    }
    float low[8], high[8];
    _mm256_storeu_ps(low, least);
    _mm256_storeu_ps(high, greatest);
    return {narrow_rank_key(*std::min_element(low, low + 8)),
            narrow_rank_key(*std::max_element(high, high + 8))};
}

__attribute__((target("avx2"))) KeyRange range_avx2(const std::uint32_t* keys, std::size_t count) {
    if (count < 8) return range_of_keys(keys, count);
    __m256i least = _mm256_set1_epi32(-1), greatest = _mm256_setzero_si256();
    for (std::size_t done = 0; done < count; done += 8) {
        const std::size_t i = done + 8 <= count ? done : count - 8;  // the last eight overlap
        const __m256i eight = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(keys + i));
        least = _mm256_min_epu32(least, eight);
        greatest = _mm256_max_epu32(greatest, eight);
    }
    std::uint32_t low[8], high[8];
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(low), least);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(high), greatest);
    return {*std::min_element(low, low + 8), *std::max_element(high, high + 8)};
}

bool has_avx2() { return __builtin_cpu_supports("avx2") != 0; }
const auto keys_of = has_avx2() ? keys_avx2 : keys_portable;
const auto narrow_keys_of = has_avx2() ? narrow_keys_avx2 : narrow_keys_portable;
const auto narrow_range_of = has_avx2() ? range_avx2 : range_of_keys<std::uint32_t>;
#else
const auto keys_of = keys_portable;
const auto narrow_keys_of = narrow_keys_portable;
const auto narrow_range_of = range_of_keys<std::uint32_t>;
#endif

}  // namespace

KeyRange range_of(const std::uint64_t* keys, std::size_t count) {
    return range_of_keys(keys, count);
}
KeyRange range_of(const std::uint32_t* keys, std::size_t count) {
    return narrow_range_of(keys, count);
}

KeyRange share_keys(const std::uint32_t* counts, const std::uint32_t* cells, std::size_t count,
                    const double* totals, std::uint64_t* keys) {
    return keys_of(counts, cells, count, totals, keys);
}

KeyRange share_keys(const std::uint32_t* counts, const std::uint32_t* cells, std::size_t count,
                    const float* totals, std::uint32_t* keys) {
    return narrow_keys_of(counts, cells, count, totals, keys);
}

}  // namespace stroma::expression
