#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "redshift/lexer.h"

namespace stroma::redshift {

/// Walks tokens for the grammars of statements.
class TokenReader {
public:
    explicit TokenReader(const std::vector<Token>& tokens, std::size_t at = 0)
        : tokens_(tokens), at_(at) {}

    const Token& token(std::size_t ahead = 0) const {
        return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
    }
    std::size_t at() const { return at_; }
    void move_to(std::size_t at) { at_ = at; }
    void next() {
        if (at_ + 1 < tokens_.size()) ++at_;
    }
    bool at_end() const { return token().kind == TokenKind::end; }
    bool is(std::string_view word, std::size_t ahead = 0) const {
        return token(ahead).kind == TokenKind::word && token(ahead).word == word;
    }
    bool is_sign(std::string_view sign, std::size_t ahead = 0) const {
        return token(ahead).kind == TokenKind::sign && token(ahead).word == sign;
    }
    bool take(std::string_view word) {
        if (!is(word)) return false;
        next();
        return true;
    }
    bool take_sign(std::string_view sign) {
        if (!is_sign(sign)) return false;
        next();
        return true;
    }
    /// Two words, both or neither.
    bool take(std::string_view first, std::string_view second) {
        if (!is(first) || !is(second, 1)) return false;
        next();
        next();
        return true;
    }
    Answer<void> expect(std::string_view word) {
        if (take(word)) return {};
        return wrong(word);
    }
    Answer<void> expect_sign(std::string_view sign) {
        if (take_sign(sign)) return {};
        return wrong(sign);
    }
    tl::unexpected<Failure> wrong(std::string_view wanted) const {
        return fail(syntax_failure(token(), std::string(wanted) + " is expected"));
    }
    /// What the statement's text says as the tokens from one up to another.
    std::string written(const std::string& text, std::size_t from, std::size_t to) const {
        if (from >= to) return "";
        const std::size_t begun = tokens_[from].offset;
        return text.substr(begun, tokens_[to - 1].offset + tokens_[to - 1].size - begun);
    }
    Answer<std::string> name() {
        if (token().kind != TokenKind::word && token().kind != TokenKind::quoted)
            return wrong("a name");
        std::string found = token().word;
        next();
        return found;
    }
    /// (a, b, …)
    Answer<std::vector<std::string>> names() {
        std::vector<std::string> found;
        TRY(expect_sign("("));
        do {
            found.push_back(TRY(name()));
        } while (take_sign(","));
        TRY(expect_sign(")"));
        return found;
    }
    Answer<std::string> text() {
        if (token().kind != TokenKind::text) return wrong("a text in quotes");
        std::string found = token().word;
        next();
        return found;
    }
    Answer<std::int64_t> integer() {
        const bool is_negative = take_sign("-");
        std::int64_t number = 0;
        const std::string& word = token().word;
        const auto* const end = word.data() + word.size();
        if (token().kind != TokenKind::number ||
            std::from_chars(word.data(), end, number).ptr != end)
            return wrong("a whole number");
        next();
        return is_negative ? -number : number;
    }
    /// Behind the bracket that closes the one here.
    Answer<void> skip_brackets() {
        int depth = 0;
        do {
            if (at_end()) return wrong(")");
            if (is_sign("(") || is_sign("[")) ++depth;
            if (is_sign(")") || is_sign("]")) --depth;
            next();
        } while (depth > 0);
        return {};
    }

private:
    const std::vector<Token>& tokens_;
    std::size_t at_ = 0;
};

}  // namespace stroma::redshift
