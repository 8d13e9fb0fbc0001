#include "expression/text/id_table.h"

#include <algorithm>
#include <utility>

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
    Slot& slot = slots_[slot_of(place_of(key), key)];
    if (slot.number == none) {
        slot = {key.low, key.high, length_of(key), static_cast<std::uint32_t>(ids_.size())};
        ids_.push_back(key.text);
    }
    return slot.number;
}

void IdTable::grow() {
    const std::vector<Slot> old =
        std::exchange(slots_, std::vector<Slot>(std::max<std::size_t>(64, slots_.size() * 2)));
    for (const Slot& slot : old) {
        if (slot.number == none) continue;
        IdKey key;
        key.low = slot.low;
        key.high = slot.high;
        key.text = ids_[slot.number];
        slots_[slot_of(place_of(key), key)] = slot;
    }
}

}  // namespace stroma::expression
