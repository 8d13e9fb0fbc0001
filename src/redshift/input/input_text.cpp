#include "redshift/value_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "redshift/types.h"

namespace stroma::redshift {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// "2:30", "+02", "01:02:03" as parts of two digits each; "" when it is no such text.
std::string clock_parts(std::string_view text, std::size_t parts_least) {
    std::string made;
    std::size_t parts = 0;
    while (!text.empty()) {
        std::size_t size = 0;
        while (size < text.size() && is_digit(text[size])) ++size;
        // "0230" of an offset is hours and minutes.
        if (size == 4 && parts == 0 && size == text.size()) size = 2;
        if (size == 0 || size > 2) return {};
        if (!made.empty()) made += ':';
        if (size == 1) made += '0';
        made += text.substr(0, size);
        text.remove_prefix(size);
        ++parts;
        if (text.starts_with(':')) {
            text.remove_prefix(1);
            if (text.empty()) return {};
        } else if (!text.empty() && !is_digit(text[0])) {
            return {};
        }
    }
    if (parts == 0 || parts > 3) return {};
    for (; parts < parts_least; ++parts) made += ":00";
    return made;
}

/// "1:02", "12:30:15.5+2" in full; "" when it is no such text.
std::string full_clock(std::string_view text) {
    const std::size_t sign = std::min(text.find_first_of("+-"), text.size());
    std::string_view clock = text.substr(0, sign), offset = text.substr(sign);
    while (clock.ends_with(' ')) clock.remove_suffix(1);
    const std::size_t point = std::min(clock.find('.'), clock.size());
    const std::string whole = clock_parts(clock.substr(0, point), 3);
    if (whole.empty()) return {};
    std::string made = whole + std::string(clock.substr(point));
    if (offset.empty()) return made;
    const std::string zone = clock_parts(offset.substr(1), 2);
    return zone.empty() ? std::string() : made + offset[0] + zone;
}

std::optional<std::string> moment_text(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    bool is_before = false;
    if (text.size() > 3 && (text.ends_with(" BC") || text.ends_with(" bc"))) {
        is_before = true;
        text.remove_suffix(3);
    }
    if (text.empty() || !is_digit(text[0])) return std::nullopt;
    const std::size_t end = std::min(text.find_first_of(" T"), text.size());
    const std::string_view date = text.substr(0, end);
    if (std::count(date.begin(), date.end(), '-') != 2) return std::nullopt;
    std::string made = std::string(date) + (is_before ? " (BC)" : "");
    if (end == text.size()) return made;
    const std::string clock = full_clock(text.substr(end + 1));
    if (clock.empty()) return std::nullopt;
    return made + " " + clock;
}

}  // namespace

std::string engine_bytes(std::string_view bytes) {
    std::string text;
    for (const char c : bytes)
        fmt::format_to(std::back_inserter(text), "\\x{:02X}", static_cast<unsigned char>(c));
    return text;
}

namespace {

/// "a\\000\\\\": PostgreSQL's older form, three octal digits behind a backslash.
std::string unescaped(std::string_view text) {
    const auto octal = [&](std::size_t at) {
        return at < text.size() && text[at] >= '0' && text[at] <= '7';
    };
    std::string bytes;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const bool is_escape = text[at] == '\\';
        if (is_escape && octal(at + 1) && octal(at + 2) && octal(at + 3)) {
            bytes += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 +
                                       (text[at + 3] - '0'));
            at += 3;
        } else {
            if (is_escape && text.substr(at + 1).starts_with('\\')) ++at;
            bytes += text[at];
        }
    }
    return bytes;
}

}  // namespace

std::string bytes_in(std::string_view text) {
    if (!text.starts_with("\\x") || text.size() % 2 != 0) return unescaped(text);
    std::string bytes;
    for (std::size_t i = 2; i < text.size(); i += 2) {
        unsigned value = 0;
        const auto [end, failed] = std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
        if (failed != std::errc{} || end != text.data() + i + 2) return unescaped(text);
        bytes += static_cast<char>(value);
    }
    return bytes;
}

std::optional<std::string> engine_text(std::uint32_t type, std::string_view text) {
    if (type == oid::date || type == oid::timestamp || type == oid::timestamptz)
        return moment_text(text);
    if (type == oid::time || type == oid::timetz) {
        std::string clock = full_clock(text);
        if (clock.empty()) return std::nullopt;
        return clock;
    }
    if (type == oid::bytea) return engine_bytes(bytes_in(text));
    if (type == oid::interval) {
        const auto interval = interval_in(text);
        if (!interval) return std::nullopt;
        return engine_interval(*interval);
    }
    if (const std::uint32_t element = element_of(type); element != 0) {
        auto elements = elements_in(text);
        if (!elements) return std::nullopt;
        for (auto& each : *elements) {
            if (!each) continue;
            if (element == oid::bytea)
                each = engine_bytes(bytes_in(*each));
            else if (auto told = engine_text(element, *each))
                each = *std::move(told);
        }
        return engine_list(*elements);
    }
    return std::nullopt;
}

}  // namespace stroma::redshift
