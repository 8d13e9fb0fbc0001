#pragma once

#include "expression/format.h"

namespace stroma::expression {

/// Reads Loom files of versions 2 and 3 (genes are rows, cells are columns). Cells are named by
/// CellID or obs_names, genes by Accession where it is unique, else by Gene or var_names.
/// Attributes of one value a line become columns, those of several become obsm and varm; graphs
/// become obsp and varp; the file's own attributes become uns.
/// Texts come as loompy gives them: XML character references ("&#233;") are resolved.
class LoomReader final : public FormatReader {
public:
    std::string_view name() const override { return "loom"; }
    bool recognises(InputFiles& files) const override;
    Result<AnnotatedData> read(InputFiles& files, const ReadOptions& options) const override;
};

}  // namespace stroma::expression
