#include "object/disk/trailer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/digest.h"

namespace stroma::object {
namespace {

constexpr std::string_view magic = "stromaob";
constexpr std::size_t first_read_bytes = 512;
constexpr std::size_t record_bytes_max = 16 * 1024;

void append_bytes(Bytes& to, ByteSpan bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

template <class T>
void append_number(Bytes& to, T value) {
    append_bytes(to, std::as_bytes(std::span(&value, 1)));
}

void append_string(Bytes& to, std::string_view text) {
    append_number(to, static_cast<std::uint32_t>(text.size()));
    append_bytes(to, as_bytes(text));
}

/// Takes values from the front; once something is short, everything after is empty.
class Taker {
public:
    explicit Taker(ByteSpan bytes) : left_(bytes) {}
    template <class T>
    T number() {
        if (left_.size() < sizeof(T)) return short_<T>();
        const T value = load<T>(left_.data());
        left_ = left_.subspan(sizeof(T));
        return value;
    }
    std::string string() {
        const auto size = number<std::uint32_t>();
        if (left_.size() < size) return short_<std::string>();
        const std::string text(as_text(left_.first(size)));
        left_ = left_.subspan(size);
        return text;
    }
    bool whole() const { return good_ && left_.empty(); }
    bool good() const { return good_; }

private:
    template <class T>
    T short_() {
        good_ = false;
        left_ = {};
        return T{};
    }
    ByteSpan left_;
    bool good_ = true;
};

Error damaged(std::string_view what) {
    return {ErrorCode::corrupt, fmt::format("the trailer is damaged: {}", what)};
}

Result<Trailer> decode_record(ByteSpan record, std::uint64_t size_bytes) {
    Taker taker(record);
    Trailer trailer;
    ObjectInfo& info = trailer.info;
    info.size_bytes = size_bytes;
    info.key = taker.string();
    info.etag = taker.string();
    info.content_type = taker.string();
    info.modified_ms = taker.number<std::int64_t>();
    const auto entries = taker.number<std::uint32_t>();
    for (std::uint32_t e = 0; e < entries && taker.good(); ++e) {
        std::string name = taker.string();
        info.metadata[std::move(name)] = taker.string();
    }
    trailer.block_bytes = taker.number<std::uint32_t>();
    trailer.blocks_checksum = taker.number<std::uint64_t>();
    if (!taker.whole()) return fail(damaged("its record has another length than its parts"));
    return trailer;
}

}  // namespace

std::uint64_t BlockChecksums::checksum_of(std::uint64_t number, ByteSpan block) {
    return checksum64(block, number);
}

std::uint64_t Trailer::block_count() const {
    if (block_bytes == 0) return 0;
    return info.size_bytes / block_bytes + (info.size_bytes % block_bytes == 0 ? 0 : 1);
}

Bytes encode_trailer(const ObjectInfo& info, const BlockChecksums* blocks) {
    Bytes trailer;
    append_string(trailer, info.key);
    append_string(trailer, info.etag);
    append_string(trailer, info.content_type);
    append_number(trailer, info.modified_ms);
    append_number(trailer, static_cast<std::uint32_t>(info.metadata.size()));
    for (const auto& [name, value] : info.metadata) {
        append_string(trailer, name);
        append_string(trailer, value);
    }
    const ByteSpan table = blocks == nullptr ? ByteSpan{} : blocks->bytes();
    append_number(trailer, blocks == nullptr ? 0 : block_bytes);
    append_number(trailer, checksum64(table));
    const auto record_bytes = static_cast<std::uint32_t>(trailer.size());
    const std::uint64_t checksum = checksum64(trailer, info.size_bytes);
    append_number(trailer, info.size_bytes);
    append_number(trailer, record_bytes);
    append_number(trailer, trailer_version);
    append_number(trailer, checksum);
    append_bytes(trailer, as_bytes(magic));
    trailer.insert(trailer.begin(), table.begin(), table.end());
    return trailer;
}

Result<std::optional<Trailer>> decode_trailer(ByteSpan end, std::uint64_t file_bytes,
                                              std::size_t& wanted) {
    if (end.size() < trailer_footer_bytes) return fail(damaged("the file is too short"));
    const ByteSpan footer = end.last(trailer_footer_bytes);
    if (as_text(footer.last(magic.size())) != magic)
        return fail(damaged("the file doesn't end as an object's file does"));
    Taker taker(footer);
    const auto size_bytes = taker.number<std::uint64_t>();
    const auto record_bytes = taker.number<std::uint32_t>();
    const auto version = taker.number<std::uint32_t>();
    const auto checksum = taker.number<std::uint64_t>();
    if (version != trailer_version)
        return fail(ErrorCode::unsupported,
                    fmt::format("the object's file has format version {}, this program knows {}",
                                version, trailer_version));
    if (record_bytes > record_bytes_max) return fail(damaged("its record is too long"));
    const std::size_t end_bytes = record_bytes + trailer_footer_bytes;
    if (file_bytes < end_bytes || file_bytes - end_bytes < size_bytes)
        return fail(damaged("the file is shorter than the trailer says"));
    if (end.size() < end_bytes) {
        wanted = end_bytes;
        return std::nullopt;
    }
    const ByteSpan record = end.last(end_bytes).first(record_bytes);
    if (checksum64(record, size_bytes) != checksum)
        return fail(damaged("its record differs from its checksum"));
    Trailer trailer = TRY(decode_record(record, size_bytes));
    const std::uint64_t table_bytes = file_bytes - end_bytes - size_bytes;
    if (table_bytes % 8 != 0 || table_bytes / 8 != trailer.block_count())
        return fail(damaged("the file has another size than the trailer says"));
    return trailer;
}

Result<Trailer> read_trailer(const File& file, std::string_view key) {
    const std::string context = fmt::format("object '{}' in {}", key, file.name());
    const std::uint64_t file_bytes = TRY_WITH(file.size(), context);
    std::size_t wanted = first_read_bytes;
    for (;;) {
        Bytes end(static_cast<std::size_t>(std::min<std::uint64_t>(file_bytes, wanted)));
        TRY_WITH(file.read_at(file_bytes - end.size(), end), context);
        auto trailer = TRY_WITH(decode_trailer(end, file_bytes, wanted), context);
        if (!trailer) continue;
        if (trailer->info.key != key)
            return fail(ErrorCode::corrupt, fmt::format("{}: the file belongs to object '{}'",
                                                        context, trailer->info.key));
        return *std::move(trailer);
    }
}

Result<std::vector<std::uint64_t>> read_blocks(const File& file, const Trailer& trailer) {
    std::vector<std::uint64_t> blocks(static_cast<std::size_t>(trailer.block_count()));
    const auto bytes = std::as_writable_bytes(std::span(blocks));
    TRY(file.read_at(trailer.info.size_bytes, bytes));
    if (checksum64(bytes) != trailer.blocks_checksum)
        return fail(ErrorCode::corrupt,
                    fmt::format("object '{}' in {}: the checksums of its blocks are damaged",
                                trailer.info.key, file.name()));
    return blocks;
}

}  // namespace stroma::object
