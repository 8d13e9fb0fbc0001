#pragma once

#include "expression/format.h"

namespace stroma::expression {

/// Loom 2.0.1 as the HCA matrix service wrote it with loompy 2: /matrix (float32, genes × cells,
/// gzip 2), /row_attrs (Accession, Gene and var's columns), /col_attrs (CellID, obs' columns, and
/// numeric obsm arrays under their own names), /layers (the matrices of AnnData's layers), empty
/// /row_graphs and /col_graphs.
///
/// Texts are ASCII with XML character references for other characters, as loompy 2 normalises
/// them; booleans in columns are unsigned bytes; a missing number is NaN, a missing text "".
/// raw, varm, obsp, varp and uns have no place in Loom and are not written.
///
/// Chunks are 512 genes × 64 cells, not the service's (all genes, 1 cell): h5py, loompy and loomR
/// read them alike, but one gene then costs a fortieth of the file instead of all of it.
///
/// CreationDate and last_modified are 1970-01-01, so equal datasets give equal bytes.
/// errors  invalid_input  two columns whose names become one
class LoomWriter final : public FormatWriter {
public:
    std::string_view name() const override { return "loom"; }
    std::string_view extension() const override { return ".loom"; }
    Result<WrittenMatrix> write(const AnnotatedData& data, const fs::path& path,
                                const WriteOptions& options, const Watch& watch) const override;
};

}  // namespace stroma::expression
