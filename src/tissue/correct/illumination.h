#pragma once

#include <span>
#include <string>
#include <vector>

#include "image/stored_image.h"

namespace stroma::tissue {

/// How light falls onto a field of view in one channel, found out of many fields.
struct FlatField {
    std::vector<double> terms;   ///< of a polynomial in x and y, each from -1 to 1 over the field
    bool is_used = false;        ///< the check below was passed
    double least = 1, most = 1;  ///< of the field, whose mean is 1
    /// How much fields that weren't looked at differ from flat, before and after: the standard
    /// deviation of their middle values by place, over the mean.
    double uneven_before = 0, uneven_after = 0;

    /// What a pixel is to be divided by: 1 where it isn't used.
    double at(double x, double y) const;
};
constexpr std::size_t fields_min = 5;

/// Retrospective: at each of 64 × 64 places the middle over all fields of the value over the
/// field's own middle, bright objects left out by the field's Otsu threshold; then a polynomial of
/// fourth degree. Kept only if a field found from every other one makes the rest flatter by a
/// tenth, and lies within 0.3 to 3. Fields have one size. errors  invalid_input  fewer than
/// fields_min, sizes or channels differ
Result<FlatField> find_flat_field(std::span<const std::shared_ptr<const image::StoredImage>> fields,
                                  std::size_t channel);

}  // namespace stroma::tissue
