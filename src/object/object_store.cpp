#include "object/object_store.h"

#include <fmt/format.h>

namespace stroma::object {

Result<ObjectInfo> ObjectStore::put(std::string_view key, ByteSpan bytes,
                                    const PutOptions& options) {
    const auto writer = TRY(begin_put(key, options));
    TRY(writer->write(bytes));
    return writer->commit();
}

Result<Bytes> ObjectStore::get(std::string_view key, std::uint64_t bytes_max) {
    const auto reader = TRY(open(key));
    const std::uint64_t size = reader->info().size_bytes;
    if (size > bytes_max)
        return fail(ErrorCode::exhausted, fmt::format("object '{}' has {} bytes; the limit is {}",
                                                      key, size, bytes_max));
    Bytes bytes(size);
    TRY(reader->read_at(0, bytes));
    return bytes;
}

}  // namespace stroma::object
