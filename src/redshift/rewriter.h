#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "redshift/rewrite.h"

// Between rewrite.cpp, which walks, and dialect_functions.cpp, which knows the functions.

namespace stroma::redshift {

struct TokenRange {
    std::size_t from = 0, to = 0;
};

/// Walks a range of tokens and writes it anew.
class Rewriter {
public:
    Rewriter(std::string_view text, std::span<const Token> tokens, const RewriteContext& context)
        : text_(text),
          tokens_(tokens),
          context_(context),
          asks_objects_(std::any_of(tokens.begin(), tokens.end(), [](const Token& token) {
              return token.kind == TokenKind::quoted &&
                     (token.word == "$path" || token.word == "$size");
          })) {}

    Answer<std::string> range(TokenRange range, bool is_call = false);

    const Token& token(std::size_t at) const { return tokens_[at]; }
    bool is_word(std::size_t at, std::string_view word) const;
    bool is_sign(std::size_t at, std::string_view sign) const;
    /// The index of the bracket that closes the one at `open`; the end's where none does.
    std::size_t closing(std::size_t open) const;
    /// What lies between commas at no depth.
    std::vector<TokenRange> arguments(std::size_t open, std::size_t close) const;
    const RewriteContext& context() const { return context_; }
    /// Whether a text is written as 'text', where a backslash is only a sign.
    bool is_plain_text(std::size_t at) const {
        return tokens_[at].kind == TokenKind::text && text_[tokens_[at].offset] == '\'';
    }

private:
    struct Frame {
        std::string out;
        std::size_t end = 0;
        std::string limit;  ///< of TOP
        bool in_from = false, is_call = false;
        std::size_t primary = 0;  ///< where in `out` the last primary began
    };
    Answer<void> step(Frame& frame, std::size_t& at);
    Answer<void> word(Frame& frame, std::size_t& at);
    /// A SELECT with CONNECT BY, up to its end; false for any other.
    Answer<bool> hierarchy(Frame& frame, std::size_t& at);
    Answer<std::string> of_hierarchy(TokenRange range, std::string_view level) const;
    Answer<void> exact_count(Frame& frame, std::size_t& at);
    Answer<bool> keyword(Frame& frame, std::size_t& at);
    Answer<void> name(Frame& frame, std::size_t& at);
    Answer<void> call(Frame& frame, std::size_t& at);
    bool type_function(Frame& frame, std::size_t& at) const;
    bool session_relation(Frame& frame, std::size_t& at, std::size_t name) const;
    /// current_setting(…) of the session, and set_config(…); false for anything else.
    Answer<bool> setting(Frame& frame, std::size_t& at);
    Answer<bool> setting_change(Frame& frame, std::size_t& at);
    bool relation_call(Frame& frame, std::size_t& at) const;
    Answer<bool> value_relation(Frame& frame, std::size_t& at);
    /// An element of FROM that lies within a value of SUPER; false for any other.
    Answer<bool> super_relation(Frame& frame, std::size_t& at);
    bool is_earlier_relation(std::size_t at, std::string_view name) const;
    /// INTERVAL '1 2:03' DAY TO MINUTE.
    Answer<bool> interval_literal(Frame& frame, std::size_t& at) const;
    /// 'a' + b: the engine's + knows no texts.
    bool joins_texts(const Frame& frame, std::size_t at) const;
    bool is_text_beside(std::size_t at, bool is_left) const;
    /// SELECT x name: a word of the engine's grammar as a column's name without AS.
    bool bare_alias(Frame& frame, std::size_t& at) const;
    bool told_relation(Frame& frame, std::size_t& at) const;
    bool told_star(Frame& frame, std::size_t& at) const;
    void name_relation(Frame& frame, std::size_t at, std::string_view name) const;
    Answer<void> sign(Frame& frame, std::size_t& at);
    Answer<void> cast(Frame& frame, std::size_t& at);
    void cast_operand(Frame& frame, std::size_t at, std::uint32_t type, std::string& operand) const;
    Answer<void> match(Frame& frame, std::size_t& at, std::string_view operation);
    /// The engine's type of the parameter at a token; "" where it isn't known.
    const std::string& parameter_type(std::size_t at) const;
    bool has_type(std::size_t at) const { return !parameter_type(at).empty(); }
    bool are_small(std::size_t open, std::size_t close) const;
    Answer<void> divide(Frame& frame, std::size_t& at);
    Answer<bool> of_one_side(Frame& frame, std::size_t& at);
    bool like_pattern(Frame& frame, std::size_t& at) const;
    Answer<bool> like_value(Frame& frame, std::size_t& at);
    bool is_list_of_catalog(std::size_t at) const;
    bool typed_literal(Frame& frame, std::size_t& at) const;
    bool value_word(Frame& frame, std::size_t& at) const;
    bool may_be_zero(std::size_t from, std::size_t to, std::size_t end) const;
    Answer<void> top(Frame& frame, std::size_t& at);
    Answer<std::string> primary(std::size_t end, std::size_t& at);
    void name_column(Frame& frame, std::size_t& at, std::string_view function) const;
    void copy(Frame& frame, std::size_t at) const;
    std::string gap(std::size_t at) const;

    std::string_view text_;
    std::span<const Token> tokens_;
    const RewriteContext& context_;
    bool asks_objects_;  ///< for "$path" or "$size" of external tables
    std::set<std::string, std::less<>> super_values_;  ///< names of values that FROM took apart
};

/// A call of a function of the dialect: `at` is its name, `open` its parenthesis. Gives what stands
/// for it and moves `at` behind; nothing where the engine's own function of that name does.
Answer<std::optional<std::string>> rewrite_call(Rewriter& rewriter, std::size_t& at,
                                                std::size_t open, std::size_t end);

/// The engine's name of a date part ("mon", "yr"…); "" where it isn't one.
std::string_view date_part_named(std::string_view word);

}  // namespace stroma::redshift
