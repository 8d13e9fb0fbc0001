#pragma once

#include <optional>
#include <span>
#include <string>

#include "tissue/measure/cell_table.h"

namespace stroma::tissue {

/// The table that measuring all cells of `image` would give: those of `before` whose column "label"
/// isn't among `changed` (rising), and those of `fresh`, by label. Nothing where `before` lacks a
/// column, a layer or a marker of `fresh`.
std::optional<CellTable> patched_cells(const CellTable& before, const CellTable& fresh,
                                       const std::string& image,
                                       std::span<const std::uint32_t> changed);

}  // namespace stroma::tissue
