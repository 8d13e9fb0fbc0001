#pragma once

#include <optional>
#include <string>
#include <vector>

#include "expression/zarr/zarr_store.h"

namespace stroma::expression {

/// The table of a SpatialData store that is read as its dataset.
struct SpatialTable {
    std::string path;                  ///< "tables/cells"
    std::vector<std::string> regions;  ///< the elements that its rows lie in: "cell_boundaries"
    std::string instance_key;          ///< the obs column with the number of each row in its region
    std::vector<std::string> others;   ///< tables that are left out
};

/// Nothing when the store is no SpatialData store, or has no table. Of several tables the first
/// that lies in a region is taken.
Result<std::optional<SpatialTable>> find_spatial_table(const ZarrStore& store);

}  // namespace stroma::expression
