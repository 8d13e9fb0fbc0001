#include "object/object_store.h"

#include <fmt/format.h>

#include "base/digest.h"

namespace stroma::object {
namespace {

constexpr std::size_t content_type_bytes_max = 255;

/// How many bytes the UTF-8 character at the start has, 0 when it is none. Overlong forms,
/// surrogates and what lies past U+10FFFF are none.
std::size_t character_bytes(std::string_view text) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = at(0);
    if (first < 0x80) return 1;
    const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
    for (std::size_t i = 1; i < size; ++i)
        if ((at(i) & 0xc0) != 0x80) return 0;
    const unsigned char second = at(1);
    const bool bad = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                     (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
    return bad ? 0 : size;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t size = character_bytes(text);
        if (size == 0) return false;
        text.remove_prefix(size);
    }
    return true;
}

}  // namespace

Result<void> check_key(std::string_view key) {
    if (!key.empty() && key.size() <= key_bytes_max && key.find('\0') == key.npos && is_utf8(key))
        return {};
    return fail(
        ErrorCode::invalid_input,
        fmt::format("an object's key must have 1 to {} bytes of UTF-8 without NUL", key_bytes_max));
}

Result<void> check_put_options(const PutOptions& options) {
    std::size_t bytes = 0;
    for (const auto& [name, value] : options.metadata) bytes += name.size() + value.size();
    if (bytes > metadata_bytes_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("the object's metadata has {} bytes; the limit is {}", bytes,
                                metadata_bytes_max));
    if (options.content_type.size() > content_type_bytes_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("the content type has {} bytes; the limit is {}",
                                options.content_type.size(), content_type_bytes_max));
    return {};
}

Result<void> check_condition(std::string_view key, const PutCondition& condition,
                             const std::string* current_etag) {
    if (condition.if_absent && current_etag != nullptr)
        return fail(ErrorCode::conflict, fmt::format("object '{}' is there already", key));
    if (condition.if_etag && (current_etag == nullptr || *current_etag != *condition.if_etag))
        return fail(
            ErrorCode::conflict,
            fmt::format("object '{}' is not the one expected: it was replaced or removed", key));
    return {};
}

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
        return fail(ErrorCode::exhausted,
                    fmt::format("object '{}' has {} bytes; the limit is {}", key, size, bytes_max));
    Bytes bytes(size);
    TRY(reader->read_at(0, bytes));
    ContentHash hash;
    hash.update(bytes);
    if (hash.hex() != reader->info().etag)
        return fail(ErrorCode::corrupt, fmt::format("object '{}' differs from its checksum", key));
    return bytes;
}

}  // namespace stroma::object
