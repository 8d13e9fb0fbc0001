#pragma once

#include "expression/format.h"

namespace stroma::warehouse {

/// Writes X of a selection as one Arrow IPC file in long form, a row for each stored value in cell
/// order: cell_id, gene_id, value (double). Memory is one block of lines and one record batch.
class ArrowMatrixWriter final : public expression::FormatWriter {
public:
    std::string_view name() const override { return "arrow"; }
    std::string_view extension() const override { return ".arrow"; }
    Result<expression::WrittenMatrix> write(const expression::AnnotatedData& data,
                                            const fs::path& path,
                                            const expression::WriteOptions& options,
                                            const expression::Watch& watch) const override;
};

}  // namespace stroma::warehouse
