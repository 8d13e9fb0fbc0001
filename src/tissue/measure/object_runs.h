#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tissue/measure/region.h"
#include "tissue/pixel_reader.h"

namespace stroma::tissue {

/// The objects of one window as runs of pixels, each object's by row and place. Serves one window
/// after another without new memory.
class ObjectRuns {
public:
    /// Finds the runs of every label but 0; `values` has the window's labels row by row. Objects
    /// are in the order in which they begin.
    void find(const Window& window, std::span<const std::uint32_t> values);

    std::size_t count() const { return labels_.size(); }
    std::uint32_t label(std::size_t object) const { return labels_[object]; }
    std::span<const PixelRun> runs(std::size_t object) const {
        const std::size_t first = object == 0 ? 0 : ends_[object - 1];
        return std::span(runs_).subspan(first, ends_[object] - first);
    }

private:
    std::uint32_t slot_of(std::uint32_t label);
    void widen_table();

    struct Found {
        PixelRun run;
        std::uint32_t slot;
    };
    struct Place {
        std::uint32_t label = 0, slot = 0;  ///< label 0: free
    };
    std::vector<Found> found_;
    std::vector<Place> table_;  ///< open addressing; at most half full
    std::vector<std::uint32_t> labels_;
    std::vector<std::size_t> ends_;
    std::vector<PixelRun> runs_;
};

/// How many pixels lie in the runs.
std::uint64_t pixel_count(std::span<const PixelRun> runs);

}  // namespace stroma::tissue
