#pragma once

#include "tissue/network/onnx_model.h"

namespace stroma::tissue {

/// The attribute by which simplify() tells a convolution the slope of the (leaky) Relu after it.
inline constexpr const char* leak_attribute = "stroma.leak";

/// The same network with fewer steps: a batch normalisation becomes part of the convolution whose
/// only reader it is, a (leaky) Relu likewise.
void simplify(OnnxModel& model);

}  // namespace stroma::tissue
