#pragma once

#include "base/result.h"
#include "expression/sealed_dataset.h"
#include "warehouse/warehouse.h"

namespace stroma::load {

/// What a sealed bundle carries for the warehouse in uns["hca"] (biology rows, cell columns, bundle
/// id), added to `rows`; nothing for other datasets. So a warehouse can be rebuilt from sealed files.
/// errors  corrupt  uns["hca"] isn't what the bundle reader writes
Result<void> add_bundle_rows(const expression::SealedDataset& sealed, const expression::Frame& obs,
                             warehouse::RevisionRows& rows);

}  // namespace stroma::load
