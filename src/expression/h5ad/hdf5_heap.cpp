#include "expression/h5ad/hdf5_heap.h"

#include <algorithm>

namespace stroma::expression {
namespace {

constexpr std::uint64_t kept_bytes_max = std::uint64_t{16} << 20;
constexpr std::size_t head_bytes = 16;

tl::unexpected<Error> damaged_heap() {
    return fail(ErrorCode::invalid_input, "points to a damaged heap of texts");
}

}  // namespace

Result<std::string_view> Hdf5Heap::object(std::uint64_t address, std::uint32_t number) {
    Collection* found = TRY(collection(address));
    if (number >= found->objects.size() || found->objects[number].first == 0) return damaged_heap();
    const auto [offset, size] = found->objects[number];
    return as_text(ByteSpan(found->bytes).subspan(offset, size));
}

Result<Hdf5Heap::Collection*> Hdf5Heap::collection(std::uint64_t address) {
    if (const auto known = collections_.find(address); known != collections_.end()) {
        known->second.last_used = ++uses_;
        return &known->second;
    }
    std::byte head[head_bytes];
    std::uint64_t place = 0;
    if (__builtin_add_overflow(address, base_address_, &place) || place > file_bytes_ ||
        file_bytes_ - place < head_bytes)
        return damaged_heap();
    TRY(file_->read_at(place, head));
    const auto size = load<std::uint64_t>(head + 8);
    if (as_text({head, 4}) != "GCOL" || size < head_bytes || size > file_bytes_ - place)
        return damaged_heap();
    while (!collections_.empty() && kept_bytes_ + size > kept_bytes_max) {
        const auto oldest = std::min_element(
            collections_.begin(), collections_.end(),
            [](const auto& a, const auto& b) { return a.second.last_used < b.second.last_used; });
        kept_bytes_ -= oldest->second.bytes.size();
        collections_.erase(oldest);
    }
    Collection read;
    read.bytes.resize(size);
    TRY(file_->read_at(place, read.bytes));
    for (std::uint64_t at = head_bytes; at + head_bytes <= size;) {
        const auto number = load<std::uint16_t>(read.bytes.data() + at);
        const auto object_bytes = load<std::uint64_t>(read.bytes.data() + at + 8);
        if (number == 0) break;  // free space up to the end
        if (object_bytes > size - at - head_bytes) return damaged_heap();
        if (read.objects.size() <= number) read.objects.resize(number + std::size_t{1});
        read.objects[number] = {at + head_bytes, object_bytes};
        at += head_bytes + (object_bytes + 7) / 8 * 8;
    }
    kept_bytes_ += size;
    read.last_used = ++uses_;
    return &collections_.insert_or_assign(address, std::move(read)).first->second;
}

}  // namespace stroma::expression
