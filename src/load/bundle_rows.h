#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "expression/sealed_dataset.h"
#include "warehouse/warehouse.h"

namespace stroma::load {

/// The bundle that a sealed dataset was made from, as its reader wrote it into uns["hca"]; nothing
/// for other datasets.
struct BundleIdentity {
    std::string uuid, version;
    std::string title;
    std::string report;  ///< JSON: files that match, differ, are absent
};
Result<std::optional<BundleIdentity>> bundle_identity(const expression::SealedDataset& sealed);

/// What a sealed bundle carries for the warehouse (biology rows, cell columns, its id), added to
/// `rows`; nothing for other datasets. So the warehouse can be rebuilt from sealed files.
/// errors  corrupt  uns["hca"] isn't what the bundle reader writes
Result<void> add_bundle_rows(const expression::SealedDataset& sealed, const expression::Frame& obs,
                             warehouse::RevisionRows& rows);

}  // namespace stroma::load
