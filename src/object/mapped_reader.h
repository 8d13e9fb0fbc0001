#pragma once

#include <algorithm>

#include "base/file.h"
#include "object/object_store.h"

namespace stroma::object {

/// A file of this machine, mapped, as if it were an object: for benches and tools that have no
/// store. The caller maps it; reads stay within its size.
class MappedReader final : public ObjectReader {
public:
    MappedReader(MappedFile map, std::string name) : map_(std::move(map)) {
        info_.key = std::move(name);
        info_.size_bytes = map_.bytes().size();
    }
    const ObjectInfo& info() const override { return info_; }
    Result<void> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
        const ByteSpan from = map_.bytes().subspan(offset, into.size());
        std::copy(from.begin(), from.end(), into.begin());
        return {};
    }
    std::optional<ByteSpan> mapped() const override { return map_.bytes(); }

private:
    MappedFile map_;
    ObjectInfo info_;
};

}  // namespace stroma::object
