#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace stroma::expression {

/// Whether a compressor of that numcodecs id is read.
bool knows_codec(std::string_view codec);

/// Unpacks one chunk. `expected` bytes exactly, or 0 when only `bytes_max` bounds it. Headers are
/// checked against these before anything is allocated.
/// errors  invalid_input  damaged, or of another size (the message says how, not where)
Result<Bytes> unpack_chunk(std::string_view codec, Bytes packed, std::uint64_t expected,
                           std::uint64_t bytes_max);

/// Whether `packed` is a sound blosc chunk of exactly `expected` bytes in items of `item_bytes`, so
/// that parts of it can be unpacked by unpack_items.
bool has_blosc_items(ByteSpan packed, std::uint64_t expected, std::size_t item_bytes);
/// Items [first, first + count) of a chunk that has_blosc_items approved.
Result<void> unpack_items(ByteSpan packed, std::uint64_t first, std::uint64_t count,
                          std::size_t item_bytes, std::byte* to);

}  // namespace stroma::expression
