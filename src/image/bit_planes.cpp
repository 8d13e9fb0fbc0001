#include "image/bit_planes.h"

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
// GCC 12's own AVX-512 header passes an uninitialised operand under an all-ones mask.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#endif

namespace stroma::image {

#if defined(__x86_64__)
namespace {

#define STROMA_GFNI __attribute__((target("avx512f,avx512bw,avx512vbmi,gfni")))

/// Byte numbers for a shuffle of one or two registers.
struct alignas(64) Order {
    std::array<std::uint8_t, 64> bytes{};
};

/// Bytes of eight planes, eight each, to eight squares of 8 x 8 bits; their rows upside down, as
/// the affine instruction counts them.
constexpr Order squares = [] {
    Order order;
    for (unsigned square = 0; square < 8; ++square)
        for (unsigned row = 0; row < 8; ++row)
            order.bytes[8 * square + row] = static_cast<std::uint8_t>(8 * (7 - row) + square);
    return order;
}();

/// The lower or upper half of two registers' pieces of `size` bytes, one of each in turns.
constexpr Order in_turns(unsigned size, bool upper) {
    Order order;
    for (unsigned i = 0; i < 64; ++i) {
        const unsigned piece = i / (2 * size), is_second = i / size % 2;
        order.bytes[i] =
            static_cast<std::uint8_t>(64 * is_second + (upper ? 32 : 0) + piece * size + i % size);
    }
    return order;
}
constexpr Order low_bytes = in_turns(1, false), high_bytes = in_turns(1, true);
constexpr Order low_pairs = in_turns(2, false), high_pairs = in_turns(2, true);

STROMA_GFNI inline __m512i loaded(const Order& order) {
    return _mm512_load_si512(order.bytes.data());
}

STROMA_GFNI inline long long eight(const std::byte* from) {
    long long bytes;
    std::memcpy(&bytes, from, sizeof(bytes));
    return bytes;
}

/// One byte of each of 64 values.
STROMA_GFNI inline __m512i one_byte(const std::byte* planes, std::size_t stride) {
    const __m512i rows = _mm512_set_epi64(eight(planes + 7 * stride), eight(planes + 6 * stride),
                                          eight(planes + 5 * stride), eight(planes + 4 * stride),
                                          eight(planes + 3 * stride), eight(planes + 2 * stride),
                                          eight(planes + stride), eight(planes));
    const __m512i columns = _mm512_set1_epi64(static_cast<long long>(0x8040201008040201u));
    return _mm512_gf2p8affine_epi64_epi8(columns, _mm512_permutexvar_epi8(loaded(squares), rows),
                                         0);
}

STROMA_GFNI inline void store_pairs(__m512i low, __m512i high, std::byte* out) {
    _mm512_storeu_si512(out, _mm512_permutex2var_epi8(low, loaded(low_bytes), high));
    _mm512_storeu_si512(out + 64, _mm512_permutex2var_epi8(low, loaded(high_bytes), high));
}

STROMA_GFNI void unite(const BitPlanes& planes, std::size_t value_size, std::size_t count,
                       std::byte* out) {
    const std::size_t stride = count / 8;
    for (std::size_t at = 0; at < stride; at += 8, out += 64 * value_size) {
        const __m512i first = one_byte(planes[0] + at, stride);
        if (value_size == 1) {
            _mm512_storeu_si512(out, first);
            continue;
        }
        const __m512i second = one_byte(planes[1] + at, stride);
        if (value_size == 2) {
            store_pairs(first, second, out);
            continue;
        }
        const __m512i third = one_byte(planes[2] + at, stride);
        const __m512i fourth = one_byte(planes[3] + at, stride);
        for (const bool upper : {false, true}) {
            const __m512i order = loaded(upper ? high_bytes : low_bytes);
            const __m512i low = _mm512_permutex2var_epi8(first, order, second);
            const __m512i high = _mm512_permutex2var_epi8(third, order, fourth);
            std::byte* const to = out + (upper ? 128 : 0);
            _mm512_storeu_si512(to, _mm512_permutex2var_epi8(low, loaded(low_pairs), high));
            _mm512_storeu_si512(to + 64, _mm512_permutex2var_epi8(low, loaded(high_pairs), high));
        }
    }
}

const bool is_able = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi") &&
                     __builtin_cpu_supports("gfni");

}  // namespace

bool can_unite_planes() { return is_able; }

void unite_planes(const BitPlanes& planes, std::size_t value_size, std::size_t count,
                  std::byte* out) {
    unite(planes, value_size, count, out);
}

#else

bool can_unite_planes() { return false; }

void unite_planes(const BitPlanes&, std::size_t, std::size_t, std::byte*) {}

#endif

}  // namespace stroma::image
