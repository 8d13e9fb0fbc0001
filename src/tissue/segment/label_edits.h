#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <vector>

#include "base/result.h"
#include "tissue/pixel_reader.h"

namespace stroma::tissue {

/// A place of a slide in pixels; the centre of the first pixel is (0, 0).
struct EditPoint {
    double x = 0, y = 0;
};

/// One change by hand of a picture of labels. What becomes of a pixel depends on its label and
/// place alone, so edits are done tile by tile, in their order.
struct LabelEdit {
    enum class Kind {
        merge,   ///< all of `labels` get the first one's number
        split,   ///< of the one label what lies to the left of the line through two points, seen
                 ///< from the first with y downwards, gets the number `made`
        remove,  ///< of `labels` nothing is left
        draw     ///< pixels of no label within the outline get the number `made`
    };
    Kind kind = Kind::remove;
    std::vector<std::uint32_t> labels;
    std::vector<EditPoint> points;
    std::uint32_t made = 0;
};

/// Outlines and lists of labels of one edit.
constexpr std::size_t edit_points_max = 10'000, edit_labels_max = 10'000;

/// {"kind": "merge" | "split" | "delete" | "draw", "labels": […], "points": [[x, y], …], "made":
/// n}; `made` may be left out. errors  invalid_input  says which member, and what may stand there
Result<LabelEdit> label_edit_of(const nlohmann::ordered_json& json);

/// Changes the window's labels as all of the edits say, one after another.
void apply(std::span<const LabelEdit> edits, const Window& window, std::span<std::uint32_t> labels);

}  // namespace stroma::tissue
