#pragma once

#include "expression/sealed/container.h"
#include "expression/sealed/matrix_format.h"
#include "expression/sealed_dataset.h"

namespace stroma::expression {

/// What a matrix is written with.
struct MatrixInput {
    std::size_t number = 0;  ///< of the matrix in its dataset
    NamedMatrix* matrix = nullptr;
    const TextArray* cell_ids = nullptr;
    const TextArray* gene_ids = nullptr;
};

/// Writes one matrix in both orders with all that belongs to it. `file` is the container's, read
/// back for the transposition.
Result<MatrixRecord> write_matrix(const MatrixInput& input, ContainerWriter& container,
                                  const File& file, const SealOptions& options, const Watch& watch);

/// Second half of it: reads the blocks by cell back and writes those by gene, and the totals.
struct TranspositionInput {
    std::size_t number = 0;
    const MatrixRecord* record = nullptr;
    std::uint32_t by_cell = 0;                 ///< section
    std::optional<std::uint32_t> dictionary;   ///< section, when there is one
    std::vector<std::uint32_t> cells_of_rank;  ///< non-zeros of each rank
    std::vector<std::uint32_t> gene_of_rank;
};
/// errors  cancelled, unavailable, corrupt (the blocks by cell don't read back)
Result<std::uint64_t> write_by_gene(const TranspositionInput& input, ContainerWriter& container,
                                    const File& file, const SealOptions& options,
                                    const Watch& watch);

/// A source by cell over a source by gene: its lines are kept packed in `scratch` (or memory) and
/// turned when asked for, in rising order.
Result<std::unique_ptr<MatrixSource>> turned_by_cell(MatrixSource& by_gene,
                                                     const SealOptions& options,
                                                     const Watch& watch);

Result<void> stop_if_cancelled(const Watch& watch);

}  // namespace stroma::expression
