#include "queue/segments/segment_index.h"

#include "base/digest.h"

namespace stroma::queue::segments {
namespace {

constexpr std::uint64_t index_magic = 0x5844'4e49'5254'5331;  // "1STRINDX"
constexpr std::uint64_t index_bytes_max = 256u << 20;
constexpr std::size_t words_before_shards = 8, shard_words = 5, entry_words = 3;

std::uint64_t seed_of(const SegmentPlace& place) { return place.stream ^ (place.number << 1); }

/// Takes words from the front; all zero once they are used up.
class Words {
public:
    explicit Words(ByteSpan bytes) : rest_(bytes) {}
    std::uint64_t take() {
        if (rest_.size() < 8) return 0;
        const auto word = load<std::uint64_t>(rest_.data());
        rest_ = rest_.subspan(8);
        return word;
    }
    std::int64_t take_time() { return static_cast<std::int64_t>(take()); }
    std::size_t left() const { return rest_.size() / 8; }

private:
    ByteSpan rest_;
};

/// False on what no segment of that size holds.
bool take_part(Words& words, std::uint64_t segment_bytes, ShardPart& part) {
    part.first = words.take();
    part.end = words.take();
    part.last_arrived_ms = words.take_time();
    const std::uint64_t entries = words.take();
    if (part.end < part.first || entries > words.left() / entry_words) return false;
    part.entries.reserve(entries);
    for (std::uint64_t e = 0; e < entries; ++e) {
        const std::uint64_t offset = words.take();
        IndexEntry entry{static_cast<std::uint32_t>(offset), words.take(), words.take_time()};
        const bool rises = part.entries.empty() || part.entries.back().offset < offset;
        if (!rises || offset >= segment_bytes || offset % 8 != 0) return false;
        part.entries.push_back(entry);
    }
    return true;
}

}  // namespace

fs::path index_path(const fs::path& segment) {
    fs::path path = segment;
    return path.replace_extension(".index");
}

Bytes index_bytes(const Segment& segment) {
    std::vector<std::uint64_t> words = {index_magic,
                                        0,
                                        segment.head.place.stream,
                                        segment.head.place.number,
                                        segment.durable,
                                        static_cast<std::uint64_t>(segment.first_arrived_ms),
                                        static_cast<std::uint64_t>(segment.last_arrived_ms),
                                        segment.shards.size()};
    for (const auto& [shard, part] : segment.shards) {
        words.insert(words.end(),
                     {shard, part.first, part.end, static_cast<std::uint64_t>(part.last_arrived_ms),
                      part.entries.size()});
        for (const IndexEntry& entry : part.entries)
            words.insert(words.end(),
                         {entry.offset, entry.first, static_cast<std::uint64_t>(entry.arrived_ms)});
    }
    const auto rest = std::as_bytes(std::span(words).subspan(2));
    words[1] = checksum64(rest, seed_of(segment.head.place));
    const auto bytes = std::as_bytes(std::span(words));
    return {bytes.begin(), bytes.end()};
}

bool parse_index(ByteSpan bytes, Segment& segment, std::uint64_t segment_bytes) {
    Words words(bytes);
    if (bytes.size() % 8 != 0 || words.left() < words_before_shards) return false;
    if (words.take() != index_magic ||
        words.take() != checksum64(bytes.subspan(16), seed_of(segment.head.place)) ||
        words.take() != segment.head.place.stream || words.take() != segment.head.place.number ||
        words.take() != segment_bytes)
        return false;
    const std::int64_t first_arrived = words.take_time(), last_arrived = words.take_time();
    const std::uint64_t count = words.take();
    if (count > words.left() / shard_words) return false;
    std::map<std::uint32_t, ShardPart> shards;
    for (std::uint64_t s = 0; s < count; ++s) {
        const auto shard = static_cast<std::uint32_t>(words.take());
        if (!take_part(words, segment_bytes, shards[shard])) return false;
    }
    segment.first_arrived_ms = first_arrived;
    segment.last_arrived_ms = last_arrived;
    segment.shards = std::move(shards);
    segment.durable = segment_bytes;
    return true;
}

Result<void> write_index(const Segment& segment) {
    return replace_file(index_path(segment.path), index_bytes(segment));
}

bool read_index(Segment& segment, std::uint64_t bytes) {
    const auto text = read_file(index_path(segment.path), index_bytes_max);
    return text && parse_index(as_bytes(*text), segment, bytes);
}

}  // namespace stroma::queue::segments
