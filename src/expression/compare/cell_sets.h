#pragma once

#include <optional>
#include <span>
#include <vector>

#include "expression/compare/rank_test.h"
#include "expression/sealed_dataset.h"

namespace stroma::expression {

/// Two sets of cells, checked.
struct CellSets {
    std::vector<Side> sides;                   ///< of each cell
    std::vector<std::uint32_t> a, b, neither;  ///< rising
};
/// `b` unset: all cells that aren't in `a`. errors  invalid_input
Result<CellSets> cell_sets(std::uint64_t cell_count, std::span<const std::uint32_t> a,
                           std::optional<std::span<const std::uint32_t>> b,
                           std::uint64_t cells_min);

/// Exact sums of both sets, read from whatever is smallest.
struct SideSums {
    ExactSums a, b;
};
Result<SideSums> side_sums(const SealedMatrix& matrix, const CellSets& sets, Scale scale,
                           const Watch& watch);

}  // namespace stroma::expression
