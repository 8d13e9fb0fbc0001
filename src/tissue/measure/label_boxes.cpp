#include "tissue/measure/label_boxes.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "base/threads.h"
#include "image/pyramid_writer.h"
#include "tissue/measure/object_runs.h"

namespace stroma::tissue {
namespace {

constexpr std::int64_t box_side_max = 16'384;

void extend(LabelBox& box, const LabelBox& other) {
    box.x0 = std::min(box.x0, other.x0);
    box.y0 = std::min(box.y0, other.y0);
    box.x1 = std::max(box.x1, other.x1);
    box.y1 = std::max(box.y1, other.y1);
    box.area += other.area;
}

LabelBox box_of(std::uint32_t label, std::span<const PixelRun> runs) {
    LabelBox box{label};
    box.y0 = runs.front().y;
    box.y1 = runs.back().y + 1;
    for (const PixelRun& run : runs) {
        box.x0 = std::min(box.x0, run.x0);
        box.x1 = std::max(box.x1, run.x1);
    }
    box.area = pixel_count(runs);
    return box;
}

/// Parts of one label follow each other; they become one.
void join_parts(std::vector<LabelBox>& boxes) {
    std::sort(boxes.begin(), boxes.end(),
              [](const LabelBox& one, const LabelBox& other) { return one.label < other.label; });
    std::size_t last = 0;
    for (std::size_t i = 1; i < boxes.size(); ++i) {
        if (boxes[i].label == boxes[last].label)
            extend(boxes[last], boxes[i]);
        else
            boxes[++last] = boxes[i];
    }
    if (!boxes.empty()) boxes.resize(last + 1);
}

}  // namespace

std::vector<Window> tile_windows(const image::ImageInfo& info) {
    const auto side = static_cast<std::int64_t>(image::tile_side);
    const auto width = static_cast<std::int64_t>(info.width);
    const auto height = static_cast<std::int64_t>(info.height);
    std::vector<Window> windows;
    for (std::int64_t y = 0; y < height; y += side)
        for (std::int64_t x = 0; x < width; x += side)
            windows.push_back({x, y, std::min(side, width - x), std::min(side, height - y)});
    return windows;
}

Result<std::vector<LabelBox>> label_boxes(const image::StoredImage& labels,
                                          const expression::Watch& watch, TileRuns* kept) {
    const std::vector<Window> windows = tile_windows(labels.info());
    std::vector<LabelBox> boxes;
    std::mutex mutex;
    if (kept != nullptr) kept->tiles.resize(windows.size());
    const auto look = [&](std::size_t at) -> Result<void> {
        if (watch.cancelled && watch.cancelled())
            return fail(ErrorCode::cancelled, "the measurement was cancelled");
        thread_local std::vector<std::uint32_t> values;
        thread_local ObjectRuns objects;
        TRY(PixelReader(labels, 0).read_labels(windows[at], values));
        objects.find(windows[at], values);
        std::optional<PackedRuns> packed;
        if (kept != nullptr) packed = objects.packed();
        const std::lock_guard lock(mutex);
        for (std::size_t i = 0; i < objects.count(); ++i)
            boxes.push_back(box_of(objects.label(i), objects.runs(i)));
        if (packed && kept->bytes + packed->bytes() <= kept->bytes_max) {
            kept->bytes += packed->bytes();
            kept->tiles[at] = std::move(packed);
        }
        return {};
    };
    TRY(parallel_for(windows.size(), look));
    join_parts(boxes);
    return boxes;
}

Result<void> refuse_too_large(const std::vector<LabelBox>& boxes) {
    for (const LabelBox& box : boxes)
        if (box.x1 - box.x0 > box_side_max || box.y1 - box.y0 > box_side_max)
            return fail(ErrorCode::exhausted,
                        fmt::format("limit: object: label {} is {} by {} pixels; at most {} are "
                                    "measured",
                                    box.label, box.x1 - box.x0, box.y1 - box.y0, box_side_max));
    return {};
}

Result<std::vector<BoxBlock>> blocks_of(const std::vector<LabelBox>& boxes) {
    TRY(refuse_too_large(boxes));
    constexpr std::int64_t side = 4 * std::int64_t{image::tile_side};
    std::map<std::pair<std::int64_t, std::int64_t>, std::pair<BoxBlock, LabelBox>> blocks;
    for (std::size_t i = 0; i < boxes.size(); ++i) {
        const LabelBox& box = boxes[i];
        auto& [block, extent] = blocks[{box.y0 / side, box.x0 / side}];
        block.boxes.push_back(i);
        extend(extent, box);
    }
    std::vector<BoxBlock> out;
    for (auto& [place, block] : blocks) {
        const LabelBox& extent = block.second;
        block.first.window = {extent.x0, extent.y0, extent.x1 - extent.x0, extent.y1 - extent.y0};
        out.push_back(std::move(block.first));
    }
    return out;
}

}  // namespace stroma::tissue
