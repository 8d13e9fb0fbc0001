#pragma once

#include "base/bytes.h"
#include "base/file.h"
#include "object/object_store.h"

namespace stroma::object {

// What follows an object's bytes in its file, little-endian:
//   record   strings, each a u32 length and its bytes: key, etag, content type; then i64 modified
//            ms; u32 number of metadata entries; name and value of each
//   footer   u64 bytes of the object, u32 bytes of the record, u32 version (1), u64 checksum64 of
//            the record seeded with the object's size, 8 bytes "stromaob"
constexpr std::size_t trailer_footer_bytes = 32;
constexpr std::uint32_t trailer_version = 1;

Bytes encode_trailer(const ObjectInfo& info);

/// The ObjectInfo from the last bytes of an object's file, `end`, of a file of `file_bytes`. `end`
/// must hold the whole trailer; when it is too short, gives nothing and sets `wanted` to its size.
/// errors  corrupt  says what doesn't fit    unsupported  a later version
Result<std::optional<ObjectInfo>> decode_trailer(ByteSpan end, std::uint64_t file_bytes,
                                                 std::size_t& wanted);

/// Reads the trailer of an open object file and checks that it is that key's.
Result<ObjectInfo> read_trailer(const File& file, std::string_view key);

}  // namespace stroma::object
