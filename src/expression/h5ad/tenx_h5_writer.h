#pragma once

#include "expression/format.h"

namespace stroma::expression {

/// X as Cell Ranger 3 writes it: the group "matrix" with genes × cells as CSC, barcodes, and
/// features (id, name, feature_type, genome). Texts are of fixed length, as PyTables needs them.
/// Whole values that fit are int32, else they keep their type.
///
/// compression  "" or "none": contiguous. "gzip": chunked, deflated by one thread.
/// cost         two reads of X
class TenxH5Writer final : public FormatWriter {
public:
    std::string_view name() const override { return "10x"; }
    std::string_view extension() const override { return ".h5"; }
    Result<WrittenMatrix> write(const AnnotatedData& data, const fs::path& path,
                                const WriteOptions& options, const Watch& watch) const override;
};

}  // namespace stroma::expression
