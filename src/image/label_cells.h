#pragma once

#include <string>
#include <vector>

#include "expression/sealed_dataset.h"
#include "image/stored_image.h"

namespace stroma::image {

constexpr double label_max = (1 << 24) - 1;  ///< what a browser's textures tell apart

/// Which cell each label stands for.
struct LabelCells {
    std::vector<std::int32_t> rows;  ///< by label from 0 on: the cell's number, or -1
    std::string by;                  ///< what named them: "cell ids", "obs column 'label'"
};

/// Labels (or the ids they stand for) are looked for in the obs column of that name; with "" among
/// the cells' ids and then in the columns that tools write them into, and the one that knows most
/// is taken. errors  not_found  no such column; exhausted  a label past label_max
Result<LabelCells> label_cells(const StoredImage& labels, const expression::SealedDataset& cells,
                               std::string_view column);

/// All labels but 0, rising. Reads the full size.
Result<std::vector<std::uint32_t>> labels_in(const StoredImage& labels,
                                             const expression::Watch& watch);

}  // namespace stroma::image
