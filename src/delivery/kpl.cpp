#include "delivery/kpl.h"

#include "base/digest.h"

namespace stroma::delivery {
namespace {

constexpr std::string_view magic("\xf3\x89\x9a\xc2", 4);
constexpr std::size_t digest_bytes = 16;

/// A field of a protobuf message: a number, or the bytes of a text or message.
struct Field {
    std::uint64_t number = 0;
    std::uint64_t value = 0;
    std::string_view bytes;
};

class Fields {
public:
    explicit Fields(std::string_view message) : rest_(message) {}
    bool failed() const { return failed_; }
    /// False at the end, and after what isn't protobuf.
    bool next(Field& field) {
        if (rest_.empty() || failed_) return false;
        const std::uint64_t tag = varint();
        field = {.number = tag >> 3};
        const std::uint64_t wire = tag & 7;
        if (wire == 0) {
            field.value = varint();
        } else if (wire == 1 || wire == 5) {
            take(wire == 1 ? 8 : 4);
        } else if (wire == 2) {
            field.bytes = take(varint());
        } else {
            failed_ = true;
        }
        return !failed_;
    }

private:
    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            if (rest_.empty()) break;
            const auto byte = static_cast<unsigned char>(rest_.front());
            rest_.remove_prefix(1);
            value |= std::uint64_t{byte & 127u} << shift;
            if (byte < 128) return value;
        }
        failed_ = true;
        return 0;
    }
    std::string_view take(std::uint64_t count) {
        if (failed_ || count > rest_.size()) {
            failed_ = true;
            return {};
        }
        const std::string_view taken = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return taken;
    }

    std::string_view rest_;
    bool failed_ = false;
};

}  // namespace

std::optional<std::vector<KplRecord>> deaggregate(std::string_view data) {
    if (data.size() < magic.size() + digest_bytes || !data.starts_with(magic)) return std::nullopt;
    const std::string_view message =
        data.substr(magic.size(), data.size() - magic.size() - digest_bytes);
    Digest digest(DigestKind::md5);
    digest.update(message);
    if (as_text(digest.bytes()) != data.substr(data.size() - digest_bytes)) return std::nullopt;
    std::vector<std::string_view> keys;
    std::vector<std::pair<std::uint64_t, std::string_view>> found;
    Fields fields(message);
    for (Field field; fields.next(field);) {
        if (field.number == 1) keys.push_back(field.bytes);
        if (field.number != 3) continue;
        std::pair<std::uint64_t, std::string_view> record;
        Fields inner(field.bytes);
        for (Field member; inner.next(member);) {
            if (member.number == 1) record.first = member.value;
            if (member.number == 3) record.second = member.bytes;
        }
        if (inner.failed()) return std::nullopt;
        found.push_back(record);
    }
    if (fields.failed()) return std::nullopt;
    std::vector<KplRecord> records;
    for (const auto& [key, bytes] : found) {
        if (key >= keys.size()) return std::nullopt;
        records.push_back({keys[key], bytes});
    }
    return records;
}

}  // namespace stroma::delivery
