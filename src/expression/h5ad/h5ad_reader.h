#pragma once

#include "expression/format.h"

namespace stroma::expression {

/// Reads AnnData files of every layout from anndata 0.6 to 0.12. Matrices are random access from
/// any thread. What anndata reads is read to the same values and types; half floats become
/// float32. An element with an encoding that isn't known (awkward arrays) is unsupported.
class H5adReader final : public FormatReader {
public:
    std::string_view name() const override { return "h5ad"; }
    bool recognises(InputFiles& files) const override;
    Result<AnnotatedData> read(InputFiles& files, const ReadOptions& options) const override;
};

}  // namespace stroma::expression
