#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

#include "expression/array.h"

namespace stroma::expression {

/// An id as two words: its bytes when it has at most 16, else its hash.
struct IdKey {
    std::uint64_t low = 0, high = 0;
    std::string_view text;

    explicit IdKey(std::string_view id);
    /// The same where 16 bytes from text.data() on can be read, however short the text is.
    static IdKey of_padded(std::string_view id) {
        if (id.size() > 16) return IdKey(id);
        IdKey key;
        key.text = id;
        std::memcpy(&key.low, id.data(), 8);
        std::memcpy(&key.high, id.data() + 8, 8);
        key.low &= first_bytes(id.size());
        key.high &= first_bytes(id.size() < 8 ? 0 : id.size() - 8);
        return key;
    }
    bool equals(const IdKey& other) const {
        return low == other.low && high == other.high && text.size() == other.text.size() &&
               (text.size() <= 16 || text == other.text);
    }

private:
    friend class IdTable;
    IdKey() = default;
    static std::uint64_t first_bytes(std::size_t count) {
        static_assert(std::endian::native == std::endian::little);
        return count >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * count)) - 1;
    }
};

/// Ids numbered in the order they are added. Several threads may find while none adds.
class IdTable {
public:
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

    std::uint32_t find(const IdKey& key) const {
        return slots_.empty() ? none : slots_[slot_of(key, hash_of(key))].number;
    }
    /// Fetches what finding the key will need first.
    void prefetch(const IdKey& key) const {
        if (!slots_.empty()) __builtin_prefetch(&slots_[hash_of(key) >> 32 & (slots_.size() - 1)]);
    }
    /// The id's number, a new one when it has none.
    std::uint32_t add(const IdKey& key);
    std::size_t size() const { return ids_.size(); }
    const TextArray& ids() const { return ids_; }

private:
    /// Its tag holds, below bits of the hash, the id's length: 0 to 16, or 17 for a longer one.
    struct Slot {
        std::uint32_t tag = 0, number = none;
    };
    struct Words {
        std::uint64_t low, high;
    };
    static constexpr std::uint32_t long_id = 17, length_mask = 31;

    static std::uint64_t hash_of(const IdKey& key) {
        const std::uint64_t hash = key.low * 0x9E3779B97F4A7C15u ^ std::rotl(key.high, 29);
        return (hash ^ hash >> 32) * 0xD6E8FEB86659FD93u;
    }
    static std::uint32_t tag_of(const IdKey& key, std::uint64_t hash) {
        const std::size_t length = key.text.size() <= 16 ? key.text.size() : long_id;
        return (static_cast<std::uint32_t>(hash) & ~length_mask) |
               static_cast<std::uint32_t>(length);
    }
    /// Where the key is, or the empty slot where it would be.
    std::size_t slot_of(const IdKey& key, std::uint64_t hash) const {
        const std::size_t mask = slots_.size() - 1;
        const std::uint32_t tag = tag_of(key, hash);
        for (std::size_t at = hash >> 32 & mask;; at = (at + 1) & mask) {
            const Slot& slot = slots_[at];
            if (slot.number == none) return at;
            if (slot.tag != tag) continue;
            const Words& words = words_[slot.number];
            if (words.low != key.low || words.high != key.high) continue;
            // Of a short id the words are the text, and the tag its length.
            if ((tag & length_mask) != long_id || ids_[slot.number] == key.text) return at;
        }
    }
    void grow();

    std::vector<Slot> slots_;   ///< a power of two, at most half full
    std::vector<Words> words_;  ///< of each id
    TextArray ids_;
};

}  // namespace stroma::expression
