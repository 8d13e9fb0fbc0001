#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "expression/annotated_data.h"
#include "expression/input_files.h"
#include "load/hca/hca_bundle.h"

// Inside of the HCA bundle reader: the expression data of the three pipelines.

namespace stroma::loading {

/// A bundle's cells before they are joined to its metadata.
struct HcaCells {
    /// obs: index and QC metrics; var: native ids and metrics; X and layers.
    expression::AnnotatedData data;
    std::string main_file;           ///< the file that file_uuid and file_version of a cell name
    std::vector<std::string> files;  ///< all that were read
    bool has_barcodes = true;
    std::vector<std::int64_t> genes_detected;
    /// Molecules of each cell; none for Smart-seq2.
    std::vector<std::optional<std::int64_t>> total_umis;
    std::vector<std::optional<bool>> is_cell;
};

/// Reads what the pipeline wrote; nothing when no expression file is there.
/// `suspension` is the id of the one cell of a Smart-seq2 bundle.
Result<std::optional<HcaCells>> read_hca_cells(expression::InputFiles& files, HcaProtocol protocol,
                                               const std::string& suspension,
                                               const HcaBundleOptions& options);

/// Whether a manifest's file is one that read_hca_cells needs, once any of its kind is there.
bool is_expression_file(std::string_view name, HcaProtocol protocol);

}  // namespace stroma::loading
