#include "image/placed_image.h"

#include <cmath>

#include "base/json.h"

namespace stroma::image {

Result<Transform> transform_of(std::string_view json) {
    const auto parsed = parse_json(json);
    const bool is_six = parsed && parsed->is_array() && parsed->size() == 6;
    Transform made = unchanged;
    for (std::size_t i = 0; is_six && i < made.size(); ++i) {
        const Json& one = (*parsed)[i];
        made[i] = one.is_number() ? one.get<double>() : HUGE_VAL;
    }
    const double area = made[0] * made[4] - made[1] * made[3];
    bool is_finite = is_six && std::isfinite(area) && area != 0;
    for (const double one : made) is_finite = is_finite && std::isfinite(one);
    if (!is_finite)
        return fail(ErrorCode::invalid_input,
                    "a transform is six numbers [a, b, c, d, e, f] with X = a x + b y + c and "
                    "Y = d x + e y + f that keep both directions");
    return made;
}

std::string to_text(const Transform& transform) { return Json(transform).dump(); }

Transform then(const Transform& first, const Transform& second) {
    const auto [a, b, c, d, e, f] = first;
    const auto [g, h, i, j, k, l] = second;
    return {g * a + h * d, g * b + h * e, g * c + h * f + i,
            j * a + k * d, j * b + k * e, j * c + k * f + l};
}

Transform inverse(const Transform& transform) {
    const auto [a, b, c, d, e, f] = transform;
    const double area = a * e - b * d;
    return {e / area,  -b / area, (b * f - c * e) / area,
            -d / area, a / area,  (c * d - a * f) / area};
}

}  // namespace stroma::image
