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

    IdKey() = default;  ///< of no text
    explicit IdKey(std::string_view id);
    /// The same where 16 bytes from text.data() on can be read, however short the text is.
    static IdKey of_padded(std::string_view id) {
        IdKey key;
        key.set_padded(id);
        return key;
    }
    /// The same in place: a copy would wait for what has just been stored in smaller parts.
    void set_padded(std::string_view id) {
        if (id.size() > 16) {
            *this = IdKey(id);
            return;
        }
        text = id;
        std::memcpy(&low, id.data(), 8);
        std::memcpy(&high, id.data() + 8, 8);
        low &= first_bytes(id.size());
        high &= first_bytes(id.size() < 8 ? 0 : id.size() - 8);
    }
    bool equals(const IdKey& other) const {
        return low == other.low && high == other.high && text.size() == other.text.size() &&
               (text.size() <= 16 || text == other.text);
    }

private:
    friend class IdTable;
    static std::uint64_t first_bytes(std::size_t count) {
        static_assert(std::endian::native == std::endian::little);
        return count >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * count)) - 1;
    }
};

/// Ids numbered in the order they are added. Several threads may find while none adds. Texts mostly
/// name ids in an order (a cell's genes rise), so ids that differ in their digits alone lie side by
/// side: who looks them up in order goes through memory in order.
class IdTable {
public:
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

    std::uint32_t find(const IdKey& key) const { return find_at(place_of(key), key); }
    /// In two steps, with others' first ones between: fetches what finding the key will need and
    /// gives where that is, then finds it there.
    std::uint64_t prefetch(const IdKey& key) const {
        const std::uint64_t place = place_of(key);
        if (!slots_.empty()) __builtin_prefetch(&slots_[place & (slots_.size() - 1)]);
        return place;
    }
    std::uint32_t find_at(std::uint64_t place, const IdKey& key) const {
        return slots_.empty() ? none : slots_[slot_of(place, key)].number;
    }
    /// The id's number, a new one when it has none.
    std::uint32_t add(const IdKey& key);
    std::size_t size() const { return ids_.size(); }
    const TextArray& ids() const { return ids_; }

private:
    /// Two in a line of the cache. A length of long_id stands for every one above 16.
    struct alignas(32) Slot {
        std::uint64_t low = 0, high = 0;
        std::uint32_t length = 0, number = none;
    };
    static constexpr std::uint32_t long_id = 17;

    static std::uint32_t length_of(const IdKey& key) {
        return key.text.size() <= 16 ? static_cast<std::uint32_t>(key.text.size()) : long_id;
    }
    /// The number that its last eight characters would be as digits, beside one that is the same
    /// for all ids whose other characters are.
    static std::uint64_t place_of(const IdKey& key) {
        const std::size_t length = key.text.size();
        std::uint64_t last = key.low, first = 0;
        if (length > 8 && length <= 16) {
            const unsigned shift = 8 * static_cast<unsigned>(length - 8);
            last = length == 16 ? key.high : key.low >> shift | key.high << (64 - shift);
            first = length == 16 ? key.low : key.low << (64 - shift);
        } else if (length > 0 && length < 8) {
            // As if zeros stood before it, so that 999 and 1000 are neighbours.
            const unsigned missing = 8 * static_cast<unsigned>(8 - length);
            last = last << missing | (0x3030303030303030u >> (64 - missing));
        } else if (length > 16) {
            return key.low;
        }
        std::uint64_t digits = last & 0x0F0F0F0F0F0F0F0Fu;
        digits = digits * 2561 >> 8;
        digits = (digits & 0x00FF00FF00FF00FFu) * 6553601 >> 16;
        digits = (digits & 0x0000FFFF0000FFFFu) * 42949672960001u >> 32;
        const std::uint64_t rest = (last & 0xF0F0F0F0F0F0F0F0u) ^ std::rotl(first, 4);
        return digits + (rest * 0x9E3779B97F4A7C15u >> 32);
    }
    static std::uint64_t hash_of(const IdKey& key) {
        const std::uint64_t hash = key.low * 0x9E3779B97F4A7C15u ^ std::rotl(key.high, 29);
        return (hash ^ hash >> 32) * 0xD6E8FEB86659FD93u >> 32;
    }
    /// Where the key is, or the empty slot where it would be: its place, or else, since places can
    /// be crowded, from where its hash says on.
    std::size_t slot_of(std::uint64_t place, const IdKey& key) const {
        const std::size_t mask = slots_.size() - 1;
        const std::uint32_t length = length_of(key);
        std::size_t at = place & mask;
        if (holds(slots_[at], key, length) || slots_[at].number == none) return at;
        for (at = hash_of(key) & mask;; at = (at + 1) & mask)
            if (slots_[at].number == none || holds(slots_[at], key, length)) return at;
    }
    bool holds(const Slot& slot, const IdKey& key, std::uint32_t length) const {
        // Of a short id the words and the length are the text.
        return slot.low == key.low && slot.high == key.high && slot.length == length &&
               (length != long_id || (slot.number != none && ids_[slot.number] == key.text));
    }
    void grow();

    std::vector<Slot> slots_;  ///< a power of two, at most half full
    TextArray ids_;
};

}  // namespace stroma::expression
