#include <algorithm>

#include "sql/postgres/postgres_database.h"

namespace stroma::sql {
namespace {

/// Behind the quoted thing that begins at `at`; a doubled quote stands for itself.
std::size_t after_quoted(std::string_view text, std::size_t at) {
    const char quote = text[at];
    for (++at; at < text.size(); ++at) {
        if (text[at] != quote) continue;
        if (at + 1 == text.size() || text[at + 1] != quote) return at + 1;
        ++at;
    }
    return text.size();
}

/// Comments of this kind may hold others.
std::size_t after_block_comment(std::string_view text, std::size_t at) {
    int depth = 0;
    while (at + 1 < text.size()) {
        const std::string_view two = text.substr(at, 2);
        if (two == "/*" || two == "*/") {
            depth += two == "/*" ? 1 : -1;
            at += 2;
            if (depth == 0) return at;
        } else {
            ++at;
        }
    }
    return text.size();
}

/// Behind "$tag$ … $tag$"; one further where no such tag begins.
std::size_t after_dollar_quoted(std::string_view text, std::size_t at) {
    const auto is_tag_letter = [](char c) {
        return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
               (c >= 'A' && c <= 'Z');
    };
    std::size_t end = at + 1;
    while (end < text.size() && is_tag_letter(text[end])) ++end;
    const bool is_number = end > at + 1 && text[at + 1] >= '0' && text[at + 1] <= '9';
    if (end == text.size() || text[end] != '$' || is_number) return at + 1;
    const std::string_view tag = text.substr(at, end + 1 - at);
    const std::size_t close = text.find(tag, end + 1);
    return close == text.npos ? text.size() : close + tag.size();
}

}  // namespace

std::string numbered_parameters(std::string_view statement) {
    std::string numbered;
    int number = 0;
    for (std::size_t at = 0; at < statement.size();) {
        const std::string_view rest = statement.substr(at);
        std::size_t end = at + 1;
        if (rest[0] == '?') {
            numbered += '$' + std::to_string(++number);
            at = end;
            continue;
        }
        if (rest[0] == '\'' || rest[0] == '"')
            end = after_quoted(statement, at);
        else if (rest.starts_with("--"))
            end = std::min(statement.find('\n', at), statement.size());
        else if (rest.starts_with("/*"))
            end = after_block_comment(statement, at);
        else if (rest[0] == '$')
            end = after_dollar_quoted(statement, at);
        numbered += statement.substr(at, end - at);
        at = end;
    }
    return numbered;
}

}  // namespace stroma::sql
