#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "redshift/rewriter.h"

// PartiQL's relations within a value of SUPER: FROM t, t.a.b AS x AT i, and UNPIVOT t.o AS v AT n.

namespace stroma::redshift {
namespace {

bool is_bracket(const Token& token, std::string_view sign) {
    return token.kind == TokenKind::sign && token.word == sign;
}
bool is_name(const Token& token) {
    return token.kind == TokenKind::quoted || token.kind == TokenKind::word;
}

// What may stand behind an element of FROM and is no name of it.
constexpr std::array<std::string_view, 27> behind_element = {
    "as",    "at",        "on",     "where",   "group",  "having", "order",  "limit", "offset",
    "union", "intersect", "except", "minus",   "join",   "left",   "right",  "full",  "inner",
    "cross", "natural",   "using",  "qualify", "window", "fetch",  "select", "set",   "lateral"};

bool may_be_alias(const Token& token) {
    return token.kind == TokenKind::quoted ||
           (token.kind == TokenKind::word && std::find(behind_element.begin(), behind_element.end(),
                                                       token.word) == behind_element.end());
}

}  // namespace

// Whether an element of this FROM that lies before `at` goes by that name.
bool Rewriter::is_earlier_relation(std::size_t at, std::string_view name) const {
    int depth = 0;
    for (std::size_t back = at; back-- > 0;) {
        const Token& token = tokens_[back];
        if (is_bracket(token, ")") || is_bracket(token, "]")) ++depth;
        if ((is_bracket(token, "(") || is_bracket(token, "[")) && --depth < 0) return false;
        if (depth != 0) continue;
        if (is_word(back, "from")) return false;
        const bool is_last = may_be_alias(token) && !is_sign(back + 1, ".") &&
                             (is_sign(back + 1, ",") || !may_be_alias(tokens_[back + 1]));
        if (is_last && is_name(token) && token.word == name) return true;
    }
    return false;
}

// An array gives its elements with their places from 0, what is no array gives itself, and an
// object that is unpivoted its values with their names.
Answer<bool> Rewriter::super_relation(Frame& frame, std::size_t& at) {
    if (!frame.in_from || frame.is_call || at == 0) return false;
    const bool unpivots = is_word(at, "unpivot") && is_name(tokens_[at + 1]) &&
                          !is_word(at + 1, "include") && !is_word(at + 1, "exclude") &&
                          (is_sign(at - 1, ",") || is_word(at - 1, "from"));
    const bool is_next = !unpivots && is_sign(at - 1, ",") && is_name(tokens_[at]);
    const bool is_path = is_next && is_sign(at + 1, ".") && !is_sign(at + 2, "*") &&
                         is_earlier_relation(at - 1, tokens_[at].word);
    const bool is_value = is_next && super_values_.contains(tokens_[at].word);
    if (!unpivots && !is_path && !is_value) return false;
    const std::string before = gap(at);
    if (unpivots) ++at;
    const std::string path = TRY(primary(frame.end, at));
    if (is_word(at, "as")) ++at;
    if (at >= frame.end || !may_be_alias(tokens_[at]))
        return fail(syntax_failure(tokens_[std::min(at, tokens_.size() - 1)],
                                   "a name for the values of a SUPER is expected"));
    super_values_.insert(tokens_[at].word);
    const std::string value = quoted_name(tokens_[at++].word);
    std::string listed;
    if (is_word(at, "at") && at + 1 < frame.end && is_name(tokens_[at + 1])) {
        listed = fmt::format(", {} AS {}", unpivots ? "key" : "CAST(key AS BIGINT)",
                             quoted_name(tokens_[at + 1].word));
        at += 2;
    }
    const std::string json = fmt::format("CAST({} AS JSON)", path);
    const std::string each =
        unpivots ? fmt::format("CASE WHEN json_type({0}) = 'OBJECT' THEN {0} END", json)
                 : fmt::format(
                       "CASE json_type({0}) WHEN 'OBJECT' THEN "
                       "json_array({0}) ELSE {0} END",
                       json);
    frame.out += fmt::format("{} LATERAL (SELECT value AS {}{} FROM json_each({}))", before, value,
                             listed, each);
    frame.primary = frame.out.size();
    return true;
}

// FROM ext.sales, where the statement asks for "$path" too: a table that has it.
bool Rewriter::told_relation(Frame& frame, std::size_t& at) const {
    if (!asks_objects_ || !frame.in_from || !context_.session_value || at == 0) return false;
    if (!is_word(at - 1, "from") && !is_word(at - 1, "join") && !is_sign(at - 1, ",")) return false;
    std::size_t last = at;
    while (is_sign(last + 1, ".") && last + 2 < frame.end) last += 2;
    if (is_sign(last + 1, "(")) return false;
    const std::size_t from = tokens_[at].offset;
    const std::size_t size = tokens_[last].offset + tokens_[last].size - from;
    const auto relation =
        context_.session_value("relation " + std::string(text_.substr(from, size)));
    if (!relation) return false;
    frame.out += *relation;
    at = last + 1;
    name_relation(frame, at, quoted_name(tokens_[last].word));
    return true;
}

// A star doesn't give what must be asked for by name.
bool Rewriter::told_star(Frame& frame, std::size_t& at) const {
    const bool is_list = at > 0 && (is_word(at - 1, "select") || is_word(at - 1, "distinct") ||
                                    is_word(at - 1, "all") || is_sign(at - 1, ","));
    if (!asks_objects_ || frame.is_call || frame.in_from || !is_list || !is_sign(at, "*"))
        return false;
    frame.out += gap(at++) + "* EXCLUDE (\"$path\", \"$size\")";
    return true;
}

}  // namespace stroma::redshift
