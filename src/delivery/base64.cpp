#include "delivery/base64.h"

namespace stroma::delivery {
namespace {
constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
}

std::string to_base64(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        unsigned group = 0;
        for (std::size_t i = 0; i < 3; ++i)
            group = group << 8 |
                    (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0u);
        for (std::size_t i = 0; i < 4; ++i)
            text += i <= bytes.size() - at ? alphabet[group >> (18 - 6 * i) & 63] : '=';
    }
    return text;
}

bool from_base64(std::string_view text, std::string& bytes) {
    if (text.size() % 4 != 0) return false;
    unsigned group = 0;
    std::size_t count = 0;
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    for (const char c : text.substr(0, text.size() - padding)) {
        const std::size_t value = alphabet.find(c);
        if (value == std::string_view::npos) return false;
        group = group << 6 | static_cast<unsigned>(value);
        if (++count % 4 != 0) continue;
        for (const int shift : {16, 8, 0}) bytes += static_cast<char>(group >> shift);
        group = 0;
    }
    if (padding == 1)
        for (const int shift : {10, 2}) bytes += static_cast<char>(group >> shift);
    if (padding == 2) bytes += static_cast<char>(group >> 4);
    return true;
}

}  // namespace stroma::delivery
