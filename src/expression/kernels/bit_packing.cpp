#include "expression/kernels/bit_packing.h"

#if defined(__x86_64__)
// GCC 12's own AVX-512 header passes an uninitialised operand under an all-ones mask.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#endif

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/bytes.h"

namespace stroma::expression {
namespace {

using Unpack = void (*)(const std::byte*, std::size_t, unsigned, std::uint32_t, std::uint32_t*);

std::uint32_t mask_of(unsigned width) { return width == 32 ? ~0u : (1u << width) - 1; }

void unpack_portable(const std::byte* from, std::size_t count, unsigned width, std::uint32_t base,
                     std::uint32_t* values) {
    const std::uint32_t mask = mask_of(width);
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t bit = i * width;
        const auto word = load<std::uint64_t>(from + bit / 8);
        values[i] = (static_cast<std::uint32_t>(word >> (bit % 8)) & mask) + base;
    }
}

void places_portable(const std::byte* from, std::size_t count, unsigned width, std::uint32_t before,
                     std::uint32_t* places) {
    unpack_portable(from, count, width, 1, places);
    for (std::size_t i = 0; i < count; ++i) places[i] = before += places[i];
}

#if defined(__x86_64__)

/// Where each of eight or sixteen values of one width lies: its first byte and its shift.
struct Positions {
    std::array<std::uint8_t, 64> bytes{};  ///< four source bytes a value, for byte shuffles
    std::array<std::uint32_t, 16> shifts{};
};

constexpr unsigned shuffled_width_max = 25;  // shift 7 + 25 bits fill a 32-bit lane

constexpr std::array<Positions, 33> positions_of_16 = [] {
    std::array<Positions, 33> all{};
    for (unsigned width = 0; width <= shuffled_width_max; ++width)
        for (unsigned i = 0; i < 16; ++i) {
            all[width].shifts[i] = i * width % 8;
            for (unsigned k = 0; k < 4; ++k)
                all[width].bytes[i * 4 + k] = static_cast<std::uint8_t>(i * width / 8 + k);
        }
    return all;
}();

// Eight values as two halves of four: the upper half is loaded at byte 4 * width / 8.
constexpr std::array<Positions, 33> positions_of_8 = [] {
    std::array<Positions, 33> all{};
    for (unsigned width = 0; width <= shuffled_width_max; ++width)
        for (unsigned i = 0; i < 8; ++i) {
            const unsigned bit = (i % 4) * width + (i < 4 ? 0 : 4 * width % 8);
            all[width].shifts[i] = bit % 8;
            for (unsigned k = 0; k < 4; ++k)
                all[width].bytes[i * 4 + k] = static_cast<std::uint8_t>(bit / 8 + k);
        }
    return all;
}();

#define STROMA_AVX2 __attribute__((target("avx2")))
#define STROMA_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi")))

STROMA_AVX2 inline __m256i eight_values(const std::byte* from, unsigned width, __m256i shuffle,
                                        __m256i shifts, __m256i mask) {
    const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + width / 2));
    const __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
    return _mm256_and_si256(_mm256_srlv_epi32(_mm256_shuffle_epi8(both, shuffle), shifts), mask);
}

STROMA_AVX2 void unpack_avx2(const std::byte* from, std::size_t count, unsigned width,
                             std::uint32_t base, std::uint32_t* values) {
    if (width > shuffled_width_max) return unpack_portable(from, count, width, base, values);
    const Positions& at = positions_of_8[width];
    const __m256i shuffle = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at.bytes.data()));
    const __m256i shifts = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at.shifts.data()));
    const __m256i mask = _mm256_set1_epi32(static_cast<int>(mask_of(width)));
    const __m256i add = _mm256_set1_epi32(static_cast<int>(base));
    for (std::size_t i = 0; i < count; i += 8, from += width)
        _mm256_storeu_si256(
            reinterpret_cast<__m256i*>(values + i),
            _mm256_add_epi32(eight_values(from, width, shuffle, shifts, mask), add));
}

STROMA_AVX2 void places_avx2(const std::byte* from, std::size_t count, unsigned width,
                             std::uint32_t before, std::uint32_t* places) {
    if (width > shuffled_width_max) return places_portable(from, count, width, before, places);
    const Positions& at = positions_of_8[width];
    const __m256i shuffle = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at.bytes.data()));
    const __m256i shifts = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at.shifts.data()));
    const __m256i mask = _mm256_set1_epi32(static_cast<int>(mask_of(width)));
    const __m256i last_of_low = _mm256_set1_epi32(3), last = _mm256_set1_epi32(7);
    __m256i carried = _mm256_set1_epi32(static_cast<int>(before));
    for (std::size_t i = 0; i < count; i += 8, from += width) {
        __m256i sum = eight_values(from, width, shuffle, shifts, mask);
        sum = _mm256_add_epi32(sum, _mm256_set1_epi32(1));
        sum = _mm256_add_epi32(sum, _mm256_slli_si256(sum, 4));
        sum = _mm256_add_epi32(sum, _mm256_slli_si256(sum, 8));
        const __m256i low_total = _mm256_blend_epi32(
            _mm256_setzero_si256(), _mm256_permutevar8x32_epi32(sum, last_of_low), 0xF0);
        sum = _mm256_add_epi32(_mm256_add_epi32(sum, low_total), carried);
        carried = _mm256_permutevar8x32_epi32(sum, last);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(places + i), sum);
    }
}

STROMA_AVX512 void unpack_avx512(const std::byte* from, std::size_t count, unsigned width,
                                 std::uint32_t base, std::uint32_t* values) {
    if (width > shuffled_width_max) return unpack_portable(from, count, width, base, values);
    const Positions& at = positions_of_16[width];
    const __m512i shuffle = _mm512_loadu_si512(at.bytes.data());
    const __m512i shifts = _mm512_loadu_si512(at.shifts.data());
    const __m512i mask = _mm512_set1_epi32(static_cast<int>(mask_of(width)));
    const __m512i add = _mm512_set1_epi32(static_cast<int>(base));
    for (std::size_t i = 0; i < count; i += 16, from += 2 * width) {
        const __m512i bytes = _mm512_permutexvar_epi8(shuffle, _mm512_loadu_si512(from));
        const __m512i value = _mm512_and_si512(_mm512_srlv_epi32(bytes, shifts), mask);
        _mm512_storeu_si512(values + i, _mm512_add_epi32(value, add));
    }
}

STROMA_AVX512 void places_avx512(const std::byte* from, std::size_t count, unsigned width,
                                 std::uint32_t before, std::uint32_t* places) {
    if (width > shuffled_width_max) return places_portable(from, count, width, before, places);
    const Positions& at = positions_of_16[width];
    const __m512i shuffle = _mm512_loadu_si512(at.bytes.data());
    const __m512i shifts = _mm512_loadu_si512(at.shifts.data());
    const __m512i mask = _mm512_set1_epi32(static_cast<int>(mask_of(width)));
    const __m512i zero = _mm512_setzero_si512(), one = _mm512_set1_epi32(1);
    const __m512i last = _mm512_set1_epi32(15);
    __m512i carried = _mm512_set1_epi32(static_cast<int>(before));
    for (std::size_t i = 0; i < count; i += 16, from += 2 * width) {
        const __m512i bytes = _mm512_permutexvar_epi8(shuffle, _mm512_loadu_si512(from));
        __m512i sum = _mm512_and_si512(_mm512_srlv_epi32(bytes, shifts), mask);
        sum = _mm512_add_epi32(sum, one);
        sum = _mm512_add_epi32(sum, _mm512_alignr_epi32(sum, zero, 15));
        sum = _mm512_add_epi32(sum, _mm512_alignr_epi32(sum, zero, 14));
        sum = _mm512_add_epi32(sum, _mm512_alignr_epi32(sum, zero, 12));
        sum = _mm512_add_epi32(sum, _mm512_alignr_epi32(sum, zero, 8));
        sum = _mm512_add_epi32(sum, carried);
        carried = _mm512_permutexvar_epi32(last, sum);
        _mm512_storeu_si512(places + i, sum);
    }
}

bool has_avx512() {
    return __builtin_cpu_supports("avx512vbmi") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
           __builtin_cpu_supports("avx512bw") != 0;
}
bool has_avx2() { return __builtin_cpu_supports("avx2") != 0; }

#endif

/// 32 values of a width that is known here fill `width` words; every shift is a constant.
template <unsigned width>
void pack_32(const std::uint32_t* values, std::byte* to) {
    std::uint64_t word = 0;
    unsigned filled = 0;
#pragma GCC unroll 32
    for (unsigned i = 0; i < 32; ++i) {
        word |= static_cast<std::uint64_t>(values[i]) << filled;
        filled += width;
        if (filled >= 32) {
            store(to, static_cast<std::uint32_t>(word));
            to += 4;
            word >>= 32;
            filled -= 32;
        }
    }
}

using Pack = void (*)(const std::uint32_t*, std::byte*);
constexpr std::array<Pack, 33> pack_of_32 =
    []<unsigned... width>(std::integer_sequence<unsigned, width...>) {
    return std::array<Pack, 33>{pack_32<width>...};
}
(std::make_integer_sequence<unsigned, 33>());

bool always() { return true; }

struct Path {
    const char* name;
    bool (*is_there)();
    Unpack unpack, places;
};
constexpr Path paths[] = {
#if defined(__x86_64__)
    {"avx512vbmi", has_avx512, unpack_avx512, places_avx512},
    {"avx2", has_avx2, unpack_avx2, places_avx2},
#endif
    {"portable", always, unpack_portable, places_portable},
};

const Path* best_path() {
    return std::find_if(std::begin(paths), std::end(paths),
                        [](const Path& path) { return path.is_there(); });
}

const Path* chosen = best_path();

}  // namespace

void pack_bits(const std::uint32_t* values, std::size_t count, unsigned width, std::byte* to) {
    assert(width <= 32);
    for (; count >= 32; count -= 32, values += 32, to += 4 * width) pack_of_32[width](values, to);
    std::uint64_t word = 0;
    unsigned filled = 0;
    for (std::size_t i = 0; i < count; ++i) {
        word |= static_cast<std::uint64_t>(values[i]) << filled;
        filled += width;
        if (filled >= 32) {
            store(to, static_cast<std::uint32_t>(word));
            to += 4;
            word >>= 32;
            filled -= 32;
        }
    }
    for (; filled > 0; filled -= std::min(filled, 8u), word >>= 8)
        *to++ = static_cast<std::byte>(word & 0xFF);
}

void unpack_bits(const std::byte* from, std::size_t count, unsigned width, std::uint32_t base,
                 std::uint32_t* values) {
    chosen->unpack(from, count, width, base, values);
}

void unpack_places(const std::byte* from, std::size_t count, unsigned width, std::uint32_t before,
                   std::uint32_t* places) {
    chosen->places(from, count, width, before, places);
}

const char* unpacking_path() { return chosen->name; }

bool choose_unpacking_path(const char* name) {
    for (const Path& path : paths)
        if (std::string_view(name) == path.name && path.is_there()) {
            chosen = &path;
            return true;
        }
    return false;
}

}  // namespace stroma::expression
