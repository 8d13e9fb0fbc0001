#include "expression/kernels/rank_keys.h"

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace stroma::expression {
namespace {

KeyRange keys_portable(const std::uint32_t* counts, const std::uint32_t* cells, std::size_t count,
                       const double* totals, std::uint64_t* keys) {
    for (std::size_t i = 0; i < count; ++i)
        keys[i] = counts[i] == 0 ? rank_key(0)
                                 : rank_key(static_cast<double>(counts[i]) / totals[cells[i]]);
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
    __m128i zeros = _mm_setzero_si128();
    __m256d least = _mm256_set1_pd(__builtin_inf()), greatest = _mm256_setzero_pd();
    for (std::size_t done = 0; done < count; done += 4) {
        const std::size_t i = done + 4 <= count ? done : count - 4;  // the last four overlap
        const __m128i four = _mm_loadu_si128(reinterpret_cast<const __m128i*>(counts + i));
        zeros = _mm_or_si128(zeros, _mm_cmpeq_epi32(four, _mm_setzero_si128()));
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
    if (_mm_testz_si128(zeros, zeros) == 0) low[0] = 0;
    return {rank_key(*std::min_element(low, low + 4)), rank_key(*std::max_element(high, high + 4))};
}
#endif

using Keys = KeyRange (*)(const std::uint32_t*, const std::uint32_t*, std::size_t, const double*,
                          std::uint64_t*);

Keys best_keys() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") != 0) return keys_avx2;
#endif
    return keys_portable;
}

const Keys keys_of = best_keys();

}  // namespace

KeyRange range_of(const std::uint64_t* keys, std::size_t count) {
    if (count == 0) return {};
    const auto [least, greatest] = std::minmax_element(keys, keys + count);
    return {*least, *greatest};
}

KeyRange share_keys(const std::uint32_t* counts, const std::uint32_t* cells, std::size_t count,
                    const double* totals, std::uint64_t* keys) {
    return keys_of(counts, cells, count, totals, keys);
}

}  // namespace stroma::expression
