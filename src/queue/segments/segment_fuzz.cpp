#include <cstdint>

#include "base/digest.h"
#include "queue/segments/segment_index.h"

namespace {

using namespace stroma;
using namespace stroma::queue::segments;

/// A block of records whose checksum is right, whatever stands in it.
void read_block(ByteSpan data) {
    const SegmentPlace place{7, 1};
    BlockHead head;
    Bytes block(sizeof head);
    block.insert(block.end(), data.begin(), data.end());
    block.resize((block.size() + 7) / 8 * 8);
    head.length = static_cast<std::uint32_t>(block.size() - sizeof head);
    head.count = data.empty() ? 0 : static_cast<std::uint32_t>(data[0]) * 1000;
    std::memcpy(block.data(), &head, sizeof head);
    seal_block(block, place, 64, 0);
    const auto checked = check_block(block, place, 64);
    if (!checked) __builtin_trap();
    BlockRecords records(*checked, block);
    std::string_view key, text;
    std::size_t bytes = 0;
    while (records.next(key, text)) bytes += key.size() + text.size() + 8;
    if (bytes > block.size()) __builtin_trap();
}

/// An index whose checksum is right.
void read_as_index(ByteSpan data) {
    Segment segment;
    segment.head.place = {7, 1};
    segment.durable = 1u << 20;
    Bytes index = index_bytes(segment);
    index.resize(16 + 5 * 8);  // up to the first arrival
    index.insert(index.end(), data.begin(), data.end());
    index.resize((index.size() + 7) / 8 * 8);
    const std::uint64_t checksum = checksum64(ByteSpan(index).subspan(16), 7 ^ 2);
    std::memcpy(index.data() + 8, &checksum, 8);
    if (!parse_index(index, segment, 1u << 20)) return;
    for (const auto& [shard, part] : segment.shards)
        for (const IndexEntry& entry : part.entries)
            if (entry.offset >= segment.durable) __builtin_trap();
}

}  // namespace

/// As the start of a file, as the records of a block and as an index.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteSpan bytes = std::as_bytes(std::span(data, size));
    if (const auto head = parse_head(bytes); head && head->bytes > size) __builtin_trap();
    (void)check_block(bytes, {7, 1}, 0);
    if (const auto head = peek_block(bytes)) (void)BlockRecords(*head, bytes);
    read_block(bytes);
    read_as_index(bytes);
    return 0;
}
