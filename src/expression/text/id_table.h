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
    struct Slot {
        std::uint32_t tag = 0, number = none;
    };
    struct Words {
        std::uint64_t low, high;
    };
    static std::uint64_t hash_of(const IdKey& key) {
        const std::uint64_t hash = key.low * 0x9E3779B97F4A7C15u ^ std::rotl(key.high, 29);
        return (hash ^ hash >> 32) * 0xD6E8FEB86659FD93u;
    }
    /// Where the key is, or the empty slot where it would be.
    std::size_t slot_of(const IdKey& key, std::uint64_t hash) const {
        const std::size_t mask = slots_.size() - 1;
        for (std::size_t at = hash >> 32 & mask;; at = (at + 1) & mask) {
            const Slot& slot = slots_[at];
            if (slot.number == none) return at;
            if (slot.tag != static_cast<std::uint32_t>(hash)) continue;
            const Words& words = words_[slot.number];
            if (words.low == key.low && words.high == key.high && same_text(slot.number, key.text))
                return at;
        }
    }
    /// For ids whose words are equal.
    bool same_text(std::uint32_t number, std::string_view text) const {
        const std::string_view known = ids_[number];
        return known.size() == text.size() && (text.size() <= 16 || known == text);
    }
    void grow();

    std::vector<Slot> slots_;   ///< a power of two, at most half full
    std::vector<Words> words_;  ///< of each id
    TextArray ids_;
};

}  // namespace stroma::expression
