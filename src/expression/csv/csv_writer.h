#pragma once

#include "expression/format.h"

namespace stroma::expression {

/// Three tables as the HCA matrix service wrote them: expression.csv (a row a cell, a column a
/// gene, 0 where nothing is stored), cells.csv and genes.csv, with the index columns "cellkey" and
/// "featurekey". A folder, or with layout "zip" an archive (deflate) that holds the folder `stem`.
///
/// Fields are quoted as RFC 4180 says; text that a spreadsheet might take for a formula (= + - @
/// or a tab at its start) is quoted too, its characters unchanged. Only X, obs and var fit in a
/// table; layers, raw, obsm, varm, obsp, varp and uns are not written.
/// cost  one read of X; text of at least 2 bytes a cell and gene
class CsvWriter final : public FormatWriter {
public:
    std::string_view name() const override { return "csv"; }
    std::string_view extension() const override { return ".csv"; }
    Result<WrittenMatrix> write(const AnnotatedData& data, const fs::path& path,
                                const WriteOptions& options, const Watch& watch) const override;
};

}  // namespace stroma::expression
