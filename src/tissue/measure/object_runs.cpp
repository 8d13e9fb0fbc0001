#include "tissue/measure/object_runs.h"

#include <algorithm>

#include "tissue/measure/run_sums.h"

namespace stroma::tissue {
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
    changes_.resize(static_cast<std::size_t>(window.width + 1));
    for (std::int64_t y = 0; y < window.height; ++y) {
        const std::uint32_t* const row = values.data() + y * window.width;
        const std::size_t count = find_changes(row, window.width, changes_.data());
        changes_[count] = static_cast<std::int32_t>(window.width);
        std::int32_t first = 0;
        for (std::size_t i = 0; i <= count; ++i) {
            const std::int32_t end = changes_[i];
            if (const std::uint32_t label = row[first]; label != 0)
                found_.push_back({static_cast<std::int32_t>(y), first, end, slot_of(label)});
            first = end;
        }
    }
    sort_by_object(window);
}

/// The order of each object's runs is kept.
void ObjectRuns::sort_by_object(const Window& window) {
    ends_.assign(labels_.size() + 1, 0);
    for (const RowRun& one : found_) ++ends_[one.object + 1];
    for (std::size_t i = 1; i < ends_.size(); ++i) ends_[i] += ends_[i - 1];
    runs_.resize(found_.size());
    for (const RowRun& one : found_)
        runs_[ends_[one.object]++] = {window.y + one.y, window.x + one.x0, window.x + one.x1};
}

PackedRuns ObjectRuns::packed() const {
    PackedRuns packed;
    packed.labels = labels_;
    packed.objects.reserve(found_.size());
    packed.places.reserve(found_.size());
    for (const RowRun& run : found_) {
        packed.objects.push_back(run.object);
        packed.places.push_back({static_cast<std::uint16_t>(run.y),
                                 static_cast<std::uint16_t>(run.x0),
                                 static_cast<std::uint16_t>(run.x1)});
    }
    return packed;
}

void ObjectRuns::restore(const Window& window, const PackedRuns& packed) {
    labels_ = packed.labels;
    found_.clear();
    for (std::size_t i = 0; i < packed.places.size(); ++i) {
        const auto& place = packed.places[i];
        found_.push_back({place[0], place[1], place[2], packed.objects[i]});
    }
    sort_by_object(window);
}

std::uint64_t pixel_count(std::span<const PixelRun> runs) {
    std::uint64_t count = 0;
    for (const PixelRun& run : runs) count += static_cast<std::uint64_t>(run.x1 - run.x0);
    return count;
}

}  // namespace stroma::tissue
