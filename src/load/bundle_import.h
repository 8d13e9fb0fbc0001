#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "expression/annotated_data.h"
#include "warehouse/warehouse.h"

namespace stroma::loading {

/// What a bundle brings into the warehouse beside its cells and genes.
struct BundleRows {
    std::string uuid, version;
    std::string title;   ///< of its project
    std::string report;  ///< JSON: which files match the manifest, differ, are absent
    std::map<std::string, std::vector<sql::Value>> cell_columns;
    std::map<std::string, std::vector<warehouse::Row>> biology;
    std::vector<std::string> notes;
    std::string
        matrix;  ///< JSON: the file that holds the values, and a chunk's shape if it has any

    void add_to(warehouse::RevisionRows& rows) const;
};

/// Whether the path is a folder that holds a Human Cell Atlas bundle.
Result<bool> is_bundle(const fs::path& path);

struct BundleSource {
    fs::path folder;
    bool strict = false;
    std::map<std::string, std::string> ensembl_of_symbol;  ///< for genes named by symbols
};

/// Reads and verifies a bundle and seals its matrix into `output`, which must not exist. In this
/// process: a bundle's parsers are ours alone (JSON, CSV, Zarr), none of HDF5 or archives.
/// errors  as read_hca_bundle and seal_dataset
Result<BundleRows> seal_bundle(const BundleSource& source, const fs::path& output,
                               const fs::path& scratch_folder, const expression::Watch& watch);

/// Gene symbol → Ensembl id: of a 10x genes.tsv or features.tsv, or of the annotations that were
/// imported (the smallest id of a name). Empty when there is neither.
Result<std::map<std::string, std::string>> symbols_of_file(const fs::path& table);
Result<std::map<std::string, std::string>> symbols_of_annotation(warehouse::Warehouse& warehouse);

}  // namespace stroma::loading
