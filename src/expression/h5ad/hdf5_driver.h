#pragma once

#include <cstdint>

#include "base/file.h"
#include "base/result.h"

namespace stroma::expression {

/// A handle of the HDF5 library that closes when it goes; -1 is none.
class Hdf5Id {
public:
    Hdf5Id() = default;
    explicit Hdf5Id(std::int64_t id) : id_(id) {}
    Hdf5Id(Hdf5Id&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
    Hdf5Id& operator=(Hdf5Id&& other) noexcept {
        std::swap(id_, other.id_);
        return *this;
    }
    ~Hdf5Id();
    std::int64_t get() const { return id_; }
    bool is_open() const { return id_ >= 0; }

private:
    std::int64_t id_ = -1;
};

/// Opens an HDF5 file for reading through its descriptor alone: the library never sees a path, so
/// links, virtual datasets and external storage in the file can't make it open another. `file`
/// must outlive the handle.
/// errors  invalid_input  "not an HDF5 file", "truncated", a damaged superblock
Result<Hdf5Id> open_hdf5(const File& file);

/// Keeps the library from printing its errors on this thread. Called before every use of it.
void quiet_hdf5();
/// What the library said of its last failure on this thread, in its own words.
std::string hdf5_failure();

}  // namespace stroma::expression
