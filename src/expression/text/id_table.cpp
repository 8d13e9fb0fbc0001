#include "expression/text/id_table.h"

#include <algorithm>

#include "base/digest.h"

namespace stroma::expression {

IdKey::IdKey(std::string_view id) : text(id) {
    if (id.size() > 16) {
        low = checksum64(as_bytes(id));
        high = id.size();
        return;
    }
    std::memcpy(&low, id.data(), std::min<std::size_t>(id.size(), 8));
    if (id.size() > 8) std::memcpy(&high, id.data() + 8, id.size() - 8);
}

std::uint32_t IdTable::add(const IdKey& key) {
    if (2 * (ids_.size() + 1) > slots_.size()) grow();
    const std::uint64_t hash = hash_of(key);
    Slot& slot = slots_[slot_of(key, hash)];
    if (slot.number == none) {
        slot = {tag_of(key, hash), static_cast<std::uint32_t>(ids_.size())};
        words_.push_back({key.low, key.high});
        ids_.push_back(key.text);
    }
    return slot.number;
}

void IdTable::grow() {
    slots_ = std::vector<Slot>(std::max<std::size_t>(64, slots_.size() * 2));
    for (std::uint32_t number = 0; number < ids_.size(); ++number) {
        IdKey key;
        key.low = words_[number].low;
        key.high = words_[number].high;
        key.text = ids_[number];
        const std::uint64_t hash = hash_of(key);
        slots_[slot_of(key, hash)] = {tag_of(key, hash), number};
    }
}

}  // namespace stroma::expression
