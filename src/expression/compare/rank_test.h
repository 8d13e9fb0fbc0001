#pragma once

#include <span>
#include <vector>

#include "expression/compare/rank_sum.h"
#include "expression/sealed_dataset.h"

namespace stroma::expression {

/// Which set a cell is in.
enum class Side : std::uint8_t { neither = 0, a = 1, b = 2 };

/// Rank sums of every gene of var, from one scan of the genes; zeros are never made. `sides` has
/// an entry for each cell. log1p ranks as the values do, log_cp10k as their shares of the cell.
/// Where no cell is in neither set, the ties are the whole's: counted once and kept by the matrix.
/// Memory: the values of one gene on each core, and 16 bytes a gene that are kept.
Result<std::vector<RankSums>> rank_sums(const SealedMatrix& matrix, std::span<const Side> sides,
                                        Scale scale, const Watch& watch);

}  // namespace stroma::expression
