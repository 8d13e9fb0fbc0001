#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "expression/array.h"
#include "expression/output/anndata_layout.h"
#include "expression/output/pending_output.h"

namespace stroma::expression {

enum class ZarrCodec : std::uint8_t { none, lz4, zstd, gzip };
/// errors  unsupported  names the codecs
Result<ZarrCodec> zarr_codec(std::string_view compression);

inline constexpr int zarr_gzip_level = 1;
/// A blosc stream of `bytes` in blocks of `block_bytes` (0: blosc chooses); lz4 or zstd, shuffled.
/// At most 2 GiB. Any thread.
void compress_blosc(ByteSpan bytes, std::size_t value_bytes, ZarrCodec codec,
                    std::size_t block_bytes, Bytes& out);

/// What a .zarray file says of an array.
struct ZarrDescription {
    std::vector<std::uint64_t> shape, chunks;
    std::string dtype;                 ///< JSON: "\"<f4\"" or a list of fields
    std::string fill = "0";            ///< JSON
    bool texts_of_any_length = false;  ///< filter vlen-utf8
    ZarrCodec codec = ZarrCodec::lz4;
    std::size_t value_bytes = 1;  ///< blosc's type size
};

/// Zarr's name of a type, in JSON's quotes: "\"<i4\"", "\"|b1\"".
std::string zarr_dtype(ValueType type);

/// A Zarr store in a folder: groups, array descriptions, attributes and chunks as files.
class ZarrFolder {
public:
    ZarrFolder(const PendingOutput& output, bool durable) : output_(output), durable_(durable) {}

    Result<void> add_group(const std::string& path, const Attributes& attributes);
    Result<void> add_array(const std::string& path, const ZarrDescription& array,
                           const Attributes& attributes);
    /// Compresses a whole chunk (edges filled up) and writes it. Any thread.
    Result<void> add_chunk(const std::string& path, const ZarrDescription& array,
                           std::string_view chunk_name, ByteSpan bytes);
    /// Makes a chunk's file, for a caller that writes it in pieces and says how much it wrote.
    Result<File> make_chunk(const std::string& path, std::string_view chunk_name) const;
    Result<void> finish_chunk(File& file, std::uint64_t bytes);
    /// Writes .zmetadata, which holds all groups' and arrays' descriptions.
    Result<void> consolidate();
    std::uint64_t bytes() const { return bytes_; }

private:
    Result<void> add_json(const std::string& name, const std::string& json);
    Result<void> add_attributes(const std::string& path, const Attributes& attributes);

    const PendingOutput& output_;
    bool durable_;
    std::atomic<std::uint64_t> bytes_{0};
    std::map<std::string, std::string> described_;
};

}  // namespace stroma::expression
