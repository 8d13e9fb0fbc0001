#pragma once

#include "expression/matrix_source.h"

namespace stroma::expression {

/// The block's value number `at` as a double; past 2^53 the nearest one.
double number_at(const LineBlock& block, ValueType type, std::size_t at);

}  // namespace stroma::expression
