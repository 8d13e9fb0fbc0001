#pragma once

#include <memory>

#include "expression/matrix_source.h"

namespace stroma::expression {

/// The same matrix, which keeps what it reads from for as long as it lives.
std::unique_ptr<MatrixSource> keeping(std::shared_ptr<const void> kept,
                                      std::unique_ptr<MatrixSource> source);

}  // namespace stroma::expression
