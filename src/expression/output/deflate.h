#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace stroma::expression {

/// The containers a whole piece can be deflated into by libdeflate.
enum class Deflated : std::uint8_t { gzip, zlib };

/// Replaces `out` with `bytes` deflated at `level` (1 … 12). Any thread; the same bytes always.
void deflate_whole(ByteSpan bytes, Deflated container, int level, Bytes& out);

/// A piece of a longer raw deflate stream: ends on a byte, is not the last. Pieces may be joined;
/// `deflate_end` ends the stream.
void deflate_piece(ByteSpan bytes, Bytes& out);
/// The same of bytes that wouldn't get smaller: they are copied, with 5 more for each 65,535.
void stored_blocks(ByteSpan bytes, Bytes& out);
inline constexpr std::byte deflate_end[] = {std::byte{3}, std::byte{0}};

/// CRC-32 as gzip and zip mean it; `crc_of_both` is that of two pieces one behind the other.
std::uint32_t crc32_of(ByteSpan bytes, std::uint32_t so_far = 0);
std::uint32_t crc_of_both(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes);

}  // namespace stroma::expression
