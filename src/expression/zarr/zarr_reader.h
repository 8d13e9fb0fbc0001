#pragma once

#include <memory>

#include "expression/format.h"

namespace stroma::expression {

/// Reads Zarr version 2 groups, in nested folders, flat with '!' for '/', or in a .zip:
/// - AnnData's layout (anndata 0.7 and later; all its encodings);
/// - the HCA's layout, as the Optimus and Smart-seq2 pipelines and the matrix service wrote it:
///   expression [cells, genes], cell_id, gene_id, {cell,gene}_metadata_{numeric,float,bool,string}
///   with their _name lists, at the top or below expression_matrix. Every metadata column is kept;
///   names that were cut and coincide are made distinct, and noted.
/// Chunks that aren't stored are fill values. Codecs: blosc, zlib, gzip, zstd, lz4, none.
/// Formats: zarr-specs.readthedocs.io (v2), anndata.readthedocs.io (on-disk format).
std::unique_ptr<FormatReader> make_zarr_reader();

}  // namespace stroma::expression
