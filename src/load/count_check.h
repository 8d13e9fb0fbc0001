#pragma once

#include <optional>
#include <span>
#include <string>

#include "expression/frame.h"

namespace stroma::loading {

/// A remark when obs tells, in a column that tools call so (n_counts, total_counts, …), another
/// number of molecules than the matrix holds for some cells but the right one for most: the values
/// were damaged or edited. Columns that disagree with most cells count something else.
/// totals: the matrix's sum of each cell, in the order of obs.
std::optional<std::string> count_difference(const expression::Frame& obs,
                                            std::span<const double> totals);

}  // namespace stroma::loading
