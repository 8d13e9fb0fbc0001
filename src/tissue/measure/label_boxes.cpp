#include "tissue/measure/label_boxes.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "base/threads.h"
#include "image/pyramid_writer.h"

namespace stroma::tissue {
namespace {

constexpr std::int64_t box_side_max = 16'384;
using BoxByLabel = std::map<std::uint32_t, LabelBox>;

void extend(LabelBox& box, const LabelBox& other) {
    box.label = other.label;
    box.x0 = std::min(box.x0, other.x0);
    box.y0 = std::min(box.y0, other.y0);
    box.x1 = std::max(box.x1, other.x1);
    box.y1 = std::max(box.y1, other.y1);
}

Result<void> boxes_in(const image::StoredImage& labels, const Window& window, BoxByLabel& here) {
    std::vector<std::uint32_t> values;
    TRY(PixelReader(labels, 0).read_labels(window, values));
    for (std::int64_t y = 0; y < window.height; ++y) {
        const std::uint32_t* const row = values.data() + y * window.width;
        for (std::int64_t x = 0; x < window.width;) {
            const std::uint32_t label = row[x];
            const std::int64_t first = x;
            while (x < window.width && row[x] == label) ++x;
            if (label != 0)
                extend(here[label],
                       {label, window.x + first, window.y + y, window.x + x, window.y + y + 1});
        }
    }
    return {};
}

}  // namespace

Result<std::vector<LabelBox>> label_boxes(const image::StoredImage& labels,
                                          const expression::Watch& watch) {
    const auto side = static_cast<std::int64_t>(image::tile_side);
    const auto width = static_cast<std::int64_t>(labels.info().width);
    const auto height = static_cast<std::int64_t>(labels.info().height);
    const std::int64_t across = (width + side - 1) / side, down = (height + side - 1) / side;
    BoxByLabel all;
    std::mutex mutex;
    const auto look = [&](std::size_t at) -> Result<void> {
        if (watch.cancelled && watch.cancelled())
            return fail(ErrorCode::cancelled, "the measurement was cancelled");
        const std::int64_t x0 = static_cast<std::int64_t>(at) % across * side;
        const std::int64_t y0 = static_cast<std::int64_t>(at) / across * side;
        BoxByLabel here;
        TRY(boxes_in(labels, {x0, y0, std::min(side, width - x0), std::min(side, height - y0)},
                     here));
        const std::lock_guard lock(mutex);
        for (const auto& [label, box] : here) extend(all[label], box);
        return {};
    };
    TRY(parallel_for(static_cast<std::size_t>(across * down), look));
    std::vector<LabelBox> boxes;
    for (const auto& [label, box] : all) boxes.push_back(box);
    return boxes;
}

Result<std::vector<BoxBlock>> blocks_of(const std::vector<LabelBox>& boxes) {
    constexpr std::int64_t side = 4 * std::int64_t{image::tile_side};
    std::map<std::pair<std::int64_t, std::int64_t>, std::pair<BoxBlock, LabelBox>> blocks;
    for (std::size_t i = 0; i < boxes.size(); ++i) {
        const LabelBox& box = boxes[i];
        if (box.x1 - box.x0 > box_side_max || box.y1 - box.y0 > box_side_max)
            return fail(ErrorCode::exhausted,
                        fmt::format("limit: object: label {} is {} by {} pixels; at most {} are "
                                    "measured",
                                    box.label, box.x1 - box.x0, box.y1 - box.y0, box_side_max));
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
