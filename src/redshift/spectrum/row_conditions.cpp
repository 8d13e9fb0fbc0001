#include "redshift/spectrum/row_conditions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "redshift/external.h"

namespace stroma::redshift {
namespace {

thread_local const RowConditions* asked_for = nullptr;

using How = RowCondition::How;

class ConditionReader {
public:
    explicit ConditionReader(std::span<const Token> tokens) : tokens_(tokens) {}
    RowConditions run();

private:
    bool is_word(std::size_t at, std::string_view word) const {
        return at < tokens_.size() && tokens_[at].kind == TokenKind::word &&
               tokens_[at].word == word;
    }
    bool is_sign(std::size_t at, std::string_view sign) const {
        return at < tokens_.size() && tokens_[at].kind == TokenKind::sign &&
               tokens_[at].word == sign;
    }
    bool is_name(std::size_t at) const {
        return at < tokens_.size() &&
               (tokens_[at].kind == TokenKind::word || tokens_[at].kind == TokenKind::quoted);
    }
    bool is_one_select() const;
    std::size_t find_from() const;
    bool read_relation(std::size_t& at);
    /// False where the condition as a whole is none that all rows fulfil.
    bool read_where(std::size_t at);
    void read_one(std::size_t at, std::size_t end);
    std::optional<RowCondition::Literal> literal(std::size_t& at, std::size_t end) const;
    bool is_named_once() const;
    void add(std::string column, How how, std::vector<RowCondition::Literal> values) {
        found_.all.push_back({std::move(column), how, std::move(values)});
    }

    std::span<const Token> tokens_;
    RowConditions found_;
    std::string alias_, table_;
};

bool ConditionReader::is_one_select() const {
    const auto selects = std::count_if(tokens_.begin(), tokens_.end(), [](const Token& token) {
        return token.kind == TokenKind::word && token.word == "select";
    });
    return selects == 1 && is_word(0, "select");
}

std::size_t ConditionReader::find_from() const {
    int depth = 0;
    for (std::size_t at = 0; at < tokens_.size(); ++at) {
        if (is_sign(at, "(")) ++depth;
        if (is_sign(at, ")")) --depth;
        if (depth == 0 && is_word(at, "from")) return at;
    }
    return tokens_.size();
}

// schema.table [[AS] alias] WHERE, and nothing else: `at` comes behind WHERE.
bool ConditionReader::read_relation(std::size_t& at) {
    std::vector<std::string> parts;
    for (;;) {
        if (!is_name(at)) return false;
        parts.push_back(tokens_[at++].word);
        if (!is_sign(at, ".")) break;
        ++at;
    }
    if (parts.size() < 2) return false;
    table_ = alias_ = parts.back();
    found_.table = parts[parts.size() - 2] + "." + table_;
    if (is_word(at, "as")) ++at;
    if (!is_word(at, "where") && is_name(at)) alias_ = tokens_[at++].word;
    return is_word(at++, "where");
}

// Whatever else the statement may hold (TABLE x, FROM x in parentheses), it reads the table once.
bool ConditionReader::is_named_once() const {
    int named = 0;
    for (std::size_t at = 0; at < tokens_.size(); ++at)
        if (is_name(at) && lower_of(tokens_[at].word) == lower_of(table_) && !is_sign(at + 1, "."))
            ++named;
    return named == 1;
}

std::optional<RowCondition::Literal> ConditionReader::literal(std::size_t& at,
                                                              std::size_t end) const {
    RowCondition::Literal made;
    const bool is_negative = is_sign(at, "-");
    if (is_negative) ++at;
    if (!is_negative && (is_word(at, "date") || is_word(at, "timestamp"))) ++at;
    if (at >= end) return std::nullopt;
    const Token& token = tokens_[at];
    made.is_number = token.kind == TokenKind::number;
    if (!made.is_number && (is_negative || token.kind != TokenKind::text)) return std::nullopt;
    made.text = (is_negative ? "-" : "") + token.word;
    ++at;
    return made;
}

void ConditionReader::read_one(std::size_t at, std::size_t end) {
    if (!is_name(at)) return;
    if (is_sign(at + 1, ".")) {
        if (tokens_[at].word != alias_) return;
        at += 2;
        if (!is_name(at)) return;
    }
    const std::string column = lower_of(tokens_[at++].word);
    if (is_word(at, "is") && is_word(at + 1, "null") && at + 2 == end)
        return add(column, How::is_null, {});
    if (is_word(at, "between")) {
        const auto least = literal(++at, end);
        if (!least || !is_word(at, "and")) return;
        const auto most = literal(++at, end);
        if (!most || at != end) return;
        add(column, How::at_least, {*least});
        return add(column, How::at_most, {*most});
    }
    if (is_word(at, "in") && is_sign(at + 1, "(")) {
        std::vector<RowCondition::Literal> values;
        ++at;
        do {
            const auto value = literal(++at, end);
            if (!value) return;
            values.push_back(*value);
        } while (is_sign(at, ","));
        if (!is_sign(at, ")") || at + 1 != end) return;
        return add(column, How::among, std::move(values));
    }
    constexpr std::array<std::pair<std::string_view, How>, 5> operators = {{{"=", How::equal},
                                                                            {"<", How::less},
                                                                            {"<=", How::at_most},
                                                                            {">", How::more},
                                                                            {">=", How::at_least}}};
    for (const auto& [sign, how] : operators) {
        if (!is_sign(at, sign)) continue;
        const auto value = literal(++at, end);
        if (value && at == end) add(column, how, {*value});
        return;
    }
}

bool ConditionReader::read_where(std::size_t at) {
    constexpr std::array<std::string_view, 8> ends = {"group",  "having", "order",  "limit",
                                                      "offset", "fetch",  "window", "qualify"};
    int depth = 0;
    bool is_between = false;
    std::size_t begun = at;
    for (;; ++at) {
        const Token& token = tokens_[at];
        const bool is_end = token.kind == TokenKind::end || is_sign(at, ";") ||
                            (depth == 0 && token.kind == TokenKind::word &&
                             std::find(ends.begin(), ends.end(), token.word) != ends.end());
        if (is_sign(at, "(") || is_sign(at, "[")) ++depth;
        if (is_sign(at, ")") || is_sign(at, "]")) --depth;
        if (depth == 0 && (is_word(at, "or") || is_word(at, "case"))) return false;
        if (depth == 0 && is_word(at, "between")) is_between = true;
        const bool is_and = depth == 0 && is_word(at, "and");
        if (is_and && is_between) {
            is_between = false;
            continue;
        }
        if (!is_and && !is_end) continue;
        read_one(begun, at);
        begun = at + 1;
        if (is_end) return true;
    }
}

RowConditions ConditionReader::run() {
    std::size_t at = find_from() + 1;
    if (!is_one_select() || at >= tokens_.size() || !read_relation(at) || !is_named_once() ||
        !read_where(at))
        return {};
    return std::move(found_);
}

bool is_whole(std::string_view text) {
    const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
    return !digits.empty() && digits.size() <= 18 &&
           digits.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_day(std::string_view text) {
    return text.size() == 10 && text[4] == '-' && text[7] == '-' &&
           text.find_first_not_of("0123456789-") == std::string_view::npos;
}

/// How statistics of a type look, and which of its literals are compared in their order.
struct Ordered {
    std::string_view stored;  ///< SQL over parquet_metadata
    std::string_view pattern;
    bool (*is_comparable)(const RowCondition::Literal&);
};

std::optional<Ordered> ordered(std::string_view engine_type) {
    if (engine_type == "SMALLINT" || engine_type == "INTEGER" || engine_type == "BIGINT")
        return Ordered{"type IN ('INT32', 'INT64')", "-?[0-9]+",
                       [](const RowCondition::Literal& value) { return is_whole(value.text); }};
    if (engine_type == "DATE")
        return Ordered{"type = 'INT32'", "[0-9]{4}-[0-9]{2}-[0-9]{2}",
                       [](const RowCondition::Literal& value) { return is_day(value.text); }};
    if (engine_type == "TIMESTAMP")
        return Ordered{"type = 'INT64'", "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]+",
                       [](const RowCondition::Literal& value) {
                           return !value.is_number && value.text.size() >= 10 &&
                                  is_day(std::string_view(value.text).substr(0, 10));
                       }};
    if (engine_type == "VARCHAR")
        return Ordered{"type = 'BYTE_ARRAY' AND is_text", "(?s).*",
                       [](const RowCondition::Literal& value) { return !value.is_number; }};
    return std::nullopt;
}

}  // namespace

RowConditions conditions_of(std::span<const Token> tokens) { return ConditionReader(tokens).run(); }

AskingFor::AskingFor(std::span<const Token> tokens)
    : conditions_(std::make_unique<const RowConditions>(conditions_of(tokens))),
      before_(std::exchange(asked_for, conditions_.get())) {}

AskingFor::~AskingFor() { asked_for = before_; }

std::vector<RowCondition> asked_conditions(std::string_view table) {
    if (asked_for == nullptr || asked_for->table != table) return {};
    return asked_for->all;
}

std::string excludes(const RowCondition& condition, std::string_view engine_type) {
    const std::string column = "lower(path_in_schema) = " + quoted_text(condition.column);
    if (condition.how == How::is_null) return "(" + column + " AND stats_null_count = 0)";
    const auto order = ordered(engine_type);
    if (!order ||
        !std::all_of(condition.values.begin(), condition.values.end(), order->is_comparable))
        return "";
    const std::string least = fmt::format("TRY_CAST(stats_min_value AS {})", engine_type);
    const std::string most = fmt::format("TRY_CAST(stats_max_value AS {})", engine_type);
    std::string outside;
    for (const RowCondition::Literal& literal : condition.values) {
        const std::string value =
            fmt::format("TRY_CAST({} AS {})", quoted_text(literal.text), engine_type);
        switch (condition.how) {
            case How::less: outside = fmt::format("{} >= {}", least, value); break;
            case How::at_most: outside = fmt::format("{} > {}", least, value); break;
            case How::more: outside = fmt::format("{} <= {}", most, value); break;
            case How::at_least: outside = fmt::format("{} < {}", most, value); break;
            default:
                outside += fmt::format("{}({} < {} OR {} > {})", outside.empty() ? "" : " AND ",
                                       value, least, value, most);
        }
    }
    return fmt::format(
        "({} AND {} AND regexp_full_match(stats_min_value, '{}') AND "
        "regexp_full_match(stats_max_value, '{}') AND {})",
        column, order->stored, order->pattern, order->pattern, outside);
}

}  // namespace stroma::redshift
