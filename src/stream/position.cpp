#include "stream/position.h"

#include "base/digest.h"

namespace stroma::stream {
namespace {

constexpr std::string_view prefix("\0\0\0\0\0\0\0\1", 8);
constexpr std::size_t mark_bytes = 32;
constexpr std::size_t fixed_bytes = 8 + 8 + 4 + 1 + 1;

std::string mark(std::string_view text, std::string_view secret) {
    return std::string(as_text(hmac_sha256(as_bytes(secret), text)));
}

template <class T>
void put(std::string& to, T value) {
    to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

std::string seal_text(std::string_view text, std::string_view secret) {
    std::string sealed(prefix);
    put(sealed, static_cast<std::uint64_t>(text.size()));
    sealed += text;
    sealed.resize(prefix.size() + (sealed.size() - prefix.size() + 15) / 16 * 16);
    return sealed + mark(sealed, secret);
}

std::optional<std::string> unseal_text(std::string_view sealed, std::string_view secret) {
    if (sealed.size() < prefix.size() + 16 + mark_bytes || !sealed.starts_with(prefix))
        return std::nullopt;
    const std::string_view told = sealed.substr(sealed.size() - mark_bytes);
    sealed.remove_suffix(mark_bytes);
    if (!equal_in_constant_time(mark(sealed, secret), told)) return std::nullopt;
    sealed.remove_prefix(prefix.size());
    const auto size = load<std::uint64_t>(as_bytes(sealed).data());
    if (size > sealed.size() - 8) return std::nullopt;
    return std::string(sealed.substr(8, size));
}

std::string seal(const Position& position, std::string_view secret) {
    std::string text;
    put(text, position.from);
    put(text, position.created_ms);
    put(text, position.shard);
    put(text, static_cast<std::uint8_t>(position.stream.size()));
    put(text, static_cast<std::uint8_t>(position.id.size()));
    text += position.stream;
    text += position.id;
    return seal_text(text, secret);
}

std::optional<Position> unseal(std::string_view sealed, std::string_view secret) {
    const auto text = unseal_text(sealed, secret);
    if (!text || text->size() < fixed_bytes) return std::nullopt;
    const std::byte* const at = as_bytes(*text).data();
    const auto name_bytes = load<std::uint8_t>(at + 20), id_bytes = load<std::uint8_t>(at + 21);
    if (text->size() != fixed_bytes + name_bytes + id_bytes) return std::nullopt;
    return Position{.stream = text->substr(fixed_bytes, name_bytes),
                    .id = text->substr(fixed_bytes + name_bytes),
                    .shard = load<std::uint32_t>(at + 16),
                    .from = load<std::uint64_t>(at),
                    .created_ms = load<std::int64_t>(at + 8)};
}

}  // namespace stroma::stream
