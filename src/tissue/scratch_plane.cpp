#include "tissue/scratch_plane.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

namespace stroma::tissue {

template <class T>
ScratchPlane<T>::ScratchPlane(ScratchPlane&& other) noexcept
    : values_(std::exchange(other.values_, nullptr)),
      width_(other.width_),
      height_(other.height_) {}

template <class T>
ScratchPlane<T>& ScratchPlane<T>::operator=(ScratchPlane&& other) noexcept {
    std::swap(values_, other.values_);
    std::swap(width_, other.width_);
    std::swap(height_, other.height_);
    return *this;
}

template <class T>
ScratchPlane<T>::~ScratchPlane() {
    if (values_ != nullptr) munmap(values_, width_ * height_ * sizeof(T));
}

template <class T>
Result<ScratchPlane<T>> ScratchPlane<T>::make(const fs::path& folder, std::uint64_t width,
                                              std::uint64_t height) {
    return map(TRY(File::temporary(folder)), width, height);
}

template <class T>
Result<ScratchPlane<T>> ScratchPlane<T>::keep(const fs::path& path, std::uint64_t width,
                                              std::uint64_t height) {
    File file = TRY(File::open_to_write(path));
    const std::uint64_t bytes = width * height * sizeof(T);
    if (TRY(file.size()) != bytes) TRY(file.truncate(0));
    return map(file, width, height);
}

template <class T>
Result<ScratchPlane<T>> ScratchPlane<T>::map(const File& file, std::uint64_t width,
                                             std::uint64_t height) {
    const std::uint64_t bytes = width * height * sizeof(T);
    // A hole in a full disk would be a SIGBUS later.
    const int error = posix_fallocate(file.descriptor(), 0, static_cast<off_t>(bytes));
    if (error != 0) return fail(error_from_errno("reserving scratch space in", file.name(), error));
    void* const mapped =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor(), 0);
    if (mapped == MAP_FAILED)
        return fail(error_from_errno("mapping scratch space in", file.name(), errno));
    ScratchPlane plane;
    plane.values_ = static_cast<T*>(mapped);
    plane.width_ = width;
    plane.height_ = height;
    return plane;
}

template <class T>
void ScratchPlane<T>::let_go(std::uint64_t first, std::uint64_t rows) const {
    constexpr std::uint64_t page = 4096;
    const std::uint64_t end = std::min(first + rows, height_);
    const std::uint64_t from = (first * width_ * sizeof(T) + page - 1) / page * page;
    const std::uint64_t to = end * width_ * sizeof(T) / page * page;
    if (to > from) madvise(reinterpret_cast<std::byte*>(values_) + from, to - from, MADV_DONTNEED);
}

template class ScratchPlane<std::uint16_t>;
template class ScratchPlane<std::uint32_t>;
template class ScratchPlane<float>;

}  // namespace stroma::tissue
