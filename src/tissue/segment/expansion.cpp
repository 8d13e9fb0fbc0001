#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/threads.h"
#include "tissue/segment/segmentation.h"

namespace stroma::tissue {
namespace {

constexpr std::int64_t strip_rows = 128;
constexpr std::uint64_t nothing = UINT64_MAX / 2;

/// Of each column the nearest label to row y as squared distance and label in one number, the
/// smallest of which is nearest and, of equals, first.
void nearest_in_columns(const ScratchPlane<std::uint32_t>& labels, std::int64_t y,
                        std::int64_t reach, std::vector<std::uint64_t>& keys) {
    const auto width = static_cast<std::int64_t>(labels.width());
    keys.assign(static_cast<std::size_t>(width), nothing);
    for (std::int64_t i = -reach; i <= reach; ++i) {
        if (y + i < 0 || y + i >= static_cast<std::int64_t>(labels.height())) continue;
        const std::uint32_t* const row = labels.row(y + i);
        const auto squared = static_cast<std::uint64_t>(i * i) << 32;
        for (std::int64_t x = 0; x < width; ++x)
            if (row[x] != 0) keys[x] = std::min(keys[x], squared | row[x]);
    }
}

void expand_row(const ScratchPlane<std::uint32_t>& labels, std::int64_t y, double distance,
                std::vector<std::uint64_t>& keys, std::uint32_t* out) {
    const auto reach = static_cast<std::int64_t>(distance);
    const auto width = static_cast<std::int64_t>(labels.width());
    nearest_in_columns(labels, y, reach, keys);
    const auto squared_max = static_cast<std::uint64_t>(distance * distance);
    const std::uint32_t* const row = labels.row(y);
    for (std::int64_t x = 0; x < width; ++x) {
        if (row[x] != 0) {
            out[x] = row[x];
            continue;
        }
        std::uint64_t best = nothing;
        for (std::int64_t i = std::max(-reach, -x); i <= std::min(reach, width - 1 - x); ++i)
            best = std::min(best, keys[x + i] + (static_cast<std::uint64_t>(i * i) << 32));
        if (best >> 32 <= squared_max) out[x] = static_cast<std::uint32_t>(best);
    }
}

}  // namespace

Result<ScratchPlane<std::uint32_t>> expand_labels(const ScratchPlane<std::uint32_t>& labels,
                                                  double distance, const fs::path& scratch_folder,
                                                  const expression::Watch& watch) {
    if (!(distance >= 0 && distance <= 200))
        return fail(ErrorCode::invalid_input,
                    fmt::format("cells can't grow by {} pixels; say 0 to 200", distance));
    auto out =
        TRY(ScratchPlane<std::uint32_t>::make(scratch_folder, labels.width(), labels.height()));
    const auto height = static_cast<std::int64_t>(labels.height());
    const std::int64_t strips = (height + strip_rows - 1) / strip_rows;
    TRY(parallel_for(static_cast<std::size_t>(strips), [&](std::size_t strip) -> Result<void> {
        if (watch.cancelled && watch.cancelled())
            return fail(ErrorCode::cancelled, "the growing of cells was cancelled");
        std::vector<std::uint64_t> keys;
        const std::int64_t first = static_cast<std::int64_t>(strip) * strip_rows;
        const std::int64_t end = std::min(first + strip_rows, height);
        for (std::int64_t y = first; y < end; ++y)
            expand_row(labels, y, distance, keys, out.row(y));
        out.let_go(first, end - first);
        labels.let_go(first, end - first);
        return {};
    }));
    return out;
}

}  // namespace stroma::tissue
