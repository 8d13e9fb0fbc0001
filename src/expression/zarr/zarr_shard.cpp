#include "expression/zarr/zarr_shard.h"

#include <fmt/format.h>

#include <array>

namespace stroma::expression {
namespace {

constexpr std::uint64_t entry_bytes = 16, checksum_bytes = 4;
constexpr std::uint64_t not_stored = ~std::uint64_t{0};

/// CRC-32C (Castagnoli), bit-reflected, a byte at a time.
constexpr auto crc_table = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < table.size(); ++i) {
        std::uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (value & 1 ? 0x82f63b78u : 0u);
        table[i] = value;
    }
    return table;
}();

std::uint32_t crc32c(ByteSpan bytes) {
    std::uint32_t value = ~0u;
    for (const std::byte one : bytes)
        value = (value >> 8) ^ crc_table[(value ^ static_cast<std::uint8_t>(one)) & 0xff];
    return ~value;
}

/// Checks and cuts off the four bytes behind what they are the checksum of.
Result<void> cut_checksum(Bytes& bytes, const std::string& place, std::string_view what) {
    if (bytes.size() < checksum_bytes)
        return bad_zarr(place, fmt::format("{} is too short for its checksum", what));
    const auto expected = load<std::uint32_t>(bytes.data() + bytes.size() - checksum_bytes);
    bytes.resize(bytes.size() - checksum_bytes);
    if (crc32c(bytes) != expected)
        return bad_zarr(place, fmt::format("the checksum of {} is wrong", what));
    return {};
}

}  // namespace

Result<std::shared_ptr<const Bytes>> ShardIndexes::get(const ZarrStore& store,
                                                       const ZarrArray& array,
                                                       const std::string& key) {
    const std::lock_guard lock(mutex_);
    if (const auto found = kept_.find(key); found != kept_.end()) return found->second;
    std::uint64_t count = 1;
    for (const std::uint64_t along : array.per_shard) count *= along;
    const std::uint64_t bytes =
        count * entry_bytes + (array.index_has_checksum ? checksum_bytes : 0);
    const std::uint64_t size = store.size(key);
    if (size < bytes) return bad_zarr(store.place(key), "the shard is shorter than its index");
    Bytes index = TRY(store.get_part(key, array.index_comes_first ? 0 : size - bytes, bytes));
    if (array.index_has_checksum) TRY(cut_checksum(index, store.place(key), "its index"));
    if (kept_.size() >= kept_max) kept_.erase(kept_.begin());
    return kept_.emplace(key, std::make_shared<const Bytes>(std::move(index))).first->second;
}

Result<std::optional<Bytes>> read_packed_chunk(const ZarrStore& store, const ZarrArray& array,
                                               const std::vector<std::uint64_t>& place) {
    const std::string key = array.chunk_key(place);
    if (!store.has(key)) return std::nullopt;
    Bytes packed;
    if (array.per_shard.empty()) {
        packed = TRY(store.get(key));
    } else {
        const auto index = TRY(array.indexes->get(store, array, key));
        std::uint64_t at = 0;
        for (std::size_t i = 0; i < place.size(); ++i)
            at = at * array.per_shard[i] + place[i] % array.per_shard[i];
        const auto first = load<std::uint64_t>(index->data() + at * entry_bytes);
        const auto bytes = load<std::uint64_t>(index->data() + at * entry_bytes + 8);
        if (first == not_stored && bytes == not_stored) return std::nullopt;
        const std::uint64_t size = store.size(key);
        if (first > size || bytes > size - first)
            return bad_zarr(store.place(key), fmt::format("chunk {} lies past its end", at));
        packed = TRY(store.get_part(key, first, bytes));
    }
    if (array.chunks_have_checksum) TRY(cut_checksum(packed, store.place(key), "a chunk"));
    return packed;
}

}  // namespace stroma::expression
