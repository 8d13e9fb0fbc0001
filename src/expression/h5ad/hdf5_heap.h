#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace stroma::expression {

/// Where HDF5 keeps texts of varying length ("global heap collections", HDF5 file format
/// specification III.E), read by us because the library takes a lock and an allocation a text and
/// believes the lengths it finds. One thread.
class Hdf5Heap {
public:
    Hdf5Heap(const File& file, std::uint64_t file_bytes, std::uint64_t base_address)
        : file_(&file), file_bytes_(file_bytes), base_address_(base_address) {}

    /// The object of that number; valid until the next call.
    /// errors  invalid_input  not a heap, outside the file, no such object
    Result<std::string_view> object(std::uint64_t address, std::uint32_t number);

private:
    struct Collection {
        Bytes bytes;
        std::vector<std::pair<std::uint64_t, std::uint64_t>> objects;  ///< offset, size by number
        std::uint64_t last_used = 0;
    };
    Result<Collection*> collection(std::uint64_t address);

    const File* file_;
    std::uint64_t file_bytes_, base_address_, uses_ = 0;
    std::map<std::uint64_t, Collection> collections_;
    std::uint64_t kept_bytes_ = 0;
};

}  // namespace stroma::expression
