#pragma once

#include <memory>

#include "expression/format.h"
#include "expression/zarr/zarr_store.h"

namespace stroma::expression {

/// Whether the group has the HCA's layout; enters expression_matrix when it lies below that.
bool enter_hca_layout(ZarrStore& store);

/// Reads the HCA's layout, after enter_hca_layout. X's unit is unknown: TPM or counts, as the
/// caller knows. accepts_fewer_ids: a cell_id array shorter than the matrix names its first cells,
/// and the others are left out (noted); else that is invalid_input.
Result<AnnotatedData> read_hca_zarr(std::shared_ptr<const ZarrStore> store,
                                    const ReadOptions& options, bool accepts_fewer_ids = false);

}  // namespace stroma::expression
