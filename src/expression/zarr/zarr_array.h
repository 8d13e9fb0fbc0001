#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "expression/array.h"
#include "expression/frame.h"
#include "expression/zarr/zarr_store.h"

namespace stroma::expression {

/// What one element of a Zarr array is.
struct ZarrType {
    enum class Kind { number, half, fixed_bytes, fixed_unicode, vlen_utf8, record };
    Kind kind = Kind::number;
    ValueType number = ValueType::float64;
    std::size_t bytes = 8;  ///< of one element as stored; 0 for vlen_utf8
    bool is_big_endian = false;
    std::string name;              ///< of a field
    std::vector<ZarrType> fields;  ///< of a record
};

class ShardIndexes;

/// The checked content of a .zarray file (Zarr version 2), or of an array's zarr.json (version 3).
struct ZarrArray {
    std::string path;  ///< of the array; chunks lie at path/0.0
    /// Of version 3: how many chunks along each axis lie together in one value, with an index of
    /// them; empty where each chunk is a value of its own.
    std::vector<std::uint64_t> per_shard;
    bool index_comes_first = false, index_has_checksum = false, chunks_have_checksum = false;
    std::shared_ptr<ShardIndexes> indexes;  ///< those read last
    std::vector<std::uint64_t> shape, chunks;
    ZarrType type;
    std::string compressor;  ///< "", "blosc", "zlib", "gzip", "zstd", "lz4"
    bool is_column_major = false;
    char separator = '.';
    bool has_chunk_prefix = false;  ///< chunks lie at path/c/0/0, as version 3 has it
    Bytes fill;                     ///< one element; zeros when there is none
    std::string fill_text;

    std::uint64_t element_count() const;
    std::uint64_t chunk_elements() const;
    std::uint64_t chunk_bytes() const { return chunk_elements() * type.bytes; }
    /// The key of the value that holds the chunk.
    std::string chunk_key(const std::vector<std::uint64_t>& place) const;
};

/// What is wrong at a place of a store: "<place>: <what>".
tl::unexpected<Error> bad_zarr(const std::string& place, std::string_view what);

/// Whether an array is described there, of version 2 or 3.
bool has_zarr_array(const ZarrStore& store, std::string_view path);

/// Reads and checks path/.zarray, or else path/zarr.json.
/// errors  invalid_input  chunks of 0, shapes and chunks of different length, pickled objects
///         exhausted      more than 2^48 elements, a chunk over 1 GiB
///         unsupported    another version, type, compressor, filter or codec (by its name)
Result<ZarrArray> open_zarr_array(const ZarrStore& store, std::string_view path);

/// A chunk's bytes as they are packed, out of its shard where it lies in one, its checksum checked
/// and cut off; nothing when it isn't stored. errors  invalid_input  a damaged shard, index or sum
Result<std::optional<Bytes>> read_packed_chunk(const ZarrStore& store, const ZarrArray& array,
                                               const std::vector<std::uint64_t>& place);

/// A chunk's bytes unpacked; a chunk that isn't stored is all fill values. Not for vlen_utf8.
Result<Bytes> read_zarr_chunk(const ZarrStore& store, const ZarrArray& array,
                              const std::vector<std::uint64_t>& place);

/// The whole array; `bytes_max` bounds what it may become in memory, and a shape that its stored
/// bytes can't account for (1,000 : 1 past 64 MiB) is a "bomb".
Result<Array> read_zarr_numbers(const ZarrStore& store, const ZarrArray& array,
                                std::uint64_t bytes_max);
Result<TextArray> read_zarr_texts(const ZarrStore& store, const ZarrArray& array,
                                  std::uint64_t bytes_max);
Result<Records> read_zarr_records(const ZarrStore& store, const ZarrArray& array,
                                  std::uint64_t bytes_max);
bool holds_texts(const ZarrArray& array);

/// Elements as stored → numbers as we keep them: little-endian, half floats widened.
Bytes to_native(Bytes bytes, const ZarrType& type);
/// The type that to_native gives.
ValueType native_type(const ZarrType& type);

}  // namespace stroma::expression
