#pragma once

#include "expression/format.h"

namespace stroma::expression {

/// Zarr (version 2) folders.
///
/// layout  "zip", "hca-v1-zip": the folder of "anndata" or "hca-v1", stored in a zip archive.
///         "" or "anndata": AnnData's layout of version 0.8 with everything that AnnotatedData
///         holds, and consolidated metadata (.zmetadata). Names and columns that it can't hold
///         become what output/anndata_layout.h says.
///         "hca-v1": the HCA matrix service's layout of 2018: `expression` (float32, cells ×
///         genes, dense), cell_id, gene_id, cell_metadata_numeric and cell_metadata_string with
///         their _name arrays. Numbers and booleans of obs are numeric, all else is text; only X,
///         obs and var's index have a place.
/// compression  "" or "lz4": blosc lz4, level 5, shuffle; "zstd": blosc zstd; "gzip"; "none".
/// cost    one read of each matrix; chunks are compressed on all cores
class ZarrWriter final : public FormatWriter {
public:
    std::string_view name() const override { return "zarr"; }
    std::string_view extension() const override { return ".zarr"; }
    Result<WrittenMatrix> write(const AnnotatedData& data, const fs::path& path,
                                const WriteOptions& options, const Watch& watch) const override;
};

}  // namespace stroma::expression
