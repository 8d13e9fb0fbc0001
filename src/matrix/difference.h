#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "expression/annotated_data.h"
#include "matrix/selection.h"

namespace stroma::matrix {

/// What changed from one snapshot to another, cell by cell: a cell is its dataset and its id.
struct Difference {
    struct Cell {
        std::string dataset, cell_id;
    };
    std::uint64_t unchanged = 0, added = 0, removed = 0, changed = 0;
    /// The first of each, in the order of the snapshots; at most `listed_max`.
    std::vector<Cell> added_cells, removed_cells, changed_cells;
};

/// A cell has changed when a value of X or of its obs has, genes being told by their ids: their
/// order doesn't matter, nor the cells'. Of cells of the same revision nothing is read.
/// Cost: both snapshots' X is read once; memory is 8 bytes and an id a cell.
/// errors  cancelled, corrupt
Result<Difference> compare_snapshots(const std::vector<SelectionInput>& before,
                                     const std::vector<SelectionInput>& after,
                                     std::size_t listed_max, const expression::Watch& watch);

}  // namespace stroma::matrix
