#include "front/postgres/array_text.h"

#include <algorithm>
#include <array>
#include <utility>

namespace stroma::front::postgres {
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

}  // namespace

std::optional<std::vector<std::optional<std::string>>> elements_in(std::string_view text) {
    if (text.size() < 2 || text.front() != '{' || text.back() != '}') return std::nullopt;
    text = text.substr(1, text.size() - 2);
    std::vector<std::optional<std::string>> elements;
    if (text.empty()) return elements;
    std::size_t place = 0;
    for (;;) {
        if (place < text.size() && text[place] == '"') {
            ++place;
            auto element = quoted_in(text, place);
            if (!element) return std::nullopt;
            elements.push_back(*std::move(element));
        } else {
            const std::size_t end = std::min(text.find(',', place), text.size());
            const std::string_view word = text.substr(place, end - place);
            if (word.empty() || word.find_first_of("{}\"") != word.npos) return std::nullopt;
            if (is_null_word(word))
                elements.push_back(std::nullopt);
            else
                elements.emplace_back(std::string(word));
            place = end;
        }
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

}  // namespace stroma::front::postgres
