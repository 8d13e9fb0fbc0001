#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

// Numbers of one width in bits, one behind the other, lowest bit first: value i lies in bits
// [i * width, (i + 1) * width) of the little-endian bit string. Sixteen values begin at a byte,
// so vector code loads, shuffles, shifts and masks them without any interleaving.

namespace stroma::expression {

/// Values a chunk: each has widths of its own. Measured in docs/formats/expression.md.
inline constexpr std::size_t values_per_chunk = 64;
/// What unpacking may read past the packed bytes; that much must be readable memory.
inline constexpr std::size_t packed_slack = 64;
/// What unpacking may write past the last value.
inline constexpr std::size_t unpacked_slack = 16;

inline unsigned bits_for(std::uint32_t largest) {
    return static_cast<unsigned>(std::bit_width(largest));
}
inline std::size_t packed_size(std::size_t count, unsigned width) {
    return (count * width + 7) / 8;
}

/// Packs `count` values of at most `width` bits (0 to 32); writes packed_size() bytes.
void pack_bits(const std::uint32_t* values, std::size_t count, unsigned width, std::byte* to);

/// values[i] = packed value i + base. Reads at most packed_slack past the packed bytes and writes
/// at most unpacked_slack values past `count`.
void unpack_bits(const std::byte* from, std::size_t count, unsigned width, std::uint32_t base,
                 std::uint32_t* values);

/// places[i] = before + (packed value 0 + 1) + … + (packed value i + 1), modulo 2^32: places of
/// which the gaps were stored. `before` is the place before the first, or -1.
void unpack_places(const std::byte* from, std::size_t count, unsigned width, std::uint32_t before,
                   std::uint32_t* places);

/// Which of the paths runs: "avx512vbmi", "avx2" or "portable".
const char* unpacking_path();

/// Makes later calls take that path if this processor has it; for tests and measurements.
bool choose_unpacking_path(const char* name);

}  // namespace stroma::expression
