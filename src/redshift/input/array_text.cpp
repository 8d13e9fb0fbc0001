#include "redshift/value_text.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.h"

namespace stroma::redshift {
namespace {

bool is_null_word(std::string_view text) {
    return text.size() == 4 && (text[0] | 32) == 'n' && (text[1] | 32) == 'u' &&
           (text[2] | 32) == 'l' && (text[3] | 32) == 'l';
}

/// Reads a quoted element from behind its quote to behind the closing one.
std::optional<std::string> quoted_in(std::string_view text, std::size_t& place) {
    std::string element;
    while (place < text.size() && text[place] != '"') {
        if (text[place] == '\\' && ++place == text.size()) return std::nullopt;
        element += text[place++];
    }
    if (place++ >= text.size()) return std::nullopt;
    return element;
}

/// One element of the engine's list from `place` on, which moves behind it; nothing for NULL.
std::optional<std::string> engine_element(std::string_view list, std::size_t& place) {
    std::string element;
    if (list[place] == '\'') {
        for (++place; place < list.size() && list[place] != '\''; ++place) {
            if (list[place] == '\\' && place + 1 < list.size()) ++place;
            element += list[place];
        }
        place = std::min(place + 1, list.size());
        return element;
    }
    const std::size_t end = std::min({list.find(", ", place), list.find(']', place), list.size()});
    element = list.substr(place, end - place);
    place = end;
    if (element == "NULL") return std::nullopt;
    return element;
}

void append_element(std::string& out, std::string element, std::uint32_t type) {
    constexpr std::uint32_t boolean = 16, bytea = 17;
    if (type == boolean) element = element == "true" ? "t" : "f";
    if (type == bytea) element = "\\x" + to_hex(as_bytes(bytes_of_engine(element)));
    const bool is_plain = !element.empty() && !is_null_word(element) &&
                          element.find_first_of("{}\",\\ \t\n\v\f\r") == std::string::npos;
    if (is_plain) {
        out += element;
        return;
    }
    out += '"';
    for (const char c : element) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    out += '"';
}

/// Deeper lists are nobody's.
constexpr int list_depth_max = 64;

/// A list from `place`, where its bracket stands, to behind its end; false where it has none.
bool append_list(std::string& out, std::string_view list, std::size_t& place, std::uint32_t type,
                 int depth) {
    if (depth > list_depth_max) return false;
    out += '{';
    ++place;
    while (place < list.size() && list[place] != ']') {
        if (out.back() != '{') out += ',';
        if (list[place] == '[') {
            if (!append_list(out, list, place, type, depth + 1)) return false;
        } else if (auto element = engine_element(list, place)) {
            append_element(out, *std::move(element), type);
        } else {
            out += "NULL";
        }
        if (list.substr(place).starts_with(", ")) place += 2;
    }
    if (place == list.size()) return false;
    ++place;
    out += '}';
    return true;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 32);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::string bytes_of_engine(std::string_view text) {
    std::string bytes;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const bool is_escape = text[at] == '\\' && at + 3 < text.size() && text[at + 1] == 'x' &&
                               hex_digit(text[at + 2]) >= 0 && hex_digit(text[at + 3]) >= 0;
        if (!is_escape) {
            bytes += text[at];
            continue;
        }
        bytes += static_cast<char>(hex_digit(text[at + 2]) * 16 + hex_digit(text[at + 3]));
        at += 3;
    }
    return bytes;
}

std::string postgres_array(std::string_view list, std::uint32_t element) {
    if (!list.starts_with('[') || !list.ends_with(']')) return std::string(list);
    std::string made;
    std::size_t place = 0;
    const bool is_list = append_list(made, list, place, element, 0) && place == list.size();
    return is_list ? made : std::string(list);
}

std::optional<std::vector<std::optional<std::string>>> elements_in(std::string_view text) {
    if (text.size() < 2 || text.front() != '{' || text.back() != '}') return std::nullopt;
    text = text.substr(1, text.size() - 2);
    std::vector<std::optional<std::string>> elements;
    if (text.empty()) return elements;
    std::size_t place = 0;
    const auto pass_blanks = [&] {
        while (place < text.size() && text[place] == ' ') ++place;
    };
    for (;;) {
        pass_blanks();
        if (place < text.size() && text[place] == '"') {
            ++place;
            auto element = quoted_in(text, place);
            if (!element) return std::nullopt;
            elements.push_back(*std::move(element));
        } else {
            const std::size_t end = std::min(text.find(',', place), text.size());
            std::string_view word = text.substr(place, end - place);
            while (word.ends_with(' ')) word.remove_suffix(1);
            if (word.empty() || word.find_first_of("{}\"") != word.npos) return std::nullopt;
            if (is_null_word(word))
                elements.push_back(std::nullopt);
            else
                elements.emplace_back(std::string(word));
            place = end;
        }
        pass_blanks();
        if (place == text.size()) return elements;
        if (text[place++] != ',') return std::nullopt;
    }
}

std::string engine_list(const std::vector<std::optional<std::string>>& elements) {
    std::string list = "[";
    for (const auto& element : elements) {
        if (list.size() > 1) list += ", ";
        if (!element) {
            list += "NULL";
            continue;
        }
        list += '"';
        for (const char c : *element) {
            if (c == '"' || c == '\\') list += '\\';
            list += c;
        }
        list += '"';
    }
    return list + "]";
}

}  // namespace stroma::redshift
