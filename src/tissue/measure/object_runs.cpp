#include "tissue/measure/object_runs.h"

#include <algorithm>
#include <cstring>

namespace stroma::tissue {
namespace {

/// Whether eight places hold that label, two at a time.
bool are_eight(const std::uint32_t* at, std::uint32_t label) {
    const std::uint64_t two = label | std::uint64_t{label} << 32;
    std::uint64_t others = 0;
    for (int i = 0; i < 8; i += 2) {
        std::uint64_t here;
        std::memcpy(&here, at + i, sizeof(here));
        others |= here ^ two;
    }
    return others == 0;
}

}  // namespace

void ObjectRuns::widen_table() {
    table_.assign(std::max<std::size_t>(1024, 2 * table_.size()), {});
    const std::size_t mask = table_.size() - 1;
    for (std::uint32_t slot = 0; slot < labels_.size(); ++slot) {
        std::size_t at = labels_[slot] * 0x9e3779b1u & mask;
        while (table_[at].label != 0) at = (at + 1) & mask;
        table_[at] = {labels_[slot], slot};
    }
}

std::uint32_t ObjectRuns::slot_of(std::uint32_t label) {
    const std::size_t mask = table_.size() - 1;
    std::size_t at = label * 0x9e3779b1u & mask;
    while (table_[at].label != 0 && table_[at].label != label) at = (at + 1) & mask;
    if (table_[at].label == label) return table_[at].slot;
    const auto slot = static_cast<std::uint32_t>(labels_.size());
    table_[at] = {label, slot};
    labels_.push_back(label);
    if (2 * labels_.size() > table_.size()) widen_table();
    return slot;
}

void ObjectRuns::find(const Window& window, std::span<const std::uint32_t> values) {
    found_.clear();
    labels_.clear();
    std::fill(table_.begin(), table_.end(), Place{});
    if (table_.empty()) widen_table();
    for (std::int64_t y = 0; y < window.height; ++y) {
        const std::uint32_t* const row = values.data() + y * window.width;
        for (std::int64_t x = 0; x < window.width;) {
            const std::uint32_t label = row[x];
            const std::int64_t first = x;
            while (x + 8 <= window.width && are_eight(row + x, label)) x += 8;
            while (x < window.width && row[x] == label) ++x;
            if (label != 0)
                found_.push_back({{window.y + y, window.x + first, window.x + x}, slot_of(label)});
        }
    }
    // Sorted by object, the order of each kept.
    ends_.assign(labels_.size() + 1, 0);
    for (const Found& one : found_) ++ends_[one.slot + 1];
    for (std::size_t i = 1; i < ends_.size(); ++i) ends_[i] += ends_[i - 1];
    runs_.resize(found_.size());
    for (const Found& one : found_) runs_[ends_[one.slot]++] = one.run;
}

std::uint64_t pixel_count(std::span<const PixelRun> runs) {
    std::uint64_t count = 0;
    for (const PixelRun& run : runs) count += static_cast<std::uint64_t>(run.x1 - run.x0);
    return count;
}

}  // namespace stroma::tissue
