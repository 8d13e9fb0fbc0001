#include <fmt/format.h>

#include <algorithm>

#include "app/flow/run_pictures.h"
#include "base/json.h"
#include "tissue/measure/label_boxes.h"
#include "tissue/segment/label_edits.h"

// Changes by hand of pictures of labels: checked against the picture as it is, then handed to the
// engine, which has the picture and what follows from it made anew.

namespace stroma::app {
namespace {

using tissue::LabelBox;
using tissue::LabelEdit;

constexpr std::size_t edits_at_once = 100;

/// Edits that are being checked: where labels lie after those that were checked already.
class EditDraft {
public:
    EditDraft(const image::StoredImage& labels, std::vector<LabelBox> boxes, std::uint32_t largest)
        : labels_(labels), largest_(largest) {
        for (LabelBox& box : boxes) {
            largest_ = std::max(largest_, box.label);
            boxes_.emplace(box.label, box);
        }
    }

    /// Gives it the number of the new cell, and finds out where it is done.
    Result<void> add(LabelEdit& edit, LabelBox& place) {
        if (largest_ == UINT32_MAX)
            return fail(ErrorCode::exhausted, "there is no number left for another cell");
        if (edit.kind == LabelEdit::Kind::split || edit.kind == LabelEdit::Kind::draw)
            edit.made = ++largest_;
        for (const std::uint32_t label : edit.labels) {
            const auto found = boxes_.find(label);
            if (found == boxes_.end())
                return fail(ErrorCode::not_found,
                            fmt::format("there is no cell {} in the picture (any more)", label));
            widen(place, found->second);
        }
        for (const tissue::EditPoint& point : edit.points) {
            if (edit.kind != LabelEdit::Kind::draw) break;
            const auto x = static_cast<std::int64_t>(point.x),
                       y = static_cast<std::int64_t>(point.y);
            widen(place, {.x0 = x - 1, .y0 = y - 1, .x1 = x + 2, .y1 = y + 2});
        }
        TRY(change(edit, place));
        for (const std::uint32_t label : edit.labels)
            if (edit.kind == LabelEdit::Kind::remove || label != edit.labels.front())
                boxes_.erase(label);
        if (edit.kind == LabelEdit::Kind::merge) boxes_[edit.labels.front()] = place;
        if (edit.made != 0) boxes_[edit.made] = place;
        done_.push_back(edit);
        return {};
    }

private:
    static void widen(LabelBox& box, const LabelBox& other) {
        box.x0 = std::min(box.x0, other.x0);
        box.y0 = std::min(box.y0, other.y0);
        box.x1 = std::max(box.x1, other.x1);
        box.y1 = std::max(box.y1, other.y1);
    }

    /// errors  invalid_input  it would leave a cell without pixels, or make one without any
    Result<void> change(const LabelEdit& edit, LabelBox& place) {
        const image::ImageInfo& info = labels_.info();
        place.x0 = std::max<std::int64_t>(place.x0, 0);
        place.y0 = std::max<std::int64_t>(place.y0, 0);
        place.x1 = std::min(place.x1, static_cast<std::int64_t>(info.width));
        place.y1 = std::min(place.y1, static_cast<std::int64_t>(info.height));
        if (edit.made == 0) return {};
        if (place.x0 >= place.x1 || place.y0 >= place.y1)
            return fail(ErrorCode::invalid_input, "the outline lies outside of the picture");
        TRY(tissue::refuse_too_large({place}));
        const tissue::Window window{place.x0, place.y0, place.x1 - place.x0, place.y1 - place.y0};
        std::vector<std::uint32_t> values;
        TRY(tissue::PixelReader(labels_, 0).read_labels(window, values));
        tissue::apply(done_, window, values);
        tissue::apply({&edit, 1}, window, values);
        const bool is_split = edit.kind == LabelEdit::Kind::split;
        if (std::find(values.begin(), values.end(), edit.made) == values.end() ||
            (is_split &&
             std::find(values.begin(), values.end(), edit.labels.front()) == values.end()))
            return fail(ErrorCode::invalid_input,
                        is_split ? "the line doesn't go through the cell: draw it across"
                                 : "within the outline every pixel belongs to another cell");
        return {};
    }

    const image::StoredImage& labels_;
    std::map<std::uint32_t, LabelBox> boxes_;
    std::uint32_t largest_;
    std::vector<LabelEdit> done_;
};

flow::Edit edit_record(const Json& asked, const LabelEdit& edit, const LabelBox& place) {
    flow::Edit record;
    record.kind = asked.at("kind").get<std::string>();
    Json points = Json::array();
    for (const tissue::EditPoint& point : edit.points) points.push_back({point.x, point.y});
    record.detail = Json{{"labels", edit.labels},
                         {"points", points},
                         {"made", edit.made},
                         {"box", {place.x0, place.y0, place.x1, place.y1}}}
                        .dump();
    return record;
}

}  // namespace

Result<RunPictures::Source> RunPictures::editable(const flow::Run& run, const std::string& id) {
    Source found = TRY(source(run, id));
    if (found.task == 0 || !found.picture.are_labels)
        return fail(
            ErrorCode::invalid_input,
            fmt::format("'{}' can't be edited: labels that a stage made can", found.picture.name));
    return found;
}

Result<std::vector<flow::Edit>> RunPictures::edits(const flow::Run& run, const std::string& id) {
    const Source wanted = TRY(editable(run, id));
    auto all = TRY(engine_.edits(run.id, wanted.task));
    std::erase_if(all, [&](const flow::Edit& edit) { return edit.files != wanted.group; });
    return all;
}

Result<void> RunPictures::edit(const flow::Run& run, const std::string& id,
                               const std::string& wanted, const std::string& author) {
    const Source target = TRY(editable(run, id));
    const Json list = TRY(parse_json(wanted));
    if (!list.is_array() || list.empty() || list.size() > edits_at_once)
        return fail(ErrorCode::invalid_input,
                    fmt::format("'edits' must be a list of 1 to {} edits", edits_at_once));
    std::uint32_t largest = 0;
    // Numbers that were given once aren't given again, even after an undo.
    for (const flow::Edit& before : TRY(edits(run, id)))
        largest = std::max(largest, Json::parse(before.detail).value("made", 0u));
    std::optional<EditDraft> draft;
    std::shared_ptr<const image::StoredImage> labels;
    std::vector<flow::Edit> records;
    for (const Json& asked : list) {
        if (asked.is_object() && asked.value("kind", Json()) == "undo") {
            if (list.size() != 1)
                return fail(ErrorCode::invalid_input, "an undo is asked for by itself");
            flow::Edit undo;
            undo.kind = "undo";
            records.push_back(std::move(undo));
            continue;
        }
        LabelEdit edit = TRY(tissue::label_edit_of(asked));
        if (!draft) {
            labels = TRY(open(run, id));
            draft.emplace(*labels, TRY(tissue::label_boxes(*labels, {})), largest);
        }
        LabelBox place;
        TRY(draft->add(edit, place));
        records.push_back(edit_record(asked, edit, place));
    }
    for (flow::Edit& record : records) {
        record.files = target.group;
        record.author = author;
    }
    return engine_.edit(run.id, target.task, std::move(records));
}

}  // namespace stroma::app
