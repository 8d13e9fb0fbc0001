#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

// Numbers as integers of the same order, so that ranking compares and counts integers.

namespace stroma::expression {

/// Equal for equal doubles, rising with them. Not of NaN.
inline std::uint64_t rank_key(double value) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    return bits >> 63 != 0 ? ~bits : bits | std::uint64_t{1} << 63;
}
/// The same of a float, in half the room.
inline std::uint32_t narrow_rank_key(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    return bits >> 31 != 0 ? ~bits : bits | std::uint32_t{1} << 31;
}
inline bool is_positive_key(std::uint64_t key) { return key >> 63 != 0; }
inline bool is_positive_key(std::uint32_t key) { return key >> 31 != 0; }

/// The least and the greatest of some keys; of none, none.
struct KeyRange {
    std::uint64_t lowest = ~std::uint64_t{0}, highest = 0;
};
KeyRange range_of(const std::uint64_t* keys, std::size_t count);
KeyRange range_of(const std::uint32_t* keys, std::size_t count);

/// keys[i] = rank_key(counts[i] / totals[cells[i]]). No count is 0.
KeyRange share_keys(const std::uint32_t* counts, const std::uint32_t* cells, std::size_t count,
                    const double* totals, std::uint64_t* keys);

/// While each count times each total is below this, and all are whole, their quotients as floats
/// rank as they do themselves: different ones differ by more than rounding moves two floats.
inline constexpr double narrow_shares_below = 0x1p23;
/// keys[i] = narrow_rank_key(counts[i] / totals[cells[i]]). No count is 0.
KeyRange share_keys(const std::uint32_t* counts, const std::uint32_t* cells, std::size_t count,
                    const float* totals, std::uint32_t* keys);

}  // namespace stroma::expression
