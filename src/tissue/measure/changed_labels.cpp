#include "tissue/measure/changed_labels.h"

#include <mutex>
#include <set>

#include "base/threads.h"
#include "tissue/measure/label_boxes.h"

namespace stroma::tissue {

Result<std::vector<std::uint32_t>> changed_labels(const image::StoredImage& before,
                                                  const image::StoredImage& now,
                                                  const expression::Watch& watch) {
    if (before.info().width != now.info().width || before.info().height != now.info().height)
        return fail(ErrorCode::invalid_input, "labels of different sizes can't be compared");
    const std::vector<Window> windows = tile_windows(now.info());
    std::mutex mutex;
    std::set<std::uint32_t> changed;
    const auto compare = [&](std::size_t at) -> Result<void> {
        if (watch.cancelled && watch.cancelled())
            return fail(ErrorCode::cancelled, "the comparison was cancelled");
        std::vector<std::uint32_t> first, second;
        TRY(PixelReader(before, 0).read_labels(windows[at], first));
        TRY(PixelReader(now, 0).read_labels(windows[at], second));
        std::set<std::uint32_t> here;
        for (std::size_t i = 0; i < first.size(); ++i)
            if (first[i] != second[i]) {
                here.insert(first[i]);
                here.insert(second[i]);
            }
        const std::lock_guard lock(mutex);
        changed.merge(here);
        return {};
    };
    TRY(parallel_for(windows.size(), compare));
    changed.erase(0);
    return std::vector<std::uint32_t>(changed.begin(), changed.end());
}

}  // namespace stroma::tissue
