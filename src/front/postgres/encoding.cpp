#include "front/postgres/encoding.h"

#include <fmt/format.h>
#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace stroma::front::postgres {
namespace {

// What iconv_open gives when it fails.
bool is_open(void* conversion) { return conversion != reinterpret_cast<void*>(-1); }

/// How far it came: all, or up to a character that is wrong, or that has no end yet.
enum class Stop { none, wrong, unfinished };

Stop convert(void* conversion, std::string_view& from, std::string& out) {
    iconv(conversion, nullptr, nullptr, nullptr, nullptr);
    // It never writes where it reads from.
    char* in = const_cast<char*>(from.data());
    std::size_t left = from.size();
    Stop stop = Stop::none;
    while (left > 0 && stop == Stop::none) {
        std::array<char, 4096> piece;
        char* place = piece.data();
        std::size_t room = piece.size();
        const std::size_t done = iconv(conversion, &in, &left, &place, &room);
        const int error = errno;
        out.append(piece.data(), static_cast<std::size_t>(place - piece.data()));
        if (done == static_cast<std::size_t>(-1) && error != E2BIG)
            stop = error == EINVAL ? Stop::unfinished : Stop::wrong;
    }
    from = std::string_view(in, left);
    return stop;
}

std::size_t utf8_size(char first) {
    const auto byte = static_cast<unsigned char>(first);
    return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

std::string bytes_told(std::string_view bytes) {
    std::string told;
    for (const char c : bytes)
        told += fmt::format("{}0x{:02x}", told.empty() ? "" : " ", static_cast<unsigned char>(c));
    return told;
}

}  // namespace

Encoding::Encoding(std::string name, void* reading, void* writing)
    : name_(std::move(name)), reading_(reading), writing_(writing) {}

Encoding::~Encoding() {
    if (is_open(reading_)) iconv_close(reading_);
    if (is_open(writing_)) iconv_close(writing_);
}

Result<std::unique_ptr<Encoding>> Encoding::named(std::string name, std::string_view iconv) {
    const std::string theirs(iconv);
    std::unique_ptr<Encoding> made(new Encoding(
        std::move(name), iconv_open("UTF-8", theirs.c_str()), iconv_open(theirs.c_str(), "UTF-8")));
    if (!is_open(made->reading_) || !is_open(made->writing_))
        return fail(ErrorCode::unsupported,
                    fmt::format("the encoding {} is not installed here", made->name_));
    return made;
}

Result<std::string> Encoding::to_utf8(std::string_view bytes, std::string* rest) const {
    std::string text;
    const Stop stop = convert(reading_, bytes, text);
    if (stop == Stop::unfinished && rest != nullptr) {
        *rest = bytes;
    } else if (stop != Stop::none) {
        return fail(ErrorCode::corrupt, fmt::format("invalid byte sequence for encoding \"{}\": {}",
                                                    name_, bytes_told(bytes.substr(0, 1))));
    }
    return text;
}

Result<std::string> Encoding::from_utf8(std::string_view text) const {
    std::string bytes;
    if (convert(writing_, text, bytes) == Stop::none) return bytes;
    return fail(
        ErrorCode::corrupt,
        fmt::format("character with byte sequence {} in encoding \"UTF8\" has no equivalent "
                    "in encoding \"{}\"",
                    bytes_told(text.substr(0, utf8_size(text[0]))), name_));
}

std::string Encoding::told(std::string_view text) const {
    std::string bytes;
    while (convert(writing_, text, bytes) != Stop::none) {
        bytes += '?';
        text.remove_prefix(std::min(utf8_size(text[0]), text.size()));
    }
    return bytes;
}

}  // namespace stroma::front::postgres
