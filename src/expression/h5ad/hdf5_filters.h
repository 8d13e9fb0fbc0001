#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace stroma::expression {

/// One step of a chunked dataset's filter pipeline, by its registered number.
struct Hdf5Filter {
    int id = 0;
    std::vector<unsigned> values;  ///< its parameters
    std::string name;              ///< for messages
};

/// errors  unsupported  a filter other than deflate, shuffle, fletcher32, lzf, blosc and zstd, or
///                      two compressors over each other
Result<void> check_filters(const std::vector<Hdf5Filter>& filters);

/// Undoes the filters of one stored chunk. `raw` is used up as scratch space; `out` is the whole
/// chunk and is filled exactly. A set bit i of skipped means filter i wasn't applied.
/// Our own code and the codecs' libraries: no HDF5 call, so any number of threads run at once.
/// errors  invalid_input  damaged data or a checksum that fails
Result<void> undo_filters(const std::vector<Hdf5Filter>& filters, std::uint32_t skipped, Bytes& raw,
                          std::span<std::byte> out);

}  // namespace stroma::expression
