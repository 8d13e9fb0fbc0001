#pragma once

#include "expression/format.h"

namespace stroma::expression {

/// AnnData's HDF5 file (the layout of anndata 0.8; output/anndata_layout.h says what becomes of
/// names and columns that it can't hold). All that AnnotatedData holds is written: X and layers as
/// CSR (dense when they came dense), raw, obsm, varm, obsp, varp and uns.
///
/// compression  "" or "none": contiguous; every thread writes its cells straight to their place.
///              "gzip": chunked, deflated on all cores.
/// cost         one read of each matrix (two where line_lengths() isn't known); page-cache speed
class H5adWriter final : public FormatWriter {
public:
    std::string_view name() const override { return "h5ad"; }
    std::string_view extension() const override { return ".h5ad"; }
    Result<WrittenMatrix> write(const AnnotatedData& data, const fs::path& path,
                                const WriteOptions& options, const Watch& watch) const override;
};

}  // namespace stroma::expression
