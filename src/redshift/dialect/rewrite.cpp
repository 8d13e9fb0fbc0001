#include "redshift/rewrite.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "redshift/dialect/call.h"
#include "redshift/rewriter.h"
#include "redshift/types.h"
#include "redshift/value_text.h"

namespace stroma::redshift {
namespace {

template <std::size_t N>
bool among(const std::array<std::string_view, N>& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr std::array<std::string_view, 13> ends_from = {
    "where",  "group", "having",  "order",  "limit",     "union", "intersect",
    "except", "minus", "qualify", "window", "returning", "set"};

constexpr std::array<std::string_view, 4> lists_of_catalog = {"conkey", "confkey", "indkey",
                                                              "proargtypes"};

// What information_schema has as views of ours; the rest is the engine's.
constexpr std::array<std::string_view, 5> told_of_information = {
    "columns", "table_constraints", "key_column_usage", "referential_constraints",
    "constraint_column_usage"};

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

bool is_array_parameter(std::span<const Token> tokens, std::size_t at) {
    if (at + 3 >= tokens.size() || tokens[at].kind != TokenKind::word) return false;
    const std::string& word = tokens[at].word;
    const auto is_bracket = [&](std::size_t where, std::string_view sign) {
        return tokens[where].kind == TokenKind::sign && tokens[where].word == sign;
    };
    return (word == "any" || word == "some" || word == "all") && is_bracket(at + 1, "(") &&
           tokens[at + 2].kind == TokenKind::parameter && is_bracket(at + 3, ")");
}

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

// conkey = '{1,2}': drivers compare the catalog's lists with texts of PostgreSQL's form.
bool Rewriter::is_list_of_catalog(std::size_t at) const {
    const std::string& text = tokens_[at].word;
    return at > 1 && (is_sign(at - 1, "=") || is_sign(at - 1, "<>")) && text.starts_with('{') &&
           text.ends_with('}') && among(lists_of_catalog, tokens_[at - 2].word);
}

Answer<void> Rewriter::step(Frame& frame, std::size_t& at) {
    const Token& token = tokens_[at];
    switch (token.kind) {
        case TokenKind::word: return word(frame, at);
        case TokenKind::quoted:
            if (token.word.find_first_of("/\\*?") != std::string::npos && frame.in_from)
                return fail(syntax_failure(token, "a relation's name has no such sign"));
            if (TRY(super_relation(frame, at))) return {};
            return name(frame, at);
        case TokenKind::sign: return sign(frame, at);
        case TokenKind::parameter: {
            frame.out += gap(at);
            frame.primary = frame.out.size();
            const std::string value = context_.parameters_are_null ? "NULL" : token.word;
            frame.out +=
                has_type(at) ? fmt::format("CAST({} AS {})", value, parameter_type(at)) : value;
            ++at;
            return {};
        }
        case TokenKind::text:
            if (frame.in_from && !frame.is_call && at > 0 &&
                (is_word(at - 1, "from") || is_word(at - 1, "join") || is_sign(at - 1, ",")))
                return fail(syntax_failure(token, "a relation is named, not written as a text"));
            if (is_list_of_catalog(at)) {
                const std::string_view within = std::string_view(token.word).substr(1);
                frame.out +=
                    gap(at) + quoted_text(fmt::format("[{}]", within.substr(0, within.size() - 1)));
                ++at;
                return {};
            }
            [[fallthrough]];
        default:
            frame.primary = frame.out.size();
            copy(frame, at);
            ++at;
            return {};
    }
}

const std::string& Rewriter::parameter_type(std::size_t at) const {
    static const std::string none;
    const std::size_t number = std::strtoul(tokens_[at].word.c_str() + 1, nullptr, 10);
    const auto& types = context_.parameter_types;
    return number >= 1 && number <= types.size() ? types[number - 1] : none;
}

// Whether all that generate_series is given are integers of four bytes at most, as far as can be
// seen: then so are its rows.
bool Rewriter::are_small(std::size_t open, std::size_t close) const {
    for (const TokenRange each : arguments(open, close)) {
        const std::size_t at = each.from + (is_sign(each.from, "-") ? 1 : 0);
        constexpr std::array<std::string_view, 4> small_types = {"int", "integer", "int4",
                                                                 "smallint"};
        if (is_sign(at + 1, "::") && at + 3 == each.to && among(small_types, tokens_[at + 2].word))
            continue;
        if (at + 1 != each.to) return false;
        const Token& token = tokens_[at];
        const bool is_number = token.kind == TokenKind::number && token.word.size() < 10 &&
                               token.word.find_first_not_of("0123456789") == std::string::npos;
        const bool is_parameter =
            token.kind == TokenKind::parameter &&
            (parameter_type(at) == "SMALLINT" || parameter_type(at) == "INTEGER");
        if (!is_number && !is_parameter) return false;
    }
    return true;
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
    const bool is_user = word == "current_user" || word == "session_user" || word == "user" ||
                         word == "current_user_id";
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

// APPROXIMATE COUNT(DISTINCT …): what the engine estimates can be a tenth off, and Redshift
// promises a fiftieth. Of other functions the word says nothing.
Answer<void> Rewriter::exact_count(Frame& frame, std::size_t& at) {
    ++at;
    if (!is_word(at, "count") || !is_word(at + 2, "distinct")) return {};
    const std::size_t close = closing(at + 1);
    frame.out += " count(DISTINCT " + TRY(range({at + 3, close}, true)) + ")";
    at = close + 1;
    return {};
}

// Words that mean something by themselves; false for all others.
Answer<bool> Rewriter::keyword(Frame& frame, std::size_t& at) {
    const std::string& word = tokens_[at].word;
    if (word == "select" && TRY(hierarchy(frame, at))) return true;
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
    if (value_word(frame, at) || like_pattern(frame, at) || TRY(like_value(frame, at)) ||
        typed_literal(frame, at))
        return true;
    if (word == "interval" && TRY(interval_literal(frame, at))) return true;
    if (word == "#") return of_one_side(frame, at);
    const bool is_of_aws = word == "current_namespace" || word == "current_aws_account";
    if (is_of_aws && context_.session_value && !frame.in_from && !is_sign(at + 1, "."))
        return refuse("0A000", word + " is not there: no account or namespace of AWS holds this");
    if (word == "connect" && is_word(at + 1, "by"))
        return fail(syntax_failure(tokens_[at], "CONNECT BY belongs to a SELECT from a relation"));
    if (word == "approximate" && is_sign(at + 2, "(")) {
        TRY(exact_count(frame, at));
        return true;
    }
    // Of a type that nobody told: compared with one value, the engine finds what an element is.
    if (is_array_parameter(tokens_, at) && !has_type(at + 2)) {
        frame.out += gap(at++);
        return true;
    }
    if (word == "collate" && is_sign(at + 1, "("))
        return refuse("0A000", "there is one collation: compare LOWER of both");
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
    if (!is_part && TRY(super_relation(frame, at))) return {};
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
        if (first == "information_schema" && is_sign(at + 1, ".") && frame.in_from &&
            among(told_of_information, tokens_[at + 2].word)) {
            const std::string& relation = tokens_[at + 2].word;
            at += 3;
            frame.out += fmt::format("{}.stroma_{}", schema::catalog, relation);
            name_relation(frame, at, relation);
            return {};
        }
        if (type_function(frame, at)) return {};
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
    if (!is_part && (session_relation(frame, at, at) || told_relation(frame, at))) return {};
    const bool opens = at + 1 < frame.end && is_sign(at + 1, "(");
    const bool is_super = is_word(at, "array") && !is_word(at + 2, "select");
    const bool is_function = opens && (tokens_[at].kind == TokenKind::quoted || is_super ||
                                       !among(no_functions, tokens_[at].word));
    if (is_function && !is_part) return call(frame, at);
    if (is_function && !is_function_for_users(tokens_[at].word))
        return refuse("42501", fmt::format("permission denied for function {}", tokens_[at].word));
    if (!is_part && bare_alias(frame, at)) return {};
    const Token& token = tokens_[at];
    if (is_part) frame.out += gap(at);
    // The engine's AT is a keyword where Redshift has a name.
    if (token.kind == TokenKind::word && token.word == "at" && !is_word(at + 1, "time")) {
        frame.out += "\"at\"";
        ++at;
        return {};
    }
    // A temporary table's name may begin with a sign that the engine's can't.
    const bool is_plain = token.kind == TokenKind::word;
    frame.out += is_plain && token.word.starts_with('#') ? quoted_name(token.word)
                 : is_plain                              ? token.word
                            : std::string(text_.substr(token.offset, token.size));
    ++at;
    return {};
}

// oid = t.typreceive: pg_type has functions by their names, as most clients read them.
bool Rewriter::type_function(Frame& frame, std::size_t& at) const {
    const std::size_t last = is_sign(at + 1, ".") ? at + 2 : at;
    const bool is_one = is_word(last, "typreceive") || is_word(last, "typinput") ||
                        is_word(last, "typsend") || is_word(last, "typoutput");
    if (!is_one || at < 2 || !is_sign(at - 1, "=") || !is_word(at - 2, "oid")) return false;
    frame.out += fmt::format("to_regproc({}{})", last > at ? tokens_[at].word + "." : "",
                             tokens_[last].word);
    at = last + 1;
    return true;
}

// A relation that only the session knows, written at `name`; what stands for it is a subquery.
bool Rewriter::session_relation(Frame& frame, std::size_t& at, std::size_t name) const {
    const bool is_one = is_word(name, "pg_cursors") || is_word(name, "pg_prepared_statements") ||
                        is_word(name, "pg_settings");
    if (!frame.in_from || !is_one || !context_.session_value) return false;
    const auto relation = context_.session_value(tokens_[name].word);
    if (!relation) return false;
    frame.out += *relation;
    at = name + 1;
    name_relation(frame, at, tokens_[name].word);
    return true;
}

// Without a name of its own a relation goes by the one that the client knows.
void Rewriter::name_relation(Frame& frame, std::size_t at, std::string_view name) const {
    const bool is_named = at < frame.end && (tokens_[at].kind == TokenKind::quoted ||
                                             (tokens_[at].kind == TokenKind::word &&
                                              !among(ends_from, tokens_[at].word) &&
                                              !among(joins, tokens_[at].word)));
    if (!is_named) frame.out += fmt::format(" AS {}", name);
}

// now() t in FROM: one row, whose column is called as the relation. These give one value; others
// may give rows.
Answer<bool> Rewriter::value_relation(Frame& frame, std::size_t& at) {
    constexpr std::array<std::string_view, 15> of_one_value = {
        "string_to_array", "now",   "getdate",    "clock_timestamp", "statement_timestamp",
        "version",         "lower", "upper",      "current_schema",  "pg_backend_pid",
        "txid_current",    "round", "date_trunc", "to_char",         "timeofday"};
    const std::size_t first = at > 1 && is_sign(at - 1, ".") ? at - 2 : at;
    const bool is_relation = first > 0 && (is_word(first - 1, "from") ||
                                           is_word(first - 1, "join") || is_sign(first - 1, ","));
    if (!frame.in_from || frame.is_call || !is_relation || tokens_[at].kind != TokenKind::word ||
        !among(of_one_value, tokens_[at].word))
        return false;
    const std::size_t close = closing(at + 1);
    const std::size_t alias = is_word(close + 1, "as") ? close + 2 : close + 1;
    const bool is_named = alias < frame.end && tokens_[alias].kind == TokenKind::word &&
                          !among(ends_from, tokens_[alias].word) &&
                          !among(joins, tokens_[alias].word);
    const std::string name = quoted_name(is_named ? tokens_[alias].word : tokens_[at].word);
    frame.out += fmt::format("(SELECT {0} AS {1}) AS {1}", TRY(range({at, close + 1}, true)), name);
    at = is_named ? alias + 1 : close + 1;
    return true;
}

// The engine's own function would tell its settings; the session's are those that clients know.
Answer<bool> Rewriter::setting(Frame& frame, std::size_t& at) {
    if (!is_sign(at + 1, "(") || !context_.session_value) return false;
    if (is_word(at, "set_config")) return setting_change(frame, at);
    if (!is_word(at, "current_setting")) return false;
    const std::size_t close = closing(at + 1);
    const auto given = arguments(at + 1, close);
    if (given.empty() || given.size() > 2 || close >= frame.end)
        return fail(syntax_failure(tokens_[at + 1], "current_setting needs a setting's name"));
    const bool may_miss = given.size() == 2 && is_word(given[1].from, "true");
    const Token& name = tokens_[given[0].from];
    const bool is_literal = name.kind == TokenKind::text && given[0].to == given[0].from + 1;
    if (is_literal) {
        const auto value = context_.session_value("setting " + name.word);
        if (!value && !may_miss)
            return refuse("42704",
                          fmt::format("unrecognized configuration parameter \"{}\"", name.word));
        frame.out += value ? *value : "CAST(NULL AS VARCHAR)";
    } else {
        const auto all = context_.session_value("settings");
        if (!all) return false;
        const std::string asked = "CAST(" + TRY(range(given[0], true)) + " AS VARCHAR)";
        for (const char letter : may_miss ? all->substr(0, all->rfind(" ELSE ")) + " END" : *all)
            frame.out += letter == '@' ? asked : std::string(1, letter);
    }
    at = close + 1;
    return true;
}

// A function of one value as a relation of one row; and the columns of late binding views.
bool Rewriter::relation_call(Frame& frame, std::size_t& at) const {
    if (!frame.in_from || frame.is_call) return false;
    const std::string& word = tokens_[at].word;
    std::size_t next = closing(at + 1) + 1;
    if (word == "pg_get_late_binding_view_cols") {
        const std::size_t alias = is_word(next, "as") ? next + 1 : next;
        if (!is_sign(alias + 1, "(")) return false;
        constexpr std::array<std::string_view, 5> told = {"view_schema", "view_name", "col_name",
                                                          "col_type", "col_num"};
        std::string columns;
        const std::size_t close = closing(alias + 1);
        const auto wanted = arguments(alias + 1, close);
        for (std::size_t each = 0; each < std::min(wanted.size(), told.size()); ++each)
            columns += fmt::format(
                "{}CAST({} AS {}) AS {}", columns.empty() ? "" : ", ", told[each],
                is_word(wanted[each].from + 1, "int") || is_word(wanted[each].from + 1, "integer")
                    ? "INTEGER"
                    : "VARCHAR",
                quoted_name(tokens_[wanted[each].from].word));
        frame.out += fmt::format("(SELECT {} FROM {}.stroma_late_columns) AS {}", columns,
                                 schema::catalog, quoted_name(tokens_[alias].word));
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
    if (TRY(setting(frame, at)) || TRY(value_relation(frame, at)) || relation_call(frame, at))
        return {};
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
    const bool is_series = token.word == "generate_series";
    const bool is_rows = is_series && !frame.in_from && !frame.is_call;
    const bool is_small = is_series && are_small(open, close);
    if (is_rows) frame.out += is_small ? "CAST(unnest(" : "unnest(";
    const std::size_t begun = frame.out.size();
    frame.out += token.kind == TokenKind::word ? token.word : quoted_name(token.word);
    frame.out += "(" + TRY(range({name_at + 2, close}, true)) + ")";
    if (is_rows) frame.out += is_small ? ") AS INTEGER)" : ")";
    at = std::min(close + 1, frame.end);
    const std::size_t called = frame.out.size();
    name_column(frame, at, token.word);
    // Named it is a relation of one column that we know: of integers, as in PostgreSQL.
    if (is_small && frame.out.size() > called) {
        const std::string series = frame.out.substr(begun, called - begun);
        const std::string alias =
            frame.out.substr(called + 4, frame.out.find('(', called) - called - 4);
        frame.out.resize(begun);
        frame.out += fmt::format("(SELECT CAST({0} AS INTEGER) AS {0} FROM {1} AS s({0})) AS {0}",
                                 alias, series);
    } else if (is_small && frame.in_from && !frame.is_call) {
        frame.out.insert(begun,
                         "(SELECT CAST(generate_series AS INTEGER) AS generate_series FROM ");
        frame.out += ")";
        name_relation(frame, at, token.word);
    }
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
        if (tokens_[at].kind == TokenKind::parameter && !has_type(at)) return false;
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
    if (TRY(of_one_side(frame, at)) || told_star(frame, at)) return {};
    if (sign == "::") return cast(frame, at);
    if (sign == "/" || sign == "%") return divide(frame, at);
    if (joins_texts(frame, at)) {
        frame.out += gap(at++) + "||";
        return {};
    }
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
