#include "redshift/rewrite.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "redshift/dialect/call.h"
#include "redshift/rewriter.h"
#include "redshift/types.h"

namespace stroma::redshift {
namespace {

template <std::size_t N>
bool among(const std::array<std::string_view, N>& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr std::array<std::string_view, 13> ends_from = {
    "where",  "group", "having",  "order",  "limit",     "union", "intersect",
    "except", "minus", "qualify", "window", "returning", "set"};

constexpr std::array<std::string_view, 10> joins = {"join",  "left",    "right", "full",  "inner",
                                                    "cross", "natural", "on",    "using", "offset"};

// After these a parenthesis opens no call.
constexpr std::array<std::string_view, 51> no_functions = {
    "in",        "and",     "or",     "not",       "on",   "using",    "where",   "having",
    "select",    "from",    "join",   "as",        "when", "then",     "else",    "case",
    "between",   "like",    "ilike",  "by",        "over", "values",   "union",   "all",
    "any",       "some",    "exists", "except",    "with", "distinct", "limit",   "offset",
    "group",     "filter",  "order",  "intersect", "is",   "set",      "into",    "top",
    "table",     "minus",   "to",     "similar",   "rows", "range",    "qualify", "materialized",
    "recursive", "lateral", "array"};

// Redshift's own views lie in its pg_catalog.
bool is_of_system(std::string_view name) {
    for (const std::string_view kind : {"svv_", "svl_", "svcs_", "stl_", "stv_", "sys_"})
        if (name.starts_with(kind)) return true;
    return false;
}

}  // namespace

bool Rewriter::is_word(std::size_t at, std::string_view word) const {
    return at < tokens_.size() && tokens_[at].kind == TokenKind::word && tokens_[at].word == word;
}

bool Rewriter::is_sign(std::size_t at, std::string_view sign) const {
    return at < tokens_.size() && tokens_[at].kind == TokenKind::sign && tokens_[at].word == sign;
}

std::size_t Rewriter::closing(std::size_t open) const {
    int depth = 0;
    for (std::size_t at = open; at < tokens_.size(); ++at) {
        if (is_sign(at, "(") || is_sign(at, "[")) ++depth;
        if ((is_sign(at, ")") || is_sign(at, "]")) && --depth == 0) return at;
    }
    return tokens_.size() - 1;
}

std::vector<TokenRange> Rewriter::arguments(std::size_t open, std::size_t close) const {
    std::vector<TokenRange> found;
    if (close == open + 1) return found;
    int depth = 0;
    std::size_t from = open + 1;
    for (std::size_t at = from; at <= close; ++at) {
        if (at == close || (depth == 0 && is_sign(at, ","))) {
            found.push_back({from, at});
            from = at + 1;
        }
        if (is_sign(at, "(") || is_sign(at, "[")) ++depth;
        if (is_sign(at, ")") || is_sign(at, "]")) --depth;
    }
    return found;
}

std::string Rewriter::gap(std::size_t at) const {
    return std::string(text_.substr(tokens_[at].gap, tokens_[at].offset - tokens_[at].gap));
}

void Rewriter::copy(Frame& frame, std::size_t at) const {
    const Token& token = tokens_[at];
    frame.out += gap(at);
    const std::string_view written = text_.substr(token.offset, token.size);
    switch (token.kind) {
        case TokenKind::word: frame.out += token.word; return;
        case TokenKind::text:
            frame.out += written.front() == '\'' ? std::string(written) : quoted_text(token.word);
            return;
        default: frame.out += written; return;
    }
}

Answer<std::string> Rewriter::range(TokenRange range, bool is_call) {
    Frame frame;
    frame.end = range.to;
    frame.is_call = is_call;
    for (std::size_t at = range.from; at < range.to;) TRY(step(frame, at));
    if (!frame.limit.empty()) frame.out += " limit " + frame.limit;
    return std::move(frame.out);
}

Answer<void> Rewriter::step(Frame& frame, std::size_t& at) {
    const Token& token = tokens_[at];
    switch (token.kind) {
        case TokenKind::word: return word(frame, at);
        case TokenKind::quoted:
            if (token.word.find_first_of("/\\*?") != std::string::npos && frame.in_from)
                return fail(syntax_failure(token, "a relation's name has no such sign"));
            return name(frame, at);
        case TokenKind::sign: return sign(frame, at);
        case TokenKind::parameter: {
            frame.out += gap(at);
            frame.primary = frame.out.size();
            const auto number =
                static_cast<std::size_t>(std::strtoul(token.word.c_str() + 1, nullptr, 10));
            const bool has_type = number >= 1 && number <= context_.parameter_types.size() &&
                                  !context_.parameter_types[number - 1].empty();
            const std::string value = context_.parameters_are_null ? "NULL" : token.word;
            frame.out += has_type ? fmt::format("CAST({} AS {})", value,
                                                context_.parameter_types[number - 1])
                                  : value;
            ++at;
            return {};
        }
        case TokenKind::text:
            if (frame.in_from && !frame.is_call && at > 0 &&
                (is_word(at - 1, "from") || is_word(at - 1, "join") || is_sign(at - 1, ",")))
                return fail(syntax_failure(token, "a relation is named, not written as a text"));
            [[fallthrough]];
        default:
            frame.primary = frame.out.size();
            copy(frame, at);
            ++at;
            return {};
    }
}

Answer<void> Rewriter::top(Frame& frame, std::size_t& at) {
    ++at;
    if (is_sign(at, "(")) {
        const std::size_t close = closing(at);
        frame.limit = TRY(range({at, close + 1}));
        at = close + 1;
        return {};
    }
    frame.limit = tokens_[at].word;
    ++at;
    return {};
}

// Words that stand for a value of the session.
bool Rewriter::value_word(Frame& frame, std::size_t& at) const {
    const std::string& word = tokens_[at].word;
    const bool is_user = word == "current_user" || word == "session_user" || word == "user";
    const bool is_bare = !is_sign(at + 1, "(") && !is_sign(at + 1, ".") &&
                         (at == 0 || (!is_sign(at - 1, ".") && !is_word(at - 1, "as")));
    if (!is_user || !is_bare || !context_.session_value) return false;
    const auto value = context_.session_value(word);
    if (!value) return false;
    frame.out += gap(at++);
    frame.primary = frame.out.size();
    frame.out += *value;
    return true;
}

// LIKE 'a\_c': a backslash takes the sign behind it, unless ESCAPE names another. SIMILAR TO has
// LIKE's signs within a regular expression's, which the engine's has not.
bool Rewriter::like_pattern(Frame& frame, std::size_t& at) const {
    const bool is_similar = is_word(at, "similar") && is_word(at + 1, "to");
    if (!is_similar && !is_word(at, "like") && !is_word(at, "ilike")) return false;
    const std::size_t pattern = at + (is_similar ? 2 : 1);
    if (tokens_[pattern].kind != TokenKind::text || is_sign(pattern + 1, "||") ||
        is_sign(pattern + 1, "::") || is_word(pattern + 1, "escape"))
        return false;
    const std::string said =
        is_plain_text(pattern) ? single_backslashes(tokens_[pattern].word) : tokens_[pattern].word;
    const bool has_escape = said.find('\\') != std::string::npos;
    if (!is_similar && !has_escape) return false;
    if (is_similar) {
        std::string expression;
        for (std::size_t each = 0; each < said.size(); ++each) {
            const char sign = said[each];
            if (sign == '\\' && each + 1 < said.size()) {
                expression += std::string("\\") + said[++each];
            } else if (sign == '%' || sign == '_') {
                expression += sign == '%' ? ".*" : ".";
            } else {
                expression += sign == '.' || sign == '^' || sign == '$' ? "\\" : "";
                expression += sign;
            }
        }
        frame.out += " similar to " + quoted_text("(?s)" + expression);
    } else {
        copy(frame, at);
        frame.out += " " + quoted_text(said) + " escape '\\'";
    }
    at = pattern + 1;
    return true;
}

// date 'Jan 1 2020'
bool Rewriter::typed_literal(Frame& frame, std::size_t& at) const {
    const bool is_date = is_word(at, "date");
    if (!is_date && !is_word(at, "timestamp")) return false;
    if (tokens_[at + 1].kind != TokenKind::text) return false;
    const std::string usual = usual_moment(tokens_[at + 1].word, is_date);
    frame.out += gap(at);
    frame.primary = frame.out.size();
    frame.out += std::string(is_date ? "date " : "timestamp ") + quoted_text(usual);
    at += 2;
    return true;
}

// Words that mean something by themselves; false for all others.
Answer<bool> Rewriter::keyword(Frame& frame, std::size_t& at) {
    const std::string& word = tokens_[at].word;
    if (word == "select") {
        frame.in_from = frame.is_call = false;
        copy(frame, at++);
        if (is_word(at, "distinct") || is_word(at, "all")) copy(frame, at++);
        const bool counted = is_word(at, "top") && at + 1 < frame.end &&
                             (tokens_[at + 1].kind == TokenKind::number || is_sign(at + 1, "("));
        if (counted) TRY(top(frame, at));
        return true;
    }
    if (word == "from" || word == "join") frame.in_from = !frame.is_call;
    if (among(ends_from, word)) frame.in_from = false;
    if (!frame.limit.empty() && (word == "union" || word == "intersect" || word == "except"))
        return refuse("0A000", "TOP within a UNION needs parentheses");
    if (word == "minus" && at > 0 && !is_sign(at - 1, ".")) {
        frame.out += gap(at++) + "except";
        return true;
    }
    if (word == "sysdate" && !is_sign(at + 1, "(")) {
        frame.out += gap(at++);
        frame.primary = frame.out.size();
        frame.out += "getdate()";
        return true;
    }
    if (value_word(frame, at) || like_pattern(frame, at) || typed_literal(frame, at)) return true;
    if (word == "#") return of_one_side(frame, at);
    if (word == "connect" && is_word(at + 1, "by"))
        return refuse("0A000", "CONNECT BY isn't there: WITH RECURSIVE says the same");
    if (word == "approximate" && is_sign(at + 2, "(")) {
        ++at;
        if (is_word(at, "count") && is_word(at + 2, "distinct")) {
            const std::size_t close = closing(at + 1);
            frame.out += " approx_count_distinct(" + TRY(range({at + 3, close}, true)) + ")";
            at = close + 1;
        }
        return true;
    }
    if (word == "collate") {
        // There is one collation.
        ++at;
        if (is_word(at, "pg_catalog") && is_sign(at + 1, ".")) at += 2;
        ++at;
        return true;
    }
    if (word == "operator" && is_sign(at + 1, "(")) {
        const std::size_t close = closing(at + 1);
        const std::string operation = tokens_[close - 1].word;
        at = close + 1;
        if (operation.find('~') != std::string::npos && operation.find("~~") == std::string::npos) {
            TRY(match(frame, at, operation));
        } else {
            frame.out += " " + operation;
        }
        return true;
    }
    return false;
}

Answer<void> Rewriter::word(Frame& frame, std::size_t& at) {
    const bool is_part = at > 0 && is_sign(at - 1, ".");
    if (!is_part && TRY(keyword(frame, at))) return {};
    return name(frame, at);
}

// A name, with what stands before it by dots, or a keyword without a rewriting of its own.
Answer<void> Rewriter::name(Frame& frame, std::size_t& at) {
    const bool is_part = at > 0 && is_sign(at - 1, ".");
    if (!is_part) {
        frame.out += gap(at);
        frame.primary = frame.out.size();
        // database.schema.name: the database is this one.
        if (is_sign(at + 1, ".") && is_sign(at + 3, ".") && tokens_[at].word == context_.database)
            at += 2;
        const std::string& first = tokens_[at].word;
        const bool is_catalog = first == "pg_catalog" && is_sign(at + 1, ".");
        const bool is_information =
            first == "information_schema" && is_sign(at + 1, ".") &&
            (context_.has_information_schema || is_word(at + 2, "_pg_expandarray"));
        if (is_catalog || is_information) {
            const bool is_function = is_sign(at + 3, "(");
            if (is_catalog && session_relation(frame, at, at + 2)) return {};
            if (!is_function)
                frame.out += std::string(!is_catalog                          ? schema::information
                                         : is_of_system(tokens_[at + 2].word) ? schema::system
                                                                              : schema::catalog) +
                             ".";
            at += 2;
            frame.out += gap(at);
            if (is_function) return call(frame, at);
            frame.out += text_.substr(tokens_[at].offset, tokens_[at].size);
            ++at;
            return {};
        }
    }
    if (!is_part && session_relation(frame, at, at)) return {};
    const bool opens = at + 1 < frame.end && is_sign(at + 1, "(");
    const bool is_super = is_word(at, "array") && !is_word(at + 2, "select");
    const bool is_function = opens && (tokens_[at].kind == TokenKind::quoted || is_super ||
                                       !among(no_functions, tokens_[at].word));
    if (is_function && !is_part) return call(frame, at);
    if (is_function && !is_function_for_users(tokens_[at].word))
        return refuse("42501", fmt::format("permission denied for function {}", tokens_[at].word));
    const Token& token = tokens_[at];
    if (is_part) frame.out += gap(at);
    // The engine's AT is a keyword where Redshift has a name.
    if (token.kind == TokenKind::word && token.word == "at" && !is_word(at + 1, "time")) {
        frame.out += "\"at\"";
        ++at;
        return {};
    }
    frame.out += token.kind == TokenKind::word
                     ? token.word
                     : std::string(text_.substr(token.offset, token.size));
    ++at;
    return {};
}

// A relation that only the session knows, written at `name`; what stands for it is a subquery.
bool Rewriter::session_relation(Frame& frame, std::size_t& at, std::size_t name) const {
    if (!frame.in_from || !is_word(name, "pg_cursors") || !context_.session_value) return false;
    const auto relation = context_.session_value("pg_cursors");
    if (!relation) return false;
    frame.out += *relation;
    at = name + 1;
    // Without a name of its own it goes by the relation's.
    const bool is_named = at < frame.end && tokens_[at].kind == TokenKind::word &&
                          !among(ends_from, tokens_[at].word) && !among(joins, tokens_[at].word);
    if (!is_named) frame.out += " AS pg_cursors";
    return true;
}

// The engine's own function would tell its settings; the session's are those that clients know.
bool Rewriter::setting(Frame& frame, std::size_t& at) const {
    const bool is_named = is_word(at, "current_setting") && is_sign(at + 1, "(") &&
                          tokens_[at + 2].kind == TokenKind::text && context_.session_value;
    if (!is_named) return false;
    const std::size_t close = closing(at + 1);
    const auto value = context_.session_value("setting " + tokens_[at + 2].word);
    if (!value || (close != at + 3 && !is_sign(at + 3, ","))) return false;
    frame.out += *value;
    at = close + 1;
    return true;
}

// A function of one value as a relation of one row; and the columns of late binding views, which
// lie among all others here, as one of none.
bool Rewriter::relation_call(Frame& frame, std::size_t& at) const {
    if (!frame.in_from || frame.is_call) return false;
    const std::string& word = tokens_[at].word;
    std::size_t next = closing(at + 1) + 1;
    if (word == "pg_get_late_binding_view_cols") {
        const std::size_t alias = is_word(next, "as") ? next + 1 : next;
        if (!is_sign(alias + 1, "(")) return false;
        std::string columns;
        const std::size_t close = closing(alias + 1);
        for (const TokenRange each : arguments(alias + 1, close))
            columns += fmt::format("{}CAST(NULL AS {}) AS {}", columns.empty() ? "" : ", ",
                                   is_word(each.to - 1, "int") ? "INTEGER" : "VARCHAR",
                                   quoted_name(tokens_[each.from].word));
        frame.out +=
            fmt::format("(SELECT {} WHERE false) AS {}", columns, quoted_name(tokens_[alias].word));
        at = close + 1;
        return true;
    }
    const bool is_value = word == "current_database" && next == at + 3 && context_.session_value;
    const auto value = is_value ? context_.session_value(word) : std::nullopt;
    if (!value) return false;
    frame.out += fmt::format("(SELECT {} AS current_database)", *value);
    at = next;
    const bool is_named = at < frame.end && tokens_[at].kind == TokenKind::word &&
                          !among(ends_from, tokens_[at].word) && !among(joins, tokens_[at].word);
    if (!is_named) frame.out += " AS " + word;
    return true;
}

Answer<void> Rewriter::call(Frame& frame, std::size_t& at) {
    if (setting(frame, at) || relation_call(frame, at)) return {};
    const Token& token = tokens_[at];
    if (!is_function_for_users(token.word))
        return refuse("42501", fmt::format("permission denied for function {}", token.word));
    const std::size_t open = at + 1;
    const std::size_t name_at = at;
    auto rewritten = TRY(rewrite_call(*this, at, open, frame.end));
    if (rewritten) {
        frame.out += *rewritten;
        return {};
    }
    const std::size_t close = std::min(closing(open), frame.end);
    // In a list of columns the engine gives it as one list, not as rows.
    const bool is_rows = token.word == "generate_series" && !frame.in_from && !frame.is_call;
    if (is_rows) frame.out += "unnest(";
    frame.out += token.kind == TokenKind::word ? token.word : quoted_name(token.word);
    frame.out += "(" + TRY(range({name_at + 2, close}, true)) + ")";
    if (is_rows) frame.out += ")";
    at = std::min(close + 1, frame.end);
    name_column(frame, at, token.word);
    return {};
}

// In FROM a function's alias names its column too: generate_series(1, 9) s gives s, not s.value.
void Rewriter::name_column(Frame& frame, std::size_t& at, std::string_view function) const {
    if (!frame.in_from || frame.is_call || (function != "generate_series" && function != "unnest"))
        return;
    const std::size_t alias = is_word(at, "as") ? at + 1 : at;
    const bool is_alias = alias < frame.end && tokens_[alias].kind == TokenKind::word &&
                          !among(ends_from, tokens_[alias].word) &&
                          !among(joins, tokens_[alias].word) && !is_sign(alias + 1, "(");
    if (!is_alias) return;
    frame.out += fmt::format(" AS {0}({0})", quoted_name(tokens_[alias].word));
    at = alias + 1;
}

Answer<std::string> Rewriter::primary(std::size_t end, std::size_t& at) {
    Frame frame;
    frame.end = end;
    frame.is_call = true;
    if (at < end && (is_sign(at, "-") || is_sign(at, "+"))) TRY(sign(frame, at));
    if (at >= end) return fail(syntax_failure(tokens_[std::min(at, tokens_.size() - 1)]));
    TRY(step(frame, at));
    while (at < end && (is_sign(at, ".") || is_sign(at, "::") || is_sign(at, "["))) {
        const bool is_dot = is_sign(at, ".");
        TRY(step(frame, at));
        if (is_dot && at < end) TRY(step(frame, at));
    }
    return std::move(frame.out);
}

// The engine's ~ wants the whole text to match, PostgreSQL's a part of it.
Answer<void> Rewriter::match(Frame& frame, std::size_t& at, std::string_view operation) {
    const bool any_case = operation.ends_with('*');
    const bool is_plain = at < frame.end && is_plain_text(at) && !is_sign(at + 1, "::");
    const std::string pattern = is_plain ? quoted_text(single_backslashes(tokens_[at++].word))
                                         : TRY(primary(frame.end, at));
    frame.out += fmt::format(" {} ('(?s{}).*(?:' || ({}) || ').*')",
                             operation.starts_with('!') ? "!~" : "~", any_case ? "i" : "", pattern);
    return {};
}

// Whether the divisor between these tokens is to be looked at. A literal is known; a parameter
// takes its type from the division itself; a subquery would run twice; and what belongs to a call
// that goes on behind it (OVER, FILTER…) can't be wrapped.
bool Rewriter::may_be_zero(std::size_t from, std::size_t to, std::size_t end) const {
    constexpr std::array<std::string_view, 5> goes_on = {"over", "filter", "within", "ignore",
                                                         "respect"};
    if (to < end && tokens_[to].kind == TokenKind::word && among(goes_on, tokens_[to].word))
        return false;
    if (is_word(from, "case") || (is_sign(from, "(") && is_word(from + 1, "select"))) return false;
    if (to == from + 1 && tokens_[from].kind == TokenKind::number)
        return tokens_[from].word.find_first_not_of("0.") == std::string::npos;
    for (std::size_t at = from; at < to; ++at)
        if (tokens_[at].kind == TokenKind::parameter) return false;
    return true;
}

// The engine makes null of a division by zero, Redshift an error.
Answer<void> Rewriter::divide(Frame& frame, std::size_t& at) {
    copy(frame, at);
    std::size_t behind = at + 1;
    const std::size_t from = behind;
    const std::string divisor = TRY(primary(frame.end, behind));
    ++at;
    if (!may_be_zero(from, behind, frame.end)) return {};
    frame.primary = frame.out.size();
    frame.out += fmt::format(" {}.divisor({})", schema::dialect, divisor);
    at = behind;
    return {};
}

/// A literal in a form that the engine reads as that type.
std::string literal_of_type(const Token& literal, std::string_view engine_type) {
    const bool is_date = engine_type == "DATE";
    if (is_date || engine_type == "TIMESTAMP")
        return quoted_text(usual_moment(literal.word, is_date));
    const std::string word = lower_of(literal.word);
    if (engine_type == "BOOLEAN" && (word == "on" || word == "off"))
        return word == "on" ? "'true'" : "'false'";
    return quoted_text(literal.word);
}

// ::type
Answer<void> Rewriter::cast(Frame& frame, std::size_t& at) {
    const Token* const literal =
        at > 0 && tokens_[at - 1].kind == TokenKind::text ? &tokens_[at - 1] : nullptr;
    ++at;
    const Token& token = tokens_[at];
    const bool named = is_word(at, "pg_catalog") && is_sign(at + 1, ".");
    const std::string& word = named ? tokens_[at + 2].word : token.word;
    std::string operand = frame.out.substr(std::min(frame.primary, frame.out.size()));
    if (word.starts_with("reg") && word.size() >= 6 && tokens_[at].kind == TokenKind::word) {
        at += named ? 3 : 1;
        frame.out.resize(frame.primary);
        frame.out += fmt::format(" to_{}({})", word, operand);
        return {};
    }
    const auto type = TRY(read_type(tokens_, at));
    const bool cuts = type.length > 0 && type.length < 65535 && type.declared != "character(1)";
    if (cuts) {
        frame.out.resize(frame.primary);
        frame.out += fmt::format(" left(CAST({} AS VARCHAR), {})", operand, type.length);
        return {};
    }
    if (literal != nullptr) {
        frame.out.resize(frame.primary);
        frame.out += gap(static_cast<std::size_t>(literal - tokens_.data())) +
                     literal_of_type(*literal, type.engine);
    }
    frame.out += "::" + type.engine;
    return {};
}

// ~x, |/ x and ||/ x, and # between two: the engine calls them otherwise.
Answer<bool> Rewriter::of_one_side(Frame& frame, std::size_t& at) {
    const std::string& sign = tokens_[at].word;
    const bool is_between = sign == "#";  // a word to the lexer: names may begin so
    constexpr std::array<std::string_view, 9> before = {"select", "and",  "or",   "not", "where",
                                                        "when",   "then", "else", "on"};
    const bool begins =
        at == 0 || tokens_[at - 1].kind == TokenKind::sign
            ? at == 0 || (!is_sign(at - 1, ")") && !is_sign(at - 1, "]"))
            : among(before, tokens_[at - 1].word) && tokens_[at - 1].kind == TokenKind::word;
    const bool is_root = sign == "|/" || sign == "||/";
    if (!is_between && !is_root && !(sign == "~" && begins)) return false;
    const std::string gap_before = gap(at++);
    const std::string left = is_between ? frame.out.substr(frame.primary) : "";
    const std::size_t from = frame.primary;
    const std::string operand = TRY(primary(frame.end, at));
    if (is_between) {
        frame.out.resize(from);
        frame.out += fmt::format(" xor({}, {})", left, operand);
        return true;
    }
    frame.out += gap_before;
    frame.primary = frame.out.size();
    frame.out += is_root ? fmt::format("{}({})", sign == "|/" ? "sqrt" : "cbrt", operand)
                         : fmt::format("(~{})", operand);
    return true;
}

Answer<void> Rewriter::sign(Frame& frame, std::size_t& at) {
    const std::string& sign = tokens_[at].word;
    if (TRY(of_one_side(frame, at))) return {};
    if (sign == "::") return cast(frame, at);
    if (sign == "/" || sign == "%") return divide(frame, at);
    if (sign == "~" || sign == "!~" || sign == "~*" || sign == "!~*") {
        ++at;
        return match(frame, at, sign);
    }
    if (sign == "(" || sign == "[") {
        const std::size_t close = std::min(closing(at), frame.end);
        const std::size_t begun = sign == "(" ? frame.out.size() : frame.primary;
        frame.out += gap(at) + sign;
        const bool inner = frame.is_call || !frame.in_from;
        frame.out += TRY(range({at + 1, close}, inner));
        if (close < frame.end) frame.out += sign == "(" ? ")" : "]";
        at = std::min(close + 1, frame.end);
        frame.primary = begun;
        return {};
    }
    if (sign == ";") return fail(syntax_failure(tokens_[at]));
    const std::size_t primary = frame.primary;
    copy(frame, at);
    if (sign == ".") frame.primary = primary;
    ++at;
    return {};
}

Answer<std::string> rewrite(std::string_view text, std::span<const Token> tokens, std::size_t from,
                            std::size_t to, const RewriteContext& context) {
    return Rewriter(text, tokens, context).range({from, to});
}

}  // namespace stroma::redshift
