#pragma once

#include <array>
#include <string>

#include "base/result.h"

namespace stroma::image {

/// From pixels to a dataset's plane: X = a x + b y + c, Y = d x + e y + f, as {a, b, c, d, e, f};
/// (0, 0) is the centre of the first pixel.
using Transform = std::array<double, 6>;
constexpr Transform unchanged = {1, 0, 0, 0, 1, 0};

/// "[a, b, c, d, e, f]". errors  invalid_input  not six finite numbers, or it flattens the plane
Result<Transform> transform_of(std::string_view json);
std::string to_text(const Transform& transform);

/// First `first`, then `second`.
Transform then(const Transform& first, const Transform& second);
/// The way back; `transform` keeps both directions.
Transform inverse(const Transform& transform);

}  // namespace stroma::image
