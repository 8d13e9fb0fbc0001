#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "expression/fixed_sums.h"

// Sums of many values without carries: what a value adds to its gene is cut into four lanes with
// so much room above them that cells_per_flush values can be added as plain integers.

namespace stroma::expression {

/// Lanes of 64 bits: the low 31 bits of the sum, with the number of values from bit 41 and that of
/// those that aren't finite from bit 52 on; the sum's rest; the low 47 bits of the squares; the
/// rest.
struct alignas(32) SumLanes {
    std::int64_t lanes[4] = {0, 0, 0, 0};
};

/// How many values one SumLanes may take before it is flushed.
inline constexpr std::size_t cells_per_flush = 1024;

/// Unset when the value is too large for lanes (whole numbers from 2^47 on).
std::optional<SumLanes> lanes_of(const FixedSums& one);

/// to[places[i]] += entries[codes[i]]; every code is below the number of entries.
void add_lanes(const std::uint32_t* places, const std::uint32_t* codes, std::size_t count,
               const SumLanes* entries, SumLanes* to);

/// to[i] += from[i], which is then 0.
void flush_lanes(std::span<SumLanes> from, FixedSums* to);

}  // namespace stroma::expression
