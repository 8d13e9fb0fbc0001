#include <algorithm>
#include <array>

#include "redshift/rewrite.h"
#include "redshift/types.h"

namespace stroma::redshift {
namespace {

bool is_word(const Token& token, std::string_view word) {
    return token.kind == TokenKind::word && token.word == word;
}
bool is_sign(const Token& token, std::string_view sign) {
    return token.kind == TokenKind::sign && token.word == sign;
}
bool is_name(const Token& token) {
    return token.kind == TokenKind::word || token.kind == TokenKind::quoted;
}

/// What may stand before an alias without AS.
bool ends_value(const Token& token) {
    constexpr std::array<std::string_view, 12> words = {
        "and", "or", "not", "is", "like", "ilike", "in", "between", "when", "then", "else", "case"};
    if (token.kind == TokenKind::sign) return token.word == ")" || token.word == "]";
    return std::none_of(words.begin(), words.end(),
                        [&](std::string_view word) { return is_word(token, word); });
}

std::size_t close_of(std::span<const Token> tokens, std::size_t open, std::size_t to) {
    int depth = 0;
    for (std::size_t at = open; at < to; ++at) {
        if (is_sign(tokens[at], "(")) ++depth;
        if (is_sign(tokens[at], ")") && --depth == 0) return at;
    }
    return to;
}

std::optional<std::string> name_of(std::span<const Token> tokens, std::size_t from, std::size_t to);

/// A value in parentheses is called as without them, but a query or a row isn't.
std::optional<std::string> name_in_parentheses(std::span<const Token> inner) {
    const bool is_query = inner.empty() || is_word(inner.front(), "select") ||
                          is_word(inner.front(), "with") || is_word(inner.front(), "values");
    if (is_query) return "?column?";
    int depth = 0;
    for (const Token& token : inner) {
        if (is_sign(token, "(")) ++depth;
        if (is_sign(token, ")")) --depth;
        if (depth == 0 && is_sign(token, ",")) return "row";
    }
    const auto named = name_of(inner, 0, inner.size());
    return named ? named : inner.back().word;
}

/// The name of a value without an alias; unset where the engine has it right: of a column.
std::optional<std::string> name_of(std::span<const Token> tokens, std::size_t from,
                                   std::size_t to) {
    if (from >= to) return std::nullopt;
    // value::type is called as the value.
    int depth = 0;
    for (std::size_t at = from; at < to; ++at) {
        if (is_sign(tokens[at], "(") || is_sign(tokens[at], "[")) ++depth;
        if (is_sign(tokens[at], ")") || is_sign(tokens[at], "]")) --depth;
        if (depth != 0 || !is_sign(tokens[at], "::") || at == from) continue;
        const auto named = name_of(tokens, from, at);
        if (!named) return tokens[at - 1].word;
        if (*named != "?column?") return named;
        const std::string& type = tokens[std::min(at + 1, to - 1)].word;
        return type == "int" || type == "integer" ? "int4" : type == "bigint" ? "int8" : type;
    }
    if (is_sign(tokens[from], "(") && close_of(tokens, from, to) == to - 1)
        return name_in_parentheses(tokens.subspan(from + 1, to - from - 2));
    if (is_word(tokens[from], "approximate")) return name_of(tokens, from + 1, to);
    const Token& first = tokens[from];
    if (is_word(first, "case") && is_word(tokens[to - 1], "end")) return "case";
    if (is_word(first, "exists")) return "exists";
    std::size_t called = from;  // pg_catalog.format_type(…) is called as the function
    while (called + 2 < to && is_name(tokens[called]) && is_sign(tokens[called + 1], "."))
        called += 2;
    if (is_name(tokens[called]) && called + 1 < to && is_sign(tokens[called + 1], "(")) {
        const std::size_t close = close_of(tokens, called + 1, to);
        const bool is_whole = close + 1 >= to || is_word(tokens[close + 1], "over") ||
                              is_word(tokens[close + 1], "within") ||
                              is_word(tokens[close + 1], "filter");
        const std::string& function = tokens[called].word;
        if (is_whole) return function == "extract" ? "date_part" : function;
    }
    bool is_path = is_name(first);
    for (std::size_t at = from + 1; is_path && at < to; ++at)
        is_path = (at - from) % 2 == 1 ? is_sign(tokens[at], ".") : is_name(tokens[at]);
    constexpr std::array<std::string_view, 4> constants = {"null", "true", "false", "sysdate"};
    const bool is_constant =
        to == from + 1 && std::any_of(constants.begin(), constants.end(),
                                      [&](auto word) { return is_word(first, word); });
    if (is_constant && first.word == "sysdate") return "sysdate";
    if (is_constant && first.word != "null") return "bool";
    if (is_path && !is_constant) {
        if (to == from + 1 && (first.word.starts_with("current_") || first.word == "session_user"))
            return first.word;
        return std::nullopt;
    }
    return "?column?";
}

/// Where an item's alias begins, "AS name" or "name"; `to` where it has none.
std::size_t alias_of(std::span<const Token> tokens, std::size_t from, std::size_t to) {
    int depth = 0;
    for (std::size_t at = from; at < to; ++at) {
        if (is_sign(tokens[at], "(")) ++depth;
        if (is_sign(tokens[at], ")")) --depth;
        if (depth == 0 && is_word(tokens[at], "as")) return at;
    }
    const bool has_alias = to - from >= 2 && is_name(tokens[to - 1]) &&
                           !is_word(tokens[to - 1], "end") && ends_value(tokens[to - 2]) &&
                           !is_sign(tokens[to - 2], ".") && !is_sign(tokens[to - 2], "::") &&
                           !is_word(tokens[to - 1], "precision");
    return has_alias ? to - 1 : to;
}

std::optional<std::string> item_name(std::span<const Token> tokens, std::size_t from,
                                     std::size_t to) {
    return alias_of(tokens, from, to) < to ? std::nullopt : name_of(tokens, from, to);
}

/// The type that stands at tokens[at], up to `to`.
WrittenType type_written(std::span<const Token> tokens, std::size_t at, std::size_t to) {
    WrittenType written;
    const std::string word = tokens[at].word;
    if (word.starts_with("reg")) return written;
    const std::size_t begun = at;
    const std::vector<Token> only(tokens.begin() + static_cast<std::ptrdiff_t>(at), tokens.end());
    std::size_t behind = 0;
    const auto type = read_type(only, behind);
    if (!type || begun + behind != to) return written;
    written.oid = type->oid;
    bool has_length = false;
    for (at = begun; at < to; ++at) has_length = has_length || is_sign(tokens[at], "(");
    if (has_length) written.typmod = type->typmod;
    const bool is_array = is_sign(tokens[to - 1], "]");
    const std::uint32_t element = word == "text"    ? oid::text
                                  : word == "json"  ? oid::json
                                  : word == "jsonb" ? 3802
                                                    : 0;
    if (element != 0) written.oid = is_array ? array_of(element) : element;
    const bool is_time = word.starts_with("time") || word == "interval";
    if (has_length && is_time && tokens[begun + 2].kind == TokenKind::number) {
        written.typmod =
            static_cast<std::int32_t>(std::strtol(tokens[begun + 2].word.c_str(), nullptr, 10));
        if (word == "interval") written.typmod |= 0x7fff << 16;
    }
    return written;
}

WrittenType item_type(std::span<const Token> tokens, std::size_t from, std::size_t to) {
    to = alias_of(tokens, from, to);
    WrittenType written;
    if (from >= to) return written;
    const bool is_dotted = to > from + 2 && is_sign(tokens[to - 2], ".");
    if ((to == from + 1 || is_dotted) &&
        (tokens[to - 1].kind == TokenKind::word || tokens[to - 1].kind == TokenKind::quoted))
        written.column = tokens[to - 1].word;
    if (to == from + 1) {
        if (tokens[from].kind == TokenKind::text) written.oid = oid::text;
        if (tokens[from].kind == TokenKind::parameter)
            written.parameter = std::strtoul(tokens[from].word.c_str() + 1, nullptr, 10);
        return written;
    }
    const bool is_call = is_word(tokens[from], "cast") && is_sign(tokens[from + 1], "(") &&
                         close_of(tokens, from + 1, to) == to - 1;
    int depth = 0;
    std::size_t last = to;
    for (std::size_t at = from; at < to; ++at) {
        const Token& token = tokens[at];
        if (is_sign(token, ")") || is_sign(token, "]")) --depth;
        if (is_call && depth == 1 && is_word(token, "as"))
            return type_written(tokens, at + 1, to - 1);
        if (depth == 0 && is_sign(token, "::")) last = at;
        constexpr std::array<std::string_view, 3> parts = {"::", ".", "]"};
        const bool is_part = std::find(parts.begin(), parts.end(), token.word) != parts.end() ||
                             token.word == ")" || token.word == "(" || token.word == "[";
        if (depth == 0 && token.kind == TokenKind::sign && !is_part) return written;
        // Words side by side are an operator: x IS NULL, y AT TIME ZONE.
        if (depth == 0 && last == to && at > from && token.kind == TokenKind::word &&
            tokens[at - 1].kind != TokenKind::sign)
            return written;
        if (is_sign(token, "(") || is_sign(token, "[")) ++depth;
    }
    return last + 1 < to ? type_written(tokens, last + 1, to) : written;
}

/// Tells of each item of a SELECT's list, and of stars.
template <typename Item>
void walk_items(std::span<const Token> tokens, std::size_t from, std::size_t to, Item item) {
    if (from >= to || !is_word(tokens[from], "select")) return;
    ++from;
    if (from < to && (is_word(tokens[from], "distinct") || is_word(tokens[from], "all"))) ++from;
    if (from + 1 < to && is_word(tokens[from], "top")) from += 2;
    int depth = 0;
    std::size_t begun = from;
    const auto end_item = [&](std::size_t at) {
        const bool is_star = at > begun && is_sign(tokens[at - 1], "*") && at - begun <= 5;
        item(begun, at, is_star);
        begun = at + 1;
    };
    for (std::size_t at = from; at <= to; ++at) {
        const bool is_over =
            at == to || (depth == 0 && tokens[at].kind == TokenKind::word &&
                         (tokens[at].word == "from" || tokens[at].word == "where" ||
                          tokens[at].word == "union" || tokens[at].word == "limit" ||
                          tokens[at].word == "order" ||
                          (tokens[at].word == "group" && !is_word(tokens[at - 1], "within")) ||
                          tokens[at].word == "into" || tokens[at].word == "except" ||
                          tokens[at].word == "intersect"));
        if (is_over) {
            if (at > begun) end_item(at);
            return;
        }
        if (is_sign(tokens[at], "(") || is_sign(tokens[at], "[")) ++depth;
        if (is_sign(tokens[at], ")") || is_sign(tokens[at], "]")) --depth;
        if (depth == 0 && is_sign(tokens[at], ",")) end_item(at);
    }
}

}  // namespace

ColumnNames column_names(std::span<const Token> tokens, std::size_t from, std::size_t to) {
    ColumnNames names;
    walk_items(tokens, from, to, [&](std::size_t begun, std::size_t end, bool is_star) {
        if (!is_star) {
            (names.has_star ? names.last : names.first).push_back(item_name(tokens, begun, end));
            return;
        }
        names.has_star = true;
        names.last.clear();
    });
    return names;
}

WrittenTypes written_types(std::span<const Token> tokens, std::size_t from, std::size_t to) {
    WrittenTypes types;
    bool has_star = false;
    walk_items(tokens, from, to, [&](std::size_t begun, std::size_t end, bool is_star) {
        if (!is_star) {
            (has_star ? types.last : types.first).push_back(item_type(tokens, begun, end));
            return;
        }
        has_star = true;
        types.last.clear();
    });
    return types;
}

}  // namespace stroma::redshift
