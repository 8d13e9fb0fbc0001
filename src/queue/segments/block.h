#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "queue/growing_stream.h"

// What a segment file looks like. Little-endian; everything starts at a multiple of 8 bytes.
//
//   head    56 bytes, then for each shard two u64: next sequence number, first one not trimmed
//   block   56 bytes, then its records: u32 key bytes, u32 data bytes, key, data
//   block   …
//
// Both checksums are XXH3 of what follows them, seeded by the stream's identity, the segment's
// number and the place in the file: a right block in a wrong place fails its check.

namespace stroma::queue::segments {

struct SegmentPlace {
    std::uint64_t stream = 0;  ///< the stream's identity
    std::uint64_t number = 0;  ///< the segment's
};

/// Where a shard stood when a segment was begun.
struct ShardStand {
    std::uint64_t next = 1;
    std::uint64_t first = 0;  ///< records before it were trimmed
};

struct SegmentHead {
    SegmentPlace place;
    std::int64_t begun_ms = 0;
    std::vector<ShardStand> shards;
    std::size_t bytes = 0;  ///< of the head in the file
};

Bytes head_bytes(const SegmentHead& head);
/// nothing when these aren't the first bytes of a whole head.
std::optional<SegmentHead> parse_head(ByteSpan file);

enum class BlockKind : std::uint32_t { records = 1, trim = 2 };

/// A block's first 56 bytes, as they lie in the file.
struct BlockHead {
    static constexpr std::uint32_t magic_value = 0x42'52'54'53;  // "STRB"
    std::uint32_t magic = magic_value;
    BlockKind kind = BlockKind::records;
    std::uint64_t checksum = 0;  ///< of all that follows, to the block's end
    std::uint32_t length = 0;    ///< of what follows the head, a multiple of 8
    std::uint32_t shard = 0;
    std::uint64_t first = 0;  ///< the first record's sequence number; of a trim, what is kept
    std::int64_t arrived_ms = 0;
    std::uint32_t count = 0;
    std::uint32_t unused = 0;
    /// How much of the segment had reached the disk when this was written. A block that doesn't
    /// check out before it was acknowledged once, and is damage; behind it, it's an unfinished end.
    std::uint64_t synced = 0;
};
static_assert(sizeof(BlockHead) == 56);

/// Appends a block to `to`, without checksum; gives where in `to` it begins.
std::size_t append_block(Bytes& to, BlockHead head, std::span<const Arrival* const> records);
/// Puts `synced` and the checksum into the block at the start of `block`, which will lie at
/// `offset`; gives its whole length.
std::size_t seal_block(std::span<std::byte> block, const SegmentPlace& place, std::uint64_t offset,
                       std::uint64_t synced);
/// The head of the whole block at the start of `bytes`, if one is there and checks out.
std::optional<BlockHead> check_block(ByteSpan bytes, const SegmentPlace& place,
                                     std::uint64_t offset);
/// The head alone, not checked: nothing when it can't be one.
std::optional<BlockHead> peek_block(ByteSpan bytes);

/// Goes through the records of a checked block.
class BlockRecords {
public:
    BlockRecords(const BlockHead& head, ByteSpan block);
    /// False at the end, and on lengths that don't fit.
    bool next(std::string_view& key, std::string_view& data);

private:
    std::uint32_t left_;
    ByteSpan rest_;
};

}  // namespace stroma::queue::segments
