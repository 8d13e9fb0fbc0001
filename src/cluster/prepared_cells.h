#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cluster/steps.h"
#include "expression/sealed_dataset.h"

namespace stroma::cluster {

/// Rows of numbers, most of which are 0; places rise within a row.
struct SparseRows {
    std::uint32_t columns = 0;
    std::vector<std::uint64_t> starts{0};
    std::vector<std::uint32_t> places;
    std::vector<float> values;
    std::size_t row_count() const { return starts.size() - 1; }
};

/// Cells by their variable genes.
struct PreparedCells {
    SparseRows rows;                   ///< a row for each cell, in the order asked
    std::vector<std::uint32_t> genes;  ///< of each column, rising
    std::vector<float> means;          ///< of each column, zeros counted
};

/// What is kept of the cells in memory at most: 8 bytes a value.
constexpr std::uint64_t prepared_values_max = std::uint64_t{1} << 28;

/// How much each gene varies beyond what its mean lets expect: its variance over its mean, in
/// logarithms, as deviations from genes of alike means (20 bins); genes without values, or that
/// don't vary, have -infinity. Of values below 0 it is the variance itself.
/// Source: Satija et al. 2015, as Scanpy's flavour "seurat".
std::vector<double> gene_variability(const expression::ExactSums& sums);

/// Rows with their means.
PreparedCells prepared(SparseRows rows, std::vector<std::uint32_t> genes);
/// Reads those cells (each once) at that scale and keeps the `gene_count` most variable genes.
/// errors  invalid_input  fewer than two genes vary      exhausted  too many values to keep
Result<PreparedCells> prepare_cells(const expression::SealedMatrix& matrix,
                                    std::span<const std::uint32_t> cells, expression::Scale scale,
                                    std::uint32_t gene_count, const Steps& steps);

}  // namespace stroma::cluster
