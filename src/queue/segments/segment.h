#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "queue/segments/block.h"

namespace stroma::queue::segments {

/// A block of a shard, and at most `index_stride` behind it more blocks of the same one.
struct IndexEntry {
    std::uint32_t offset = 0;
    std::uint64_t first = 0;
    std::int64_t arrived_ms = 0;
};
constexpr std::uint32_t index_stride = 64u << 10;

/// What one segment holds of a shard.
struct ShardPart {
    std::uint64_t first = 0, end = 0;  ///< sequence numbers; end is behind the last
    std::int64_t last_arrived_ms = 0;
    std::vector<IndexEntry> entries;  ///< in order
};

/// One file of a stream. The stream guards the fields; the file itself may be read at any time
/// up to `durable`.
struct Segment {
    File file;
    fs::path path;
    SegmentHead head;
    std::uint64_t durable = 0;  ///< bytes that have reached the disk
    std::int64_t first_arrived_ms = 0, last_arrived_ms = 0;
    std::map<std::uint32_t, ShardPart> shards;

    /// Takes note of a block of records that has reached the disk at that offset.
    void note(const BlockHead& block, std::uint64_t offset);
    bool is_empty() const { return durable == head.bytes; }
    /// Names a damaged place.
    Error damaged_at(std::uint64_t offset) const;
};

fs::path segment_path(const fs::path& folder, std::uint64_t number);
/// Makes the file of `head` and opens it; it and its name have reached the disk.
Result<std::shared_ptr<Segment>> begin_segment(const fs::path& folder, SegmentHead head);

/// Writes the segment's first bytes into a new file, which reaches the disk. Segments are held
/// open, so that one which has been dropped meanwhile is copied too.
Result<void> copy_segment(const Segment& segment, std::uint64_t bytes, const fs::path& to);

struct Trim {
    std::uint32_t shard = 0;
    std::uint64_t first = 0;
};
struct OpenedSegment {
    std::shared_ptr<Segment> segment;
    std::vector<Trim> trims;
};
/// Opens a file and reads through it, except where it isn't the last and has an index. An
/// unfinished end of the last segment is cut off; damage before it is logged, and stays for readers
/// to meet. errors  corrupt    the head doesn't check out
///         not_found  of the last one only: it was never finished; it's gone now
Result<OpenedSegment> open_segment(const fs::path& path, bool last);
/// What is damaged in a file that nobody writes, one line for each place; changes nothing.
Result<std::vector<std::string>> check_segment(const fs::path& path, bool last);

/// The numbers of the folder's segments, in order.
Result<std::vector<std::uint64_t>> segment_numbers(const fs::path& folder);

}  // namespace stroma::queue::segments
