#include <algorithm>
#include <array>

#include "redshift/rewriter.h"

// Forms that Redshift takes and the engine doesn't: texts joined by +, and words of the engine's
// grammar as names of columns without AS.

namespace stroma::redshift {
namespace {

template <std::size_t N>
bool is_loose_word(const std::array<std::string_view, N>& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr std::array<std::string_view, 58> alias_words = {
    "action",    "attribute", "cache",      "class",    "comment",  "content", "cost",
    "data",      "database",  "day",        "document", "domain",   "event",   "function",
    "granted",   "hour",      "key",        "label",    "language", "level",   "location",
    "method",    "minute",    "mode",       "month",    "name",     "names",   "next",
    "object",    "oids",      "operator",   "option",   "options",  "owner",   "parameter",
    "percent",   "policy",    "position",   "role",     "schema",   "second",  "session",
    "source",    "start",     "statistics", "storage",  "system",   "target",  "type",
    "value",     "version",   "week",       "year",     "prior",    "handler", "configuration",
    "increment", "extension"};

// Behind these a name is a value, and no other name of one.
constexpr std::array<std::string_view, 40> openers = {
    "select",  "distinct",  "all",    "as",    "by",     "and",       "or",       "not",
    "when",    "then",      "else",   "case",  "in",     "is",        "like",     "ilike",
    "between", "from",      "join",   "on",    "where",  "having",    "using",    "union",
    "except",  "intersect", "minus",  "over",  "values", "set",       "interval", "into",
    "any",     "some",      "exists", "limit", "offset", "returning", "table",    "to"};

// Beside these a + stands in another value.
constexpr std::array<std::string_view, 22> borders = {
    "select", "distinct", "all",     "as",   "by",     "and",  "or",    "not",
    "when",   "then",     "else",    "case", "end",    "from", "where", "on",
    "like",   "ilike",    "between", "in",   "having", "union"};

bool is_written_number(std::string_view text) {
    return !text.empty() &&
           std::string_view("0123456789.+-").find(text.front()) != std::string_view::npos;
}

}  // namespace

// The literal that ends before a sign at `at`, or begins behind it: 'x', or 'x'::text. Of another
// type it is no text: 'epoch'::timestamp, timestamp 'epoch'.
bool Rewriter::is_text_beside(std::size_t at, bool is_left) const {
    constexpr std::array<std::string_view, 4> text_types = {"text", "varchar", "char", "bpchar"};
    constexpr std::array<std::string_view, 8> moments = {
        "interval", "date", "timestamp", "timestamptz", "time", "timetz", "zone", "datetime"};
    const auto is_cast = [&](std::size_t sign) {
        return is_sign(sign, "::") && !is_loose_word(text_types, tokens_[sign + 1].word);
    };
    std::size_t where = is_left ? at - 1 : at + 1;
    const bool is_behind_cast = is_left && where >= 2 && is_sign(where - 1, "::");
    if (is_behind_cast) where -= 2;
    if (tokens_[where].kind != TokenKind::text || is_written_number(tokens_[where].word))
        return false;
    if (is_sign(where + 1, "::") && is_cast(where + 1)) return false;
    return where == 0 || tokens_[where - 1].kind != TokenKind::word ||
           !is_loose_word(moments, tokens_[where - 1].word);
}

bool Rewriter::joins_texts(const Frame& frame, std::size_t at) const {
    if (!is_sign(at, "+") || at == 0) return false;
    const auto ends = [&](std::size_t where) {
        return is_sign(where, ",") || (tokens_[where].kind == TokenKind::word &&
                                       is_loose_word(borders, tokens_[where].word));
    };
    const auto depth_of = [&](std::size_t where) {
        if (is_sign(where, "(") || is_sign(where, "[")) return 1;
        return is_sign(where, ")") || is_sign(where, "]") ? -1 : 0;
    };
    bool has_text = is_text_beside(at, true) || is_text_beside(at, false);
    int depth = 0;
    for (std::size_t each = at + 1; !has_text && each < frame.end; ++each) {
        depth += depth_of(each);
        if (depth < 0 || (depth == 0 && ends(each))) break;
        if (depth == 0 && is_sign(each, "+"))
            has_text = is_text_beside(each, true) || is_text_beside(each, false);
    }
    depth = 0;
    for (std::size_t each = at - 1; !has_text && each > 0; --each) {
        depth -= depth_of(each);
        if (depth < 0 || (depth == 0 && ends(each))) break;
        if (depth == 0 && is_sign(each, "+"))
            has_text = is_text_beside(each, true) || is_text_beside(each, false);
    }
    return has_text && !is_word(at + 1, "interval");
}

bool Rewriter::bare_alias(Frame& frame, std::size_t& at) const {
    const Token& token = tokens_[at];
    if (frame.in_from || frame.is_call || at < 2 || token.kind != TokenKind::word ||
        !is_loose_word(alias_words, token.word))
        return false;
    const Token& before = tokens_[at - 1];
    const bool is_behind_value =
        before.kind == TokenKind::number || before.kind == TokenKind::quoted ||
        (before.kind == TokenKind::text && !is_word(at - 2, "interval")) || is_sign(at - 1, ")") ||
        is_sign(at - 1, "]") ||
        (before.kind == TokenKind::word && !is_loose_word(openers, before.word));
    const bool is_last = at + 1 >= frame.end || is_sign(at + 1, ",") || is_word(at + 1, "from");
    if (!is_behind_value || !is_last) return false;
    frame.out += gap(at) + "AS " + quoted_name(token.word);
    ++at;
    return true;
}

}  // namespace stroma::redshift
