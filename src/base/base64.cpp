#include "base/base64.h"

#include <array>
#include <cstdint>

namespace stroma {
namespace {

constexpr std::string_view base64_letters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> make_base64_values() {
    std::array<std::int8_t, 256> values{};
    for (auto& value : values) value = -1;
    for (std::size_t i = 0; i < base64_letters.size(); ++i)
        values[static_cast<unsigned char>(base64_letters[i])] = static_cast<std::int8_t>(i);
    return values;
}
constexpr auto base64_values = make_base64_values();

}  // namespace

std::string base64(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    const auto byte = [&](std::size_t at) -> unsigned {
        return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0u;
    };
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const unsigned three = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
        text += base64_letters[three >> 18];
        text += base64_letters[three >> 12 & 63];
        text += at + 1 < bytes.size() ? base64_letters[three >> 6 & 63] : '=';
        text += at + 2 < bytes.size() ? base64_letters[three & 63] : '=';
    }
    return text;
}

bool base64_decode(std::string_view text, std::string& bytes) {
    bytes.clear();
    if (text.size() % 4 != 0) return false;
    bytes.reserve(text.size() / 4 * 3);
    for (std::size_t at = 0; at < text.size(); at += 4) {
        const bool last = at + 4 == text.size();
        const int padding = !last ? 0 : text[at + 3] != '=' ? 0 : text[at + 2] != '=' ? 1 : 2;
        unsigned value = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            const bool padded = i >= 4 - static_cast<std::size_t>(padding);
            const int six = padded ? 0 : base64_values[static_cast<unsigned char>(text[at + i])];
            if (six < 0) return false;
            value = value << 6 | static_cast<unsigned>(six);
        }
        bytes += static_cast<char>(value >> 16);
        if (padding < 2) bytes += static_cast<char>(value >> 8 & 255);
        if (padding < 1) bytes += static_cast<char>(value & 255);
    }
    return true;
}

}  // namespace stroma
