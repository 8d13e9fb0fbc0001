#pragma once

#include <string_view>

#include "expression/annotated_data.h"

namespace stroma::expression {

/// A dataset with every kind of column and element that AnnotatedData holds, the same each time;
/// test/formats/test_writers.py builds it a second time with numpy and pandas.
AnnotatedData rich_sample(std::uint64_t cells, std::uint64_t genes, bool dense);

/// Only X, with whole numbers, and ids.
AnnotatedData plain_sample(std::uint64_t cells, std::uint64_t genes);

}  // namespace stroma::expression
