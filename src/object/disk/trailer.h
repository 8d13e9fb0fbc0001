#pragma once

#include "base/bytes.h"
#include "base/file.h"
#include "base/usual_or_tiny.h"
#include "object/object_store.h"

namespace stroma::object {

// What follows an object's bytes in its file, little-endian:
//   blocks   u64 checksum64 of each block of the bytes, seeded with the block's number; none where
//            the file was taken in unread
//   record   strings, each a u32 length and its bytes: key, etag, content type; i64 modified ms;
//            u32 number of metadata entries; name and value of each; u32 bytes of a block, 0 for
//            none; u64 checksum64 of the block checksums
//   footer   u64 bytes of the object, u32 bytes of the record, u32 version (1), u64 checksum64 of
//            the record seeded with the object's size, 8 bytes "stromaob"
constexpr std::size_t trailer_footer_bytes = 32;
constexpr std::uint32_t trailer_version = 1;

constexpr std::uint32_t block_bytes = usual_or_tiny(256u << 10, 7u);

/// Checksums of an object's blocks, added in order.
class BlockChecksums {
public:
    void add(ByteSpan block) { checksums_.push_back(checksum_of(checksums_.size(), block)); }
    ByteSpan bytes() const { return std::as_bytes(std::span(checksums_)); }
    static std::uint64_t checksum_of(std::uint64_t number, ByteSpan block);

private:
    std::vector<std::uint64_t> checksums_;
};

struct Trailer {
    ObjectInfo info;
    std::uint32_t block_bytes = 0;  ///< 0: the blocks have no checksums
    std::uint64_t blocks_checksum = 0;

    std::uint64_t block_count() const;
};

/// All that follows the bytes. `blocks` null: the bytes were not read.
Bytes encode_trailer(const ObjectInfo& info, const BlockChecksums* blocks);

/// The trailer from the last bytes of an object's file, `end`, of a file of `file_bytes`. `end`
/// must hold footer and record; when it is too short, gives nothing and sets `wanted`.
/// errors  corrupt  says what doesn't fit    unsupported  a later version
Result<std::optional<Trailer>> decode_trailer(ByteSpan end, std::uint64_t file_bytes,
                                              std::size_t& wanted);

/// Reads the trailer of an open object file and checks that it is that key's.
Result<Trailer> read_trailer(const File& file, std::string_view key);
/// The checksums of the object's blocks; empty where it has none. errors  corrupt
Result<std::vector<std::uint64_t>> read_blocks(const File& file, const Trailer& trailer);

}  // namespace stroma::object
