#include "tissue/measure/run_sums.h"

#if defined(__x86_64__)
// GCC 12's own AVX-512 header passes an uninitialised operand under an all-ones mask.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#endif

#include <algorithm>
#include <bit>

// Built with -O3 (see CMakeLists.txt).
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define STROMA_COUNTING __attribute__((target_clones("avx2", "default")))
#else
#define STROMA_COUNTING
#endif

namespace stroma::tissue {
namespace {

template <class T>
std::uint32_t plain_count(std::span<const T> values, T limit) {
    // Counted in lanes as wide as the values: few enough that none overflows.
    constexpr std::size_t lanes_full = 128;
    std::uint32_t total = 0;
    for (std::size_t i = 0; i < values.size(); i += lanes_full) {
        const std::size_t end = std::min(values.size(), i + lanes_full);
        T count = 0;
        for (std::size_t at = i; at < end; ++at)
            count = static_cast<T>(count + (values[at] <= limit ? 1 : 0));
        total += count;
    }
    return total;
}

STROMA_COUNTING std::uint32_t wide_count(std::span<const std::uint16_t> values,
                                         std::uint16_t limit) {
    return plain_count(values, limit);
}
STROMA_COUNTING std::uint32_t wide_count(std::span<const std::uint8_t> values, std::uint8_t limit) {
    return plain_count(values, limit);
}

#if defined(__x86_64__)

#define STROMA_512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,bmi,bmi2")))

bool has_512() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("bmi2");
}
const bool is_512 = has_512();

/// Values are taken less 2^15, so that pairs of them can be added and squared as signed ones; what
/// that changes is put back at the end.
template <bool with_squares, bool with_extremes>
STROMA_512 Moments<std::uint16_t> moments_512(const Pixels<std::uint16_t>& pixels,
                                              std::span<const PixelRun> runs) {
    constexpr std::int64_t middle = 1 << 15;
    constexpr int flush_after = 1 << 14;  // sums of two, of 2^16 at most, fit so often
    const __m512i bias = _mm512_set1_epi16(static_cast<short>(middle));
    const __m512i one = _mm512_set1_epi16(1);
    const __m512i low_half = _mm512_set1_epi64(0xffffffff);
    __m512i sums = _mm512_setzero_si512(), squares = sums;
    __m512i least = _mm512_set1_epi16(-1), most = sums;
    std::int64_t sum = 0;
    std::uint64_t count = 0;
    int added = 0;
    for (const PixelRun& run : runs) {
        const std::uint16_t* from = pixels.at(run);
        std::int64_t left = run.x1 - run.x0;
        count += static_cast<std::uint64_t>(left);
        for (; left > 0; left -= 32, from += 32) {
            const __mmask32 lanes =
                _bzhi_u32(~0u, static_cast<unsigned>(std::min<std::int64_t>(left, 32)));
            const __m512i values = _mm512_maskz_loadu_epi16(lanes, from);
            const __m512i shifted = _mm512_maskz_sub_epi16(lanes, values, bias);
            sums = _mm512_add_epi32(sums, _mm512_madd_epi16(shifted, one));
            if constexpr (with_squares) {
                // Two squares of 2^30 give 2^31: right as a number without a sign.
                const __m512i pairs = _mm512_madd_epi16(shifted, shifted);
                squares = _mm512_add_epi64(squares, _mm512_and_si512(pairs, low_half));
                squares = _mm512_add_epi64(squares, _mm512_srli_epi64(pairs, 32));
            }
            if constexpr (with_extremes) {
                least = _mm512_mask_min_epu16(least, lanes, least, values);
                most = _mm512_mask_max_epu16(most, lanes, most, values);
            }
            if (++added == flush_after) {
                sum += _mm512_reduce_add_epi64(
                    _mm512_add_epi64(_mm512_cvtepi32_epi64(_mm512_castsi512_si256(sums)),
                                     _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(sums, 1))));
                sums = _mm512_setzero_si512();
                added = 0;
            }
        }
    }
    sum += _mm512_reduce_add_epi64(
        _mm512_add_epi64(_mm512_cvtepi32_epi64(_mm512_castsi512_si256(sums)),
                         _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(sums, 1))));
    Moments<std::uint16_t> made;
    made.count = count;
    const auto whole = static_cast<std::int64_t>(count);
    made.sum = sum + middle * whole;
    if constexpr (with_squares) {
        using Square = Moments<std::uint16_t>::Square;
        made.squares = static_cast<Square>(_mm512_reduce_add_epi64(squares)) +
                       static_cast<Square>(2 * middle * sum) +
                       static_cast<Square>(middle * middle * whole);
    }
    if constexpr (with_extremes) {
        alignas(64) std::uint16_t low[32], high[32];
        _mm512_store_si512(low, least);
        _mm512_store_si512(high, most);
        made.least = *std::min_element(low, low + 32);
        if (count > 0) made.most = *std::max_element(high, high + 32);
    }
    return made;
}

STROMA_512 std::uint32_t count_512(std::span<const std::uint16_t> values, std::uint16_t limit) {
    const __m512i most = _mm512_set1_epi16(static_cast<short>(limit));
    const __m512i one = _mm512_set1_epi16(1);
    __m512i counts = _mm512_setzero_si512();
    std::size_t i = 0;
    for (; i + 32 <= values.size(); i += 32) {
        const __mmask32 chosen =
            _mm512_cmple_epu16_mask(_mm512_loadu_si512(values.data() + i), most);
        counts = _mm512_mask_add_epi16(counts, chosen, counts, one);
    }
    const __mmask32 lanes = _bzhi_u32(~0u, static_cast<unsigned>(values.size() - i));
    const __mmask32 chosen = _mm512_mask_cmple_epu16_mask(
        lanes, _mm512_maskz_loadu_epi16(lanes, values.data() + i), most);
    counts = _mm512_mask_add_epi16(counts, chosen, counts, one);
    // Of fewer than 2^16 values no lane has counted more than 2^11.
    return static_cast<std::uint32_t>(_mm512_reduce_add_epi32(_mm512_madd_epi16(counts, one)));
}

STROMA_512 std::size_t changes_512(const std::uint32_t* row, std::int64_t width,
                                   std::int32_t* places) {
    std::size_t found = 0;
    for (std::int64_t x = 1; x < width; x += 64) {
        std::uint64_t changes = 0;
        for (int part = 0; part < 4; ++part) {
            const std::int64_t at = x + 16 * part;
            if (at >= width) break;
            const __mmask16 lanes = static_cast<__mmask16>(
                _bzhi_u32(0xffff, static_cast<unsigned>(std::min<std::int64_t>(width - at, 16))));
            const __m512i here = _mm512_maskz_loadu_epi32(lanes, row + at);
            const __m512i before = _mm512_maskz_loadu_epi32(lanes, row + at - 1);
            changes |= std::uint64_t{_mm512_cmpneq_epi32_mask(here, before)} << (16 * part);
        }
        for (; changes != 0; changes &= changes - 1)
            places[found++] = static_cast<std::int32_t>(x + std::countr_zero(changes));
    }
    return found;
}

#endif

}  // namespace

std::uint32_t count_up_to(std::span<const std::uint16_t> values, std::uint16_t limit) {
#if defined(__x86_64__)
    if (is_512) return count_512(values, limit);
#endif
    return wide_count(values, limit);
}

std::uint32_t count_up_to(std::span<const std::uint8_t> values, std::uint8_t limit) {
    return wide_count(values, limit);
}

std::size_t find_changes(const std::uint32_t* row, std::int64_t width, std::int32_t* places) {
#if defined(__x86_64__)
    if (is_512) return changes_512(row, width, places);
#endif
    std::size_t found = 0;
    for (std::int64_t x = 1; x < width; ++x) {
        // Written always, counted if it is one: no guess of the processor's goes wrong.
        places[found] = static_cast<std::int32_t>(x);
        found += row[x] != row[x - 1] ? 1 : 0;
    }
    return found;
}

#if defined(__x86_64__)
/// Each 32-bit lane gets the sum of two pixels of a register.
STROMA_512 void RowSums::add_512(const Pixels<std::uint16_t>& pixels, const ObjectRuns& objects) {
    const __m512i low_half = _mm512_set1_epi32(0xffff);
    lanes_.assign(objects.count(), {});
    for (const RowRun& run : objects.by_rows()) {
        const std::uint16_t* from = pixels.values + run.y * pixels.window.width + run.x0;
        std::uint32_t* const to = lanes_[run.object].sums.data();
        __m512i sums = _mm512_load_si512(to);
        for (std::int32_t left = run.x1 - run.x0; left > 0; left -= 32, from += 32) {
            const __mmask32 lanes = _bzhi_u32(~0u, static_cast<unsigned>(std::min(left, 32)));
            const __m512i values = _mm512_maskz_loadu_epi16(lanes, from);
            sums = _mm512_add_epi32(sums, _mm512_and_si512(values, low_half));
            sums = _mm512_add_epi32(sums, _mm512_srli_epi32(values, 16));
        }
        _mm512_store_si512(to, sums);
    }
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
        const auto runs = objects.runs(i);
        // A lane holds 2^15 registers; few objects are so large.
        if (runs.size() + pixel_count(runs) / 32 < 1 << 15)
            for (const std::uint32_t lane : lanes_[i].sums) sums_[i] += lane;
        else
            sums_[i] = static_cast<std::uint64_t>(moments_512<false, false>(pixels, runs).sum);
    }
}
#endif

std::span<const std::uint64_t> RowSums::of(const Pixels<std::uint16_t>& pixels,
                                           const ObjectRuns& objects) {
    sums_.assign(objects.count(), 0);
#if defined(__x86_64__)
    if (is_512) {
        add_512(pixels, objects);
        return sums_;
    }
#endif
    for (const RowRun& run : objects.by_rows()) {
        const std::uint16_t* const row = pixels.values + run.y * pixels.window.width;
        std::uint64_t sum = 0;
        for (std::int32_t x = run.x0; x < run.x1; ++x) sum += row[x];
        sums_[run.object] += sum;
    }
    return sums_;
}

template <class T>
Moments<T> moments_under(const Pixels<T>& pixels, std::span<const PixelRun> runs,
                         WantedMoments wanted, std::vector<T>& room) {
#if defined(__x86_64__)
    if constexpr (std::is_same_v<T, std::uint16_t>) {
        if (is_512 && wanted.squares)
            return wanted.extremes ? moments_512<true, true>(pixels, runs)
                                   : moments_512<true, false>(pixels, runs);
        if (is_512)
            return wanted.extremes ? moments_512<false, true>(pixels, runs)
                                   : moments_512<false, false>(pixels, runs);
    }
#endif
    return moments_of(gather(pixels, runs, room), wanted);
}

#define STROMA_UNDER(T)                                                                           \
    template Moments<T> moments_under(const Pixels<T>&, std::span<const PixelRun>, WantedMoments, \
                                      std::vector<T>&);

STROMA_UNDER(std::uint8_t)
STROMA_UNDER(std::int8_t)
STROMA_UNDER(std::uint16_t)
STROMA_UNDER(std::int16_t)
STROMA_UNDER(std::uint32_t)
STROMA_UNDER(std::int32_t)
STROMA_UNDER(float)

}  // namespace stroma::tissue
