#pragma once

#include <cstdint>
#include <span>

#include "base/file.h"

namespace stroma::tissue {

/// One value a pixel of a whole slide in a nameless file that is mapped into memory: what a pass
/// leaves for the next one without holding it. Pixels are set by several threads at once as long as
/// each has pixels of its own.
template <class T>
class ScratchPlane {
public:
    ScratchPlane() = default;
    ScratchPlane(ScratchPlane&& other) noexcept;
    ScratchPlane& operator=(ScratchPlane&& other) noexcept;
    ~ScratchPlane();

    /// All zero. The file's bytes are reserved at once.
    /// errors  exhausted  the folder's disk is full
    static Result<ScratchPlane> make(const fs::path& folder, std::uint64_t width,
                                     std::uint64_t height);

    /// The same in a file of that name, as it was left by whoever had it before: all zero when it
    /// is new, or of another size. It stays when this goes.
    static Result<ScratchPlane> keep(const fs::path& path, std::uint64_t width,
                                     std::uint64_t height);

    std::uint64_t width() const { return width_; }
    std::uint64_t height() const { return height_; }
    T* row(std::uint64_t y) { return values_ + y * width_; }
    const T* row(std::uint64_t y) const { return values_ + y * width_; }
    /// Those rows may leave this process's memory; the file keeps them.
    void let_go(std::uint64_t first, std::uint64_t rows) const;

private:
    static Result<ScratchPlane> map(const File& file, std::uint64_t width, std::uint64_t height);

    T* values_ = nullptr;
    std::uint64_t width_ = 0, height_ = 0;
};

}  // namespace stroma::tissue
