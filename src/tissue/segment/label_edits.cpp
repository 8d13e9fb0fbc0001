#include "tissue/segment/label_edits.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"

namespace stroma::tissue {
namespace {

tl::unexpected<Error> bad_edit(std::string_view what) {
    return fail(ErrorCode::invalid_input, fmt::format("edit: {}", what));
}

Result<std::vector<std::uint32_t>> edit_labels(const Json& json) {
    std::vector<std::uint32_t> labels;
    const Json list = json.value("labels", Json::array());
    if (!list.is_array() || list.size() > edit_labels_max)
        return bad_edit(fmt::format("'labels' is a list of at most {} numbers", edit_labels_max));
    for (const Json& one : list) {
        if (!one.is_number_unsigned() || one.get<std::uint64_t>() == 0 ||
            one.get<std::uint64_t>() > UINT32_MAX)
            return bad_edit("a label is a whole number from 1");
        const auto label = one.get<std::uint32_t>();
        if (std::find(labels.begin(), labels.end(), label) == labels.end()) labels.push_back(label);
    }
    return labels;
}

Result<std::vector<EditPoint>> edit_points(const Json& json) {
    constexpr double far = 1 << 25;
    std::vector<EditPoint> points;
    const Json list = json.value("points", Json::array());
    if (!list.is_array() || list.size() > edit_points_max)
        return bad_edit(fmt::format("'points' is a list of at most {} places", edit_points_max));
    for (const Json& one : list) {
        if (!one.is_array() || one.size() != 2 || !one[0].is_number() || !one[1].is_number())
            return bad_edit("a place is [x, y] in pixels");
        points.push_back({one[0].get<double>(), one[1].get<double>()});
        if (!(std::abs(points.back().x) < far) || !(std::abs(points.back().y) < far))
            return bad_edit("a place lies too far away");
    }
    return points;
}

bool is_left_of(const std::vector<EditPoint>& line, double x, double y) {
    const EditPoint &a = line[0], &b = line[1];
    return (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x) < 0;
}

/// Where a row crosses the outline, rising: within are the stretches between every two.
std::vector<double> crossings(const std::vector<EditPoint>& outline, double y) {
    std::vector<double> xs;
    for (std::size_t i = 0; i < outline.size(); ++i) {
        const EditPoint &a = outline[i], &b = outline[(i + 1) % outline.size()];
        if ((a.y <= y) == (b.y <= y)) continue;
        xs.push_back(a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x));
    }
    std::sort(xs.begin(), xs.end());
    return xs;
}

void draw(const LabelEdit& edit, const Window& window, std::span<std::uint32_t> labels) {
    const auto [top, bottom] = std::minmax_element(
        edit.points.begin(), edit.points.end(),
        [](const EditPoint& one, const EditPoint& other) { return one.y < other.y; });
    const auto first = std::max(window.y, static_cast<std::int64_t>(std::floor(top->y)));
    const auto last =
        std::min(window.y + window.height - 1, static_cast<std::int64_t>(std::ceil(bottom->y)));
    for (std::int64_t y = first; y <= last; ++y) {
        const std::vector<double> xs = crossings(edit.points, static_cast<double>(y));
        for (std::size_t i = 0; i + 1 < xs.size(); i += 2) {
            const auto from = std::max(window.x, static_cast<std::int64_t>(std::ceil(xs[i])));
            const auto to =
                std::min(window.x + window.width, static_cast<std::int64_t>(std::ceil(xs[i + 1])));
            for (std::int64_t x = from; x < to; ++x) {
                std::uint32_t& label =
                    labels[static_cast<std::size_t>((y - window.y) * window.width + x - window.x)];
                if (label == 0) label = edit.made;
            }
        }
    }
}

void change_labels(const LabelEdit& edit, const Window& window, std::span<std::uint32_t> labels) {
    std::vector<std::uint32_t> wanted = edit.labels;
    std::sort(wanted.begin(), wanted.end());
    for (std::size_t at = 0; at < labels.size(); ++at) {
        std::uint32_t& label = labels[at];
        if (label < wanted.front() || label > wanted.back() ||
            !std::binary_search(wanted.begin(), wanted.end(), label))
            continue;
        const auto x = window.x + static_cast<std::int64_t>(at) % window.width;
        const auto y = window.y + static_cast<std::int64_t>(at) / window.width;
        switch (edit.kind) {
            case LabelEdit::Kind::merge: label = edit.labels.front(); break;
            case LabelEdit::Kind::remove: label = 0; break;
            default:
                if (is_left_of(edit.points, static_cast<double>(x), static_cast<double>(y)))
                    label = edit.made;
        }
    }
}

}  // namespace

Result<LabelEdit> label_edit_of(const Json& json) {
    if (!json.is_object()) return bad_edit("it is no object");
    LabelEdit edit;
    const Json kind = json.value("kind", Json());
    edit.labels = TRY(edit_labels(json));
    edit.points = TRY(edit_points(json));
    if (const auto made = json.find("made"); made != json.end()) {
        if (!made->is_number_unsigned() || made->get<std::uint64_t>() > UINT32_MAX)
            return bad_edit("'made' is no label");
        edit.made = made->get<std::uint32_t>();
    }
    if (kind == "merge") {
        edit.kind = LabelEdit::Kind::merge;
        if (edit.labels.size() < 2) return bad_edit("'labels' of a merge are two cells or more");
    } else if (kind == "split") {
        edit.kind = LabelEdit::Kind::split;
        if (edit.labels.size() != 1) return bad_edit("'labels' of a split is one cell");
        if (edit.points.size() != 2 ||
            (edit.points[0].x == edit.points[1].x && edit.points[0].y == edit.points[1].y))
            return bad_edit("'points' of a split are two places, which a line goes through");
    } else if (kind == "delete") {
        edit.kind = LabelEdit::Kind::remove;
        if (edit.labels.empty()) return bad_edit("'labels' of a delete is one cell or more");
    } else if (kind == "draw") {
        edit.kind = LabelEdit::Kind::draw;
        if (edit.points.size() < 3)
            return bad_edit("'points' of a drawn outline are three places or more");
    } else {
        return bad_edit("'kind' must be merge, split, delete or draw");
    }
    return edit;
}

void apply(std::span<const LabelEdit> edits, const Window& window,
           std::span<std::uint32_t> labels) {
    for (const LabelEdit& edit : edits)
        if (edit.kind == LabelEdit::Kind::draw)
            draw(edit, window, labels);
        else
            change_labels(edit, window, labels);
}

}  // namespace stroma::tissue
