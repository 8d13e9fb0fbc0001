#pragma once

#include <limits>
#include <span>
#include <string>
#include <vector>

#include "expression/matrix_source.h"
#include "expression/sealed/line_codec.h"
#include "expression/sealed/matrix_format.h"

namespace stroma::expression {

/// What packing needs to know of the matrix it belongs to.
struct PackingPlan {
    std::string matrix;  ///< for messages: "X"
    const TextArray* cell_ids = nullptr;
    const TextArray* gene_ids = nullptr;
    ValueType type = ValueType::float32;
    std::uint64_t genes = 0;
    bool counts = false;  ///< NaN, infinity and negative values are refused
    bool base = false;    ///< X or raw.X of no stated unit: infinity is refused, NaN is told
    bool sum_duplicates = false;
    LineBlockView::Coding coding = LineBlockView::Coding::codes;
    std::uint32_t lines_per_block = 1;
    std::vector<std::uint32_t> rank_of_gene;
};

/// A run of cells as blocks, and what was seen of them.
struct PackedCells {
    struct Block {
        std::uint64_t first_cell = 0;
        Bytes lines;
        Bytes dictionary;  ///< empty when every cell's values are their own codes
    };
    std::vector<Block> blocks;
    std::vector<std::uint32_t> lengths;        ///< of each cell
    std::vector<double> totals;                ///< of each cell
    std::vector<std::uint32_t> cells_of_rank;  ///< cells that hold each rank
    double min = std::numeric_limits<double>::infinity();
    double max = -std::numeric_limits<double>::infinity();
    double largest = 0;         ///< in size, of the finite ones
    bool whole = true;          ///< every value is an integer of at least 0, NaN left out
    std::uint64_t missing = 0;  ///< values that are NaN
    std::string first_missing;  ///< which of them is the first, for messages
};

/// Checks, orders and packs consecutive cells. `cells` may be changed.
/// errors  invalid_input  names the first cell and gene
Result<PackedCells> pack_cells(const PackingPlan& plan, LineBlock& cells);

/// "cell 3 ('AAAC-1')"
std::string cell_text(const PackingPlan& plan, std::uint64_t cell);
std::string gene_text(const PackingPlan& plan, std::uint64_t gene);

}  // namespace stroma::expression
