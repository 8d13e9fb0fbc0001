#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "redshift/failure.h"

namespace stroma::redshift {

enum class TokenKind {
    word,       ///< a name or keyword without quotes
    quoted,     ///< "name"
    text,       ///< 'text', E'text', $$text$$
    number,     ///< 1, 1.5e3
    parameter,  ///< $1
    sign,       ///< an operator, or one of ( ) [ ] , ; . :
    end
};

struct Token {
    TokenKind kind = TokenKind::end;
    std::size_t offset = 0, size = 0;  ///< in the text
    std::size_t gap = 0;               ///< where the blanks and comments before it begin
    std::string word;  ///< of a word: in lower case; quoted: the name; text: what it says; sign
};

/// The longest statement, or script, that is read.
constexpr std::size_t script_bytes_max = 16u << 20;
/// How deep parentheses may nest.
constexpr int nesting_max = 400;

/// A text's tokens, the end among them. Token-preserving: gap and size give back every byte.
/// errors  42601  a quote or comment that doesn't end, a byte 0; 54000 too long
Answer<std::vector<Token>> tokens_of(std::string_view text);

/// "name" with quotes doubled, for an identifier.
std::string quoted_name(std::string_view name);
/// 'text' with quotes doubled, for a literal.
std::string quoted_text(std::string_view text);
std::string lower_of(std::string_view text);
/// 42601 at a token: what stands there, and what is wrong.
Failure syntax_failure(const Token& token, std::string_view wanted = {});
/// Gives a failure its place in a statement of this text and its tokens: of the relation, column,
/// function or type that isn't there, or of what the engine can't read. Nothing changes where the
/// place was known, or isn't found.
void place_failure(Failure& failure, std::string_view text, std::span<const Token> tokens);

}  // namespace stroma::redshift
