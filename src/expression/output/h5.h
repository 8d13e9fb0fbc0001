#pragma once

#include <hdf5.h>

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "expression/array.h"
#include "expression/frame.h"

// What the HDF5 writers share of the C library: handles that close, types as h5py names them,
// datasets whose bytes are the same on every run (no times). libhdf5 locks itself.

namespace stroma::expression {

/// A handle of the HDF5 library; closed when it goes.
class H5Handle {
public:
    using Close = herr_t (*)(hid_t);
    H5Handle() = default;
    H5Handle(hid_t id, Close closer) : id_(id), close_(closer) {}
    H5Handle(H5Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
    H5Handle& operator=(H5Handle&& other) noexcept {
        std::swap(id_, other.id_);
        std::swap(close_, other.close_);
        return *this;
    }
    ~H5Handle() {
        if (id_ >= 0) close_(id_);
    }
    bool is_open() const { return id_ >= 0; }
    hid_t id() const { return id_; }
    /// Closes now and tells whether it worked: a file's last bytes are written here.
    bool close() { return id_ >= 0 && close_(std::exchange(id_, -1)) >= 0; }

private:
    hid_t id_ = -1;
    Close close_ = nullptr;
};

/// The Error for an HDF5 call that failed on `part`, with the library's own innermost words.
Error h5_error(std::string_view doing, std::string_view part);

/// Makes an empty file in the layout of HDF5 1.8 that every reader knows, and silences the
/// library's printing on this thread.
Result<H5Handle> h5_create_file(const fs::path& path);

Result<H5Handle> h5_make_group(hid_t file, const std::string& path);

/// The little-endian type in the file; booleans as h5py's enumeration FALSE, TRUE.
H5Handle h5_type(ValueType type);
H5Handle h5_text_type();  ///< variable length, UTF-8

/// How a dataset lies in the file.
struct H5Storage {
    /// Empty: contiguous, its room reserved at once so its place is known. Else a chunk's shape.
    std::vector<hsize_t> chunk;
    unsigned gzip_level = 0;  ///< with chunks: 0 is none
};
Result<H5Handle> h5_make_dataset(hid_t file, const std::string& path, hid_t type,
                                 std::span<const std::uint64_t> shape,
                                 const H5Storage& storage = {});

/// Writes all of a dataset from memory of the same type.
Result<void> h5_write(const H5Handle& dataset, hid_t type, const void* values,
                      const std::string& path);

/// Writes `count` values of a one-dimensional dataset from number `first` on.
Result<void> h5_write_rows(const H5Handle& dataset, hid_t type, std::uint64_t first,
                           std::uint64_t count, const void* values, const std::string& path);

/// Numbers as a dataset; scalar when the shape is {}.
Result<H5Handle> h5_write_array(hid_t file, const std::string& path, const Array& values,
                                const H5Storage& storage = {});
/// Texts of variable length. errors  invalid_input  a text with a zero byte, which HDF5 ends at
Result<H5Handle> h5_write_texts(hid_t file, const std::string& path,
                                std::span<const std::uint64_t> shape, const TextArray& texts);

Result<void> h5_write_attribute(const H5Handle& object, const std::string& name, hid_t type,
                                std::span<const std::uint64_t> shape, const void* values);
Result<void> h5_write_text_attribute(const H5Handle& object, const std::string& name,
                                     const std::string& text);

}  // namespace stroma::expression
