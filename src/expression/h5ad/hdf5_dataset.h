#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "expression/h5ad/hdf5_driver.h"
#include "expression/h5ad/hdf5_filters.h"
#include "expression/h5ad/hdf5_type.h"

namespace stroma::expression {

/// One dataset of an HDF5 file. Contiguous data is read by pread straight into place; chunks are
/// taken raw (the library finds them) and inflated by us, so reads of several threads run at once.
class Hdf5Dataset {
public:
    /// Looks at the dataset's type, shape, layout and filters and refuses what isn't allowed.
    /// `file` must outlive it.
    /// errors  unsupported    a virtual dataset, external storage, a filter that isn't allowed
    ///         exhausted      a chunk over 64 MiB
    ///         invalid_input  damaged
    static Result<std::shared_ptr<Hdf5Dataset>> open(Hdf5Id id, const File& file,
                                                     std::string place);

    const Hdf5Type& type() const { return type_; }
    const std::vector<std::uint64_t>& shape() const { return shape_; }
    std::size_t rank() const { return shape_.size(); }
    bool is_null() const { return null_; }  ///< h5py.Empty: no value at all
    std::uint64_t value_count() const { return value_count_; }
    std::uint64_t unpacked_bytes() const { return value_count_ * type_.size; }
    bool is_chunked() const { return layout_ == Layout::chunked; }
    const std::vector<std::uint64_t>& chunk() const { return chunk_; }  ///< empty when not chunked
    const std::string& place() const { return place_; }                 ///< "<file>: <path>"

    /// The bytes of the box that starts at `first`, row-major, as they lie in the file.
    /// out.size() is product(count) * type().size. Any thread.
    Result<void> read_box(std::span<const std::uint64_t> first,
                          std::span<const std::uint64_t> count, std::span<std::byte> out) const;
    /// The same for consecutive rows of the first axis.
    Result<void> read_rows(std::uint64_t first, std::uint64_t count,
                           std::span<std::byte> out) const;
    /// All bytes, on all cores.
    Result<Bytes> read_all() const;

private:
    enum class Layout { compact, contiguous, chunked };
    using Index = std::vector<std::uint64_t>;
    struct Chunk {
        Index at;  ///< its first place
        std::shared_ptr<const Bytes> bytes;
    };

    Hdf5Dataset(Hdf5Id id, const File& file, std::string place)
        : id_(std::move(id)), file_(&file), place_(std::move(place)) {}
    Result<void> look_at_shape();
    Result<void> look_at_layout();
    Result<void> look_at_chunks(std::int64_t creation);
    Result<void> look_at_fill(std::int64_t creation);
    Result<void> read_contiguous(const Index& first, const Index& count, std::byte* out) const;
    Result<void> read_chunked(const Index& first, const Index& count, std::byte* out) const;
    Result<std::shared_ptr<const Bytes>> cached_chunk(const Index& at) const;
    Result<void> decode_chunk(const Index& at, std::span<std::byte> out) const;
    void fill(std::span<std::byte> out) const;

    Hdf5Id id_;
    const File* file_;
    std::string place_;
    Hdf5Type type_;
    Index shape_, chunk_;
    std::vector<Hdf5Filter> filters_;
    Layout layout_ = Layout::contiguous;
    bool null_ = false;
    bool is_stored_ = true;  ///< contiguous data was written at all
    std::uint64_t value_count_ = 0, chunk_bytes_ = 0, address_ = 0;
    Bytes fill_;  ///< one value; empty means zeros

    mutable std::mutex cache_mutex_;
    mutable std::vector<Chunk> cache_;  ///< chunks that were used in part, newest last
};

}  // namespace stroma::expression
