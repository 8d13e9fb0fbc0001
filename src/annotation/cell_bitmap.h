#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace stroma::annotation {

/// Cells of one revision as runs [first, one past the last): rising, apart and not empty.
using CellRuns = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

std::uint64_t cell_count(const CellRuns& runs);
/// Appends the next cell, which is past all others, to the last run or as a new one.
void add_cell(CellRuns& runs, std::uint32_t cell);
/// Runs from outside in their one spelling: sorted, joined where they touch or overlap.
/// errors  invalid_input  an empty or backward run, a cell past the last one
Result<CellRuns> settled(CellRuns runs, std::uint32_t cells);

/// The cells in the portable Roaring format (RoaringFormatSpec of the Roaring bitmap project), each
/// block of 65,536 in the smallest of its three forms.
std::string to_bitmap(const CellRuns& runs);
/// Reads such a bitmap from outside. errors  invalid_input  not one, or a cell past the last one
Result<CellRuns> runs_of_bitmap(ByteSpan bitmap, std::uint32_t cells);

}  // namespace stroma::annotation
