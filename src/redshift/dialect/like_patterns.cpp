#include <algorithm>
#include <array>

#include "redshift/dialect/call.h"
#include "redshift/rewriter.h"

// LIKE, ILIKE and SIMILAR TO, whose patterns have signs that the engine's haven't.

namespace stroma::redshift {

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

// The same of a pattern that is worked out: lower('a\_c%'), $1, 'a\_' || b. The engine must be
// told.
Answer<bool> Rewriter::like_value(Frame& frame, std::size_t& at) {
    constexpr std::array<std::string_view, 3> of_lists = {"any", "all", "some"};
    if ((!is_word(at, "like") && !is_word(at, "ilike")) || at + 1 >= frame.end) return false;
    const bool is_literal =
        tokens_[at + 1].kind == TokenKind::text && !is_sign(at + 2, "||") && !is_sign(at + 2, "::");
    if (is_literal ||
        std::find(of_lists.begin(), of_lists.end(), tokens_[at + 1].word) != of_lists.end())
        return false;
    std::size_t behind = at + 1;
    std::string pattern = TRY(primary(frame.end, behind));
    while (is_sign(behind, "||") && behind + 1 < frame.end) {
        ++behind;
        pattern += " ||" + TRY(primary(frame.end, behind));
    }
    if (is_word(behind, "escape")) return false;
    copy(frame, at);
    frame.out += pattern + " escape '\\'";
    at = behind;
    return true;
}

}  // namespace stroma::redshift
