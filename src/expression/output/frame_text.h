#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "expression/frame.h"

namespace stroma::expression {

/// A frame as a table of text: a header line of `index_name` and the columns' names, then a line
/// for each row. A column of the index's name is left out. Numbers in their shortest form,
/// booleans True and False, nothing where a value is missing; text that looks like a formula is
/// quoted.
Bytes frame_text(const Frame& frame, std::string_view index_name, char separator);

/// The first of var's columns that holds gene names ("featurename", "feature_name", "gene_name"…),
/// or nullptr.
const Column* gene_name_column(const Frame& var);

}  // namespace stroma::expression
