#include <algorithm>
#include <array>
#include <span>

#include "redshift/lexer.h"

namespace stroma::redshift {
namespace {

/// The name that a failure's message tells: in quotes, or behind what it calls the thing.
std::string named_in(std::string_view message) {
    const std::size_t quote = message.find('"');
    if (quote != message.npos) {
        const std::size_t end = message.find('"', quote + 1);
        return std::string(message.substr(quote + 1, end == message.npos ? end : end - quote - 1));
    }
    for (const std::string_view thing : {"column ", "function ", "operator does not exist: "}) {
        if (!message.starts_with(thing)) continue;
        message.remove_prefix(thing.size());
        return std::string(message.substr(0, message.find_first_of(" (")));
    }
    return {};
}

bool is_placed(std::string_view sqlstate) {
    constexpr std::array<std::string_view, 8> states = {"42P01", "42703", "42702", "42883",
                                                        "42704", "42601", "3F000", "42803"};
    return std::find(states.begin(), states.end(), sqlstate) != states.end();
}

/// Where the engine saw it, in the statement that was made of this one: lines are the same there,
/// columns about. 0 where it doesn't tell.
std::size_t seen_at(const Failure& failure, std::string_view text) {
    if (failure.engine_line == 0) return 0;
    std::size_t begin = 0;
    for (std::size_t line = 1; line < failure.engine_line; ++line) {
        const std::size_t end = text.find('\n', begin);
        if (end == text.npos) break;
        begin = end + 1;
    }
    return begin + failure.engine_column - 1;
}

}  // namespace

void place_failure(Failure& failure, std::string_view text, std::span<const Token> tokens) {
    if (failure.position != 0 || tokens.empty() || !is_placed(failure.sqlstate)) return;
    if (failure.message.starts_with("syntax error at end of input")) {
        failure.position = tokens.back().offset + 1;
        return;
    }
    const std::string name = named_in(failure.message);
    const std::string last = lower_of(name.substr(name.rfind('.') + 1));
    if (last.empty()) return;
    const bool is_function = failure.sqlstate == "42883";
    const std::size_t seen = seen_at(failure, text);
    const Token* nearest = nullptr;
    std::size_t nearest_distance = 0;
    for (std::size_t at = 0; at + 1 < tokens.size(); ++at) {
        const Token& token = tokens[at];
        if (token.kind == TokenKind::text || lower_of(token.word) != last) continue;
        const bool is_call = tokens[at + 1].kind == TokenKind::sign && tokens[at + 1].word == "(";
        const bool is_alias = at > 0 && tokens[at - 1].kind == TokenKind::word &&
                              tokens[at - 1].word == "as" && failure.sqlstate != "42601";
        if (is_alias || (is_function && !is_call && token.kind != TokenKind::sign) ||
            (failure.sqlstate == "42703" && is_call))
            continue;
        const std::size_t far = token.offset > seen ? token.offset - seen : seen - token.offset;
        if (nearest != nullptr && far >= nearest_distance) continue;
        nearest = &token;
        nearest_distance = far;
        // The whole of a name with dots.
        for (std::size_t back = at;
             back > 1 && tokens[back - 1].kind == TokenKind::sign && tokens[back - 1].word == ".";
             back -= 2)
            nearest = &tokens[back - 2];
    }
    if (nearest != nullptr) failure.position = nearest->offset + 1;
}

}  // namespace stroma::redshift
