#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "tissue/measure/region.h"
#include "tissue/pixel_reader.h"

namespace stroma::tissue {

/// Pixels [x0, x1) of a row of the window that belong to one of its objects.
struct RowRun {
    std::int32_t y, x0, x1;  ///< within the window
    std::uint32_t object;
};

/// What was found in one window, small: ten bytes for each run.
struct PackedRuns {
    std::vector<std::uint32_t> labels, objects;
    std::vector<std::array<std::uint16_t, 3>> places;  ///< y, x0, x1 within the window
    std::size_t bytes() const {
        return 4 * labels.size() + (4 + sizeof(places[0])) * places.size();
    }
};

/// The objects of one window as runs of pixels, each object's by row and place. Serves one window
/// after another without new memory.
class ObjectRuns {
public:
    /// Finds the runs of every label but 0; `values` has the window's labels row by row. Objects
    /// are in the order in which they begin.
    void find(const Window& window, std::span<const std::uint32_t> values);

    /// What was found, of a window of fewer than 2^16 rows and columns; and the other way about.
    PackedRuns packed() const;
    void restore(const Window& window, const PackedRuns& packed);

    std::size_t count() const { return labels_.size(); }
    std::uint32_t label(std::size_t object) const { return labels_[object]; }
    std::span<const PixelRun> runs(std::size_t object) const {
        const std::size_t first = object == 0 ? 0 : ends_[object - 1];
        return std::span(runs_).subspan(first, ends_[object] - first);
    }
    /// Those of all objects, by row and place.
    std::span<const RowRun> by_rows() const { return found_; }

private:
    std::uint32_t slot_of(std::uint32_t label);
    void widen_table();
    void sort_by_object(const Window& window);

    struct Place {
        std::uint32_t label = 0, slot = 0;  ///< label 0: free
    };
    std::vector<std::int32_t> changes_;  ///< of one row
    std::vector<RowRun> found_;
    std::vector<Place> table_;  ///< open addressing; at most half full
    std::vector<std::uint32_t> labels_;
    std::vector<std::size_t> ends_;
    std::vector<PixelRun> runs_;
};

/// How many pixels lie in the runs.
std::uint64_t pixel_count(std::span<const PixelRun> runs);

}  // namespace stroma::tissue
