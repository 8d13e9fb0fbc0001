#pragma once

#include "expression/format.h"

namespace stroma::expression {

/// The five files of the HCA matrix service, as 10x readers (scanpy.read_10x_mtx, Seurat's Read10X)
/// open them without an argument:
///   matrix.mtx.gz    MatrixMarket coordinate, genes × cells, counted from 1, by cell; "integer"
///                    when every value is whole, else "real"; stored zeros are left out
///   features.tsv.gz  id, name, kind ("Gene Expression", or var's feature_types), then featuretype,
///                    chromosome, featurestart, featureend, isgene, genus_species as far as var has
///                    them; no header
///   barcodes.tsv.gz  obs' column "barcode" when its values differ, else the cell ids
///   genes.tsv.gz, cells.tsv.gz  var and obs with headers (featurekey, cellkey)
/// A folder, or with layout "zip" an archive (stored) that holds the folder `stem`. gzip files
/// consist of many members, made on all cores.
///
/// Only X, obs and var are written.
class MtxWriter final : public FormatWriter {
public:
    std::string_view name() const override { return "mtx"; }
    std::string_view extension() const override { return ".mtx"; }
    Result<WrittenMatrix> write(const AnnotatedData& data, const fs::path& path,
                                const WriteOptions& options, const Watch& watch) const override;
};

}  // namespace stroma::expression
