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
inline bool is_positive_key(std::uint64_t key) { return key >> 63 != 0; }

/// The least and the greatest of some keys; of none, none.
struct KeyRange {
    std::uint64_t lowest = ~std::uint64_t{0}, highest = 0;
};
KeyRange range_of(const std::uint64_t* keys, std::size_t count);

/// keys[i] = rank_key(counts[i] / totals[cells[i]]). Where a count is 0 the lowest is at most the
/// key of 0.
KeyRange share_keys(const std::uint32_t* counts, const std::uint32_t* cells, std::size_t count,
                    const double* totals, std::uint64_t* keys);

}  // namespace stroma::expression
