#include "object/disk/key_path.h"

#include <algorithm>

namespace stroma::object {
namespace {

bool stands_for_itself(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

constexpr std::string_view digits = "0123456789abcdef";

std::string escape(std::string_view piece) {
    std::string name;
    for (const char c : piece) {
        if (stands_for_itself(c)) {
            name += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        name += {'%', digits[byte >> 4], digits[byte & 15]};
    }
    return name;
}

std::optional<std::string> unescape(std::string_view name) {
    std::string piece;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (stands_for_itself(name[i])) {
            piece += name[i];
            continue;
        }
        if (name[i] != '%' || i + 2 >= name.size()) return std::nullopt;
        const std::size_t high = digits.find(name[i + 1]), low = digits.find(name[i + 2]);
        if (high == digits.npos || low == digits.npos) return std::nullopt;
        piece += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return piece;
}

}  // namespace

fs::path path_of_key(std::string_view key) {
    std::string path;
    for (;;) {
        const std::size_t end = std::min(key.find('/'), key.size());
        std::string_view component = key.substr(0, end);
        while (component.size() >= piece_bytes) {
            path += escape(component.substr(0, piece_bytes)) + "+/";
            component.remove_prefix(piece_bytes);
        }
        path += escape(component);
        if (end == key.size()) return path + "~";
        path += "=/";
        key.remove_prefix(end + 1);
    }
}

std::optional<KeyPiece> piece_of_name(std::string_view name) {
    if (name.empty()) return std::nullopt;
    const char suffix = name.back();
    auto bytes = unescape(name.substr(0, name.size() - 1));
    if (!bytes) return std::nullopt;
    const bool whole = bytes->size() == piece_bytes;
    KeyPiece piece{
        .kind = KeyPiece::Kind::object, .bytes = *std::move(bytes), .name = std::string(name)};
    if (suffix == '+' && whole) {
        piece.kind = KeyPiece::Kind::component_goes_on;
    } else if (suffix == '=' && !whole) {
        piece.kind = KeyPiece::Kind::component_ends;
        piece.bytes += '/';
    } else if (suffix != '~' || whole) {
        return std::nullopt;
    }
    return piece;
}

}  // namespace stroma::object
