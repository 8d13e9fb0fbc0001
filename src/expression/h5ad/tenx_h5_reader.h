#pragma once

#include "expression/format.h"

namespace stroma::expression {

/// Reads the HDF5 matrices of 10x Genomics' Cell Ranger: version 2 (a group a genome; several are
/// put side by side, their cells united) and version 3 (the group "matrix" with its features).
/// Genes are named by their id, which is unique; the name stands in var's feature_name.
/// Values are counts.
class TenxH5Reader final : public FormatReader {
public:
    std::string_view name() const override { return "10x-h5"; }
    bool recognises(InputFiles& files) const override;
    Result<AnnotatedData> read(InputFiles& files, const ReadOptions& options) const override;
};

}  // namespace stroma::expression
