#pragma once

#include "base/file.h"
#include "queue/segments/segment.h"

namespace stroma::queue::segments {

/// "0000000000000007.index" beside "0000000000000007.segment": where in a finished segment which
/// records lie, so that an opening needn't read it. It says nothing that the segment doesn't, and
/// may be missing. Little-endian: u64 magic, u64 XXH3 of the rest seeded by stream and number, then
/// u64 stream, number, bytes of the segment, i64 first and last arrival, u64 shards; of each u64
/// shard, first, end, i64 last arrival, u64 entries; of each u64 offset, first, i64 arrival.
fs::path index_path(const fs::path& segment);

/// Errors are the caller's to ignore.
Result<void> write_index(const Segment& segment);
/// Fills in the segment from its index; false when there is none that fits a file of that many
/// bytes with that head.
bool read_index(Segment& segment, std::uint64_t bytes);

/// The index's bytes, and back: nothing unless they are whole and `place`'s.
Bytes index_bytes(const Segment& segment);
bool parse_index(ByteSpan bytes, Segment& segment, std::uint64_t segment_bytes);

}  // namespace stroma::queue::segments
