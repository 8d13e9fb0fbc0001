#include "redshift/lexer.h"

#include <fmt/format.h>

namespace stroma::redshift {
namespace {

bool is_blank(char letter) {
    return letter == ' ' || letter == '\t' || letter == '\n' || letter == '\r' || letter == '\f' ||
           letter == '\v';
}
bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }
bool starts_name(char letter) {
    const auto byte = static_cast<unsigned char>(letter);
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           byte >= 0x80 || byte == '#';
}
bool goes_on_name(char letter) { return starts_name(letter) || is_digit(letter) || letter == '$'; }
bool is_operator(char letter) {
    return std::string_view("+-*/<>=~!@%^&|`?").find(letter) != std::string_view::npos;
}

class Lexer {
public:
    explicit Lexer(std::string_view text) : text_(text) {}

    Answer<std::vector<Token>> run() {
        if (text_.size() > script_bytes_max)
            return refuse("54000",
                          fmt::format("a statement may have at most {} bytes", script_bytes_max));
        for (;;) {
            Token token;
            token.gap = at_;
            TRY(skip_gap());
            token.offset = at_;
            TRY(read(token));
            token.size = at_ - token.offset;
            const bool is_end = token.kind == TokenKind::end;
            tokens_.push_back(std::move(token));
            if (is_end) return std::move(tokens_);
        }
    }

private:
    char peek(std::size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }
    Failure unfinished(std::string_view what, std::size_t from) const {
        Failure failure("42601", fmt::format("unterminated {}", what));
        failure.position = from + 1;
        return failure;
    }
    Answer<void> skip_gap();
    Answer<void> skip_comment();
    Answer<void> read(Token& token);
    Answer<void> read_quoted(Token& token, char mark, bool has_escapes);
    Answer<bool> read_dollar(Token& token);
    bool is_query_of_unload() const;
    void read_number(Token& token);
    void read_sign(Token& token);
    void read_escape(Token& token);

    std::string_view text_;
    std::size_t at_ = 0;
    std::vector<Token> tokens_;
};

Answer<void> Lexer::skip_comment() {
    const std::size_t from = at_;
    int depth = 0;
    do {
        if (at_ >= text_.size()) return fail(unfinished("comment", from));
        if (peek() == '/' && peek(1) == '*') {
            ++depth;
            at_ += 2;
        } else if (peek() == '*' && peek(1) == '/') {
            --depth;
            at_ += 2;
        } else {
            ++at_;
        }
    } while (depth > 0);
    return {};
}

Answer<void> Lexer::skip_gap() {
    for (;;) {
        if (at_ < text_.size() && is_blank(peek())) {
            ++at_;
        } else if (peek() == '-' && peek(1) == '-') {
            while (at_ < text_.size() && peek() != '\n') ++at_;
        } else if (peek() == '/' && peek(1) == '*') {
            TRY(skip_comment());
        } else {
            return {};
        }
    }
}

// After a backslash in E'…'.
void Lexer::read_escape(Token& token) {
    const char letter = peek();
    ++at_;
    switch (letter) {
        case 'n': token.word += '\n'; return;
        case 't': token.word += '\t'; return;
        case 'r': token.word += '\r'; return;
        case 'b': token.word += '\b'; return;
        case 'f': token.word += '\f'; return;
        default: break;
    }
    if (letter >= '0' && letter <= '7') {
        int value = letter - '0';
        for (int digits = 1; digits < 3 && peek() >= '0' && peek() <= '7'; ++digits)
            value = value * 8 + (text_[at_++] - '0');
        token.word += static_cast<char>(value);
        return;
    }
    token.word += letter;
}

Answer<void> Lexer::read_quoted(Token& token, char mark, bool has_escapes) {
    const std::size_t from = at_;
    ++at_;
    for (;;) {
        if (at_ >= text_.size())
            return fail(unfinished(mark == '"' ? "quoted identifier" : "quoted string", from));
        const char letter = text_[at_++];
        if (letter == mark && peek() == mark) {
            token.word += mark;
            ++at_;
        } else if (letter == mark) {
            return {};
        } else if (has_escapes && letter == '\\' && at_ < text_.size()) {
            read_escape(token);
        } else {
            token.word += letter;
        }
    }
}

// UNLOAD ('SELECT … \'x\''): there Redshift's manual had quotes behind backslashes for years. Only
// where one is: then backslashes are escapes in all of the text.
bool Lexer::is_query_of_unload() const {
    const std::size_t count = tokens_.size();
    if (count < 2 || tokens_[count - 1].word != "(" || tokens_[count - 2].word != "unload" ||
        tokens_[count - 2].kind != TokenKind::word)
        return false;
    if (count > 2 && tokens_[count - 3].word != ";") return false;
    for (std::size_t at = at_ + 1; at < text_.size(); ++at) {
        if (text_[at] == '\\') {
            if (at + 1 < text_.size() && text_[at + 1] == '\'') return true;
            ++at;
        } else if (text_[at] == '\'') {
            if (at + 1 >= text_.size() || text_[at + 1] != '\'') return false;
            ++at;
        }
    }
    return false;
}

// $$…$$ or $tag$…$tag$; false where the dollar begins neither.
Answer<bool> Lexer::read_dollar(Token& token) {
    std::size_t end = at_ + 1;
    while (end < text_.size() && goes_on_name(text_[end]) && text_[end] != '$') ++end;
    if (end >= text_.size() || text_[end] != '$' || is_digit(peek(1))) return false;
    const std::string_view tag = text_.substr(at_, end + 1 - at_);
    const auto close = text_.find(tag, end + 1);
    if (close == std::string_view::npos) return fail(unfinished("dollar-quoted string", at_));
    token.kind = TokenKind::text;
    token.word = text_.substr(end + 1, close - end - 1);
    at_ = close + tag.size();
    return true;
}

void Lexer::read_number(Token& token) {
    token.kind = TokenKind::number;
    while (is_digit(peek())) ++at_;
    if (peek() == '.' && peek(1) != '.') {
        ++at_;
        while (is_digit(peek())) ++at_;
    }
    if (peek() == 'e' || peek() == 'E') {
        const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
        if (is_digit(peek(1 + sign))) {
            at_ += 1 + sign;
            while (is_digit(peek())) ++at_;
        }
    }
    token.word = text_.substr(token.offset, at_ - token.offset);
}

void Lexer::read_sign(Token& token) {
    token.kind = TokenKind::sign;
    const char first = peek();
    ++at_;
    if (first == ':' && peek() == ':') ++at_;
    if (first == ':' && peek() == '=') ++at_;
    if (is_operator(first)) {
        // An operator goes on to its end, but a comment, and a sign after another operator, isn't
        // of it: a=-1.
        while (at_ < text_.size() && is_operator(peek())) {
            if (peek() == '-' || peek() == '+') break;
            if (peek() == '/' && peek(1) == '*') break;
            if (first == '*' || first == '/' || first == '%') break;
            ++at_;
        }
        if (first == '-' && peek() == '>' && at_ == token.offset + 1) ++at_;
    }
    token.word = text_.substr(token.offset, at_ - token.offset);
}

Answer<void> Lexer::read(Token& token) {
    if (at_ >= text_.size()) return {};
    const char first = peek();
    if (first == '\0') {
        Failure failure("42601", "a statement holds no byte 0");
        failure.position = at_ + 1;
        return fail(std::move(failure));
    }
    if (first == '\'') {
        token.kind = TokenKind::text;
        return read_quoted(token, '\'', is_query_of_unload());
    }
    if ((first == 'e' || first == 'E') && peek(1) == '\'') {
        token.kind = TokenKind::text;
        ++at_;
        return read_quoted(token, '\'', true);
    }
    if (first == '"') {
        token.kind = TokenKind::quoted;
        return read_quoted(token, '"', false);
    }
    if (first == '$') {
        if (TRY(read_dollar(token))) return {};
        ++at_;
        token.kind = is_digit(peek()) ? TokenKind::parameter : TokenKind::sign;
        while (is_digit(peek())) ++at_;
        token.word = text_.substr(token.offset, at_ - token.offset);
        return {};
    }
    if (starts_name(first)) {
        token.kind = TokenKind::word;
        while (at_ < text_.size() && goes_on_name(peek())) ++at_;
        token.word = lower_of(text_.substr(token.offset, at_ - token.offset));
        return {};
    }
    if (is_digit(first) || (first == '.' && is_digit(peek(1)))) {
        read_number(token);
        return {};
    }
    read_sign(token);
    return {};
}

}  // namespace

Answer<std::vector<Token>> tokens_of(std::string_view text) {
    auto tokens = TRY(Lexer(text).run());
    int depth = 0;
    for (const Token& token : tokens) {
        if (token.kind != TokenKind::sign) continue;
        if (token.word == "(" || token.word == "[") ++depth;
        if (token.word == ")" || token.word == "]") --depth;
        if (depth > nesting_max) return refuse("54001", "the statement is nested too deeply");
    }
    return tokens;
}

std::string quoted_name(std::string_view name) {
    std::string result = "\"";
    for (const char letter : name) {
        result += letter;
        if (letter == '"') result += letter;
    }
    return result + '"';
}

std::string quoted_text(std::string_view text) {
    std::string result = "'";
    for (const char letter : text) {
        result += letter;
        if (letter == '\'') result += letter;
    }
    return result + '\'';
}

std::string lower_of(std::string_view text) {
    std::string result(text);
    for (char& letter : result)
        if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    return result;
}

Failure syntax_failure(const Token& token, std::string_view wanted) {
    std::string message = token.kind == TokenKind::end
                              ? "syntax error at end of input"
                              : fmt::format("syntax error at or near \"{}\"", token.word);
    if (!wanted.empty()) message += fmt::format(": {}", wanted);
    Failure failure("42601", std::move(message));
    failure.position = token.offset + 1;
    return failure;
}

}  // namespace stroma::redshift
