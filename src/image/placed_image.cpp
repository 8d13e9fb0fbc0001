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

}  // namespace stroma::image
