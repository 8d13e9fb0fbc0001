#pragma once

#include <memory>
#include <string_view>

#include "expression/matrix_source.h"
#include "expression/zarr/zarr_array.h"

namespace stroma::expression {

/// A dense array [cells, genes] read by cell. Blosc chunks are unpacked only where lines are asked
/// for, so chunks of any height stay within about 64 MiB beside their packed bytes; chunks of
/// other compressors are unpacked whole and kept while they are in use. Random access.
/// `store` must outlive it.
Result<std::unique_ptr<MatrixSource>> open_dense_zarr(const ZarrStore& store,
                                                      std::string_view path);

/// A group with data, indices and indptr: csr_matrix is by cell, csc_matrix by gene.
/// errors  invalid_input  indptr not rising or not ending at the length of data (names the line);
///                        while reading: an index past the other axis (names line and index)
Result<std::unique_ptr<MatrixSource>> open_sparse_zarr(const ZarrStore& store,
                                                       std::string_view path, Order order,
                                                       std::uint64_t cells, std::uint64_t genes);

}  // namespace stroma::expression
