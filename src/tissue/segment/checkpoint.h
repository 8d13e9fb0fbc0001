#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tissue/scratch_plane.h"

namespace stroma::tissue {

/// What a segmentation has done, in files that outlive its process: planes, and a mark for each
/// tile of each of its steps that is done in them. The kernel keeps what a killed process had
/// written; after a loss of power, or on another machine, nothing of it counts. Whoever opens the
/// same folder again goes on. Two at once in the same folder do no harm: they write the same.
class Checkpoint {
public:
    Checkpoint() = default;
    /// `folder` belongs to this work alone (same picture, options, program); it is made. "":
    /// nothing is kept, and planes lie without a name in `scratch`.
    static Result<Checkpoint> open(const fs::path& folder, const fs::path& scratch,
                                   std::size_t steps, std::size_t tiles);

    /// The plane of that name: as it was left, or all zero.
    template <class T>
    Result<ScratchPlane<T>> plane(const char* name, std::uint64_t width,
                                  std::uint64_t height) const {
        return folder_.empty() ? ScratchPlane<T>::make(scratch_, width, height)
                               : ScratchPlane<T>::keep(folder_ / name, width, height);
    }
    bool is_kept() const { return !folder_.empty(); }
    bool is_done(std::size_t step, std::size_t tile) const;
    /// After all that the tile leaves has been written. Any thread.
    void mark(std::size_t step, std::size_t tile);
    std::size_t count_done() const;

    Result<void> forget(const char* name) const;
    /// Small things that a step leaves; empty when it has left none. Written at once.
    Bytes note(const char* name) const;
    Result<void> put_note(const char* name, ByteSpan bytes) const;

private:
    fs::path folder_, scratch_;
    std::size_t tiles_ = 0;
    mutable ScratchPlane<std::uint16_t> marks_;  ///< a row for each step
};

}  // namespace stroma::tissue
