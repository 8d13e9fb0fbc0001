#pragma once

#include <memory>
#include <string>

#include "expression/h5ad/hdf5_file.h"
#include "expression/matrix_source.h"

namespace stroma::expression {

/// What a sparse matrix of an HDF5 file is made of: the paths of its three arrays.
struct SparsePaths {
    std::string data, indices, indptr;
    std::string place;  ///< for messages: "<file>: X"
};

/// A sparse matrix: CSR of cells (by_cell) or CSC (by_gene). Random access, any thread; indptr is
/// held in memory, the rest is read when asked for. Keeps the file open.
/// errors  invalid_input  indptr that doesn't rise (names the line) or doesn't fit the arrays
Result<std::unique_ptr<MatrixSource>> open_sparse_matrix(std::shared_ptr<const Hdf5File> file,
                                                         const SparsePaths& paths, Order order,
                                                         std::uint64_t cells, std::uint64_t genes);

/// A dense matrix of cells × genes, or genes × cells when genes_are_rows. The order of its lines
/// is the one its chunks suit. Random access, any thread; memory is that of one strip of chunks.
/// errors  invalid_input  not of that shape, not numbers
Result<std::unique_ptr<MatrixSource>> open_dense_matrix(std::shared_ptr<const Hdf5File> file,
                                                        const std::string& path,
                                                        bool genes_are_rows, std::uint64_t cells,
                                                        std::uint64_t genes);

}  // namespace stroma::expression
