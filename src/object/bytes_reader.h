#pragma once

#include <cstring>
#include <string>
#include <utility>

#include "object/object_store.h"

namespace stroma::object {

/// Bytes in memory as an object, mapped or only by read_at: for tests and fuzz targets.
class BytesReader final : public ObjectReader {
public:
    BytesReader(Bytes bytes, bool is_mapped) : bytes_(std::move(bytes)), is_mapped_(is_mapped) {
        info_.key = "bytes";
        info_.size_bytes = bytes_.size();
    }
    const ObjectInfo& info() const override { return info_; }
    Result<void> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
        if (offset > bytes_.size() || into.size() > bytes_.size() - offset)
            return fail(ErrorCode::invalid_input, "the range passes the end");
        if (!into.empty()) std::memcpy(into.data(), bytes_.data() + offset, into.size());
        return {};
    }
    std::optional<ByteSpan> mapped() const override {
        if (!is_mapped_) return std::nullopt;
        return ByteSpan(bytes_);
    }

private:
    Bytes bytes_;
    bool is_mapped_;
    ObjectInfo info_;
};

}  // namespace stroma::object
