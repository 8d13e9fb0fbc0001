#include "queue/segments/block.h"

#include "base/digest.h"

namespace stroma::queue::segments {
namespace {

constexpr std::uint32_t head_magic = 0x53'52'54'53;  // "STRS"
constexpr std::uint32_t format_version = 1;
constexpr std::size_t head_fixed_bytes = 56;
constexpr std::size_t block_checked_from = 16;
constexpr std::uint32_t shards_max = 1u << 20;

std::uint64_t seed_of(const SegmentPlace& place, std::uint64_t offset) {
    std::uint64_t seed = place.stream;
    for (const std::uint64_t part : {place.number, offset}) {
        seed = (seed ^ part) * 0x9e3779b97f4a7c15ull;
        seed ^= seed >> 29;
    }
    return seed;
}

}  // namespace

Bytes head_bytes(const SegmentHead& head) {
    Bytes bytes(head_fixed_bytes + head.shards.size() * sizeof(ShardStand));
    std::byte* const at = bytes.data();
    store(at, head_magic);
    store(at + 4, format_version);
    store(at + 16, head.place.stream);
    store(at + 24, head.place.number);
    store(at + 32, head.begun_ms);
    store(at + 40, static_cast<std::uint32_t>(head.shards.size()));
    std::byte* stand = at + head_fixed_bytes;
    for (const ShardStand& shard : head.shards) {
        store(stand, shard.next);
        store(stand + 8, shard.first);
        stand += sizeof(ShardStand);
    }
    store(at + 8, checksum64(ByteSpan(bytes).subspan(16), seed_of(head.place, 0)));
    return bytes;
}

std::optional<SegmentHead> parse_head(ByteSpan file) {
    if (file.size() < head_fixed_bytes) return std::nullopt;
    const std::byte* const at = file.data();
    if (load<std::uint32_t>(at) != head_magic || load<std::uint32_t>(at + 4) != format_version)
        return std::nullopt;
    const auto shards = load<std::uint32_t>(at + 40);
    const std::size_t bytes = head_fixed_bytes + std::size_t{shards} * sizeof(ShardStand);
    if (shards > shards_max || file.size() < bytes) return std::nullopt;
    SegmentHead head;
    head.place = {load<std::uint64_t>(at + 16), load<std::uint64_t>(at + 24)};
    head.begun_ms = load<std::int64_t>(at + 32);
    head.bytes = bytes;
    if (load<std::uint64_t>(at + 8) !=
        checksum64(file.subspan(16, bytes - 16), seed_of(head.place, 0)))
        return std::nullopt;
    for (std::uint32_t s = 0; s < shards; ++s) {
        const std::byte* const stand = at + head_fixed_bytes + s * sizeof(ShardStand);
        head.shards.push_back({load<std::uint64_t>(stand), load<std::uint64_t>(stand + 8)});
    }
    return head;
}

std::size_t append_block(Bytes& to, BlockHead head, std::span<const Arrival* const> records) {
    std::size_t length = 0;
    for (const Arrival* record : records)
        length += 8 + record->partition_key.size() + record->data.size();
    const std::size_t padded = (length + 7) / 8 * 8;
    head.length = static_cast<std::uint32_t>(padded);
    head.count = static_cast<std::uint32_t>(records.size());
    const std::size_t begin = to.size();
    to.resize(begin + sizeof head + padded);
    std::byte* at = to.data() + begin;
    store(at, head);
    at += sizeof head;
    for (const Arrival* record : records) {
        store(at, static_cast<std::uint32_t>(record->partition_key.size()));
        store(at + 4, static_cast<std::uint32_t>(record->data.size()));
        at += 8;
        std::memcpy(at, record->partition_key.data(), record->partition_key.size());
        at += record->partition_key.size();
        std::memcpy(at, record->data.data(), record->data.size());
        at += record->data.size();
    }
    return begin;
}

std::size_t seal_block(std::span<std::byte> block, const SegmentPlace& place, std::uint64_t offset,
                       std::uint64_t synced) {
    auto head = load<BlockHead>(block.data());
    head.synced = synced;
    store(block.data(), head);
    const std::size_t whole = sizeof head + head.length;
    head.checksum = checksum64(block.subspan(block_checked_from, whole - block_checked_from),
                               seed_of(place, offset));
    store(block.data(), head);
    return whole;
}

std::optional<BlockHead> peek_block(ByteSpan bytes) {
    if (bytes.size() < sizeof(BlockHead)) return std::nullopt;
    const auto head = load<BlockHead>(bytes.data());
    if (head.magic != BlockHead::magic_value || head.length % 8 != 0) return std::nullopt;
    if (head.kind != BlockKind::records && head.kind != BlockKind::trim) return std::nullopt;
    return head;
}

std::optional<BlockHead> check_block(ByteSpan bytes, const SegmentPlace& place,
                                     std::uint64_t offset) {
    const auto head = peek_block(bytes);
    if (!head || bytes.size() < sizeof(BlockHead) + head->length) return std::nullopt;
    const std::size_t checked = sizeof(BlockHead) + head->length - block_checked_from;
    if (head->checksum !=
        checksum64(bytes.subspan(block_checked_from, checked), seed_of(place, offset)))
        return std::nullopt;
    return head;
}

BlockRecords::BlockRecords(const BlockHead& head, ByteSpan block)
    : left_(head.count), rest_(block.subspan(sizeof(BlockHead), head.length)) {}

bool BlockRecords::next(std::string_view& key, std::string_view& data) {
    if (left_ == 0 || rest_.size() < 8) return false;
    const auto key_bytes = load<std::uint32_t>(rest_.data());
    const auto data_bytes = load<std::uint32_t>(rest_.data() + 4);
    rest_ = rest_.subspan(8);
    if (rest_.size() < std::size_t{key_bytes} + data_bytes) return false;
    key = as_text(rest_.first(key_bytes));
    data = as_text(rest_.subspan(key_bytes, data_bytes));
    rest_ = rest_.subspan(key_bytes + data_bytes);
    --left_;
    return true;
}

}  // namespace stroma::queue::segments
