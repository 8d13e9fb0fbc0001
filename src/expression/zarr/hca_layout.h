#pragma once

#include "expression/annotated_data.h"
#include "expression/output/matrix_lines.h"
#include "expression/output/ordered_work.h"
#include "expression/zarr/zarr_folder.h"

namespace stroma::expression {

/// Writes the layout "hca-v1" (zarr_writer.h): X dense, obs as two tables, the ids.
Result<void> write_hca_layout(const AnnotatedData& data, MatrixSource& source, ZarrFolder& folder,
                              ZarrCodec codec, const Watch& watch, Tally& tally,
                              Progress& progress);

}  // namespace stroma::expression
