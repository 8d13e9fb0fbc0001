#pragma once

#include <memory>

#include "expression/format.h"

namespace stroma::expression {

/// Reads Space Ranger's output: the counts by `h5` (10x's HDF5) or `mtx` (10x's folder), which
/// outlive it. The spots' places in pixels of the full image become obsm["spatial"] (x, y), where
/// they lie in the array obs's in_tissue, array_row and array_col, and the scale factors
/// uns["spatial"][folder]["scalefactors"].
/// errors  also  unsupported  places in Parquet (Visium HD)
std::unique_ptr<FormatReader> make_space_ranger_reader(const FormatReader& h5,
                                                       const FormatReader& mtx);

}  // namespace stroma::expression
