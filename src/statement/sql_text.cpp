#include "statement/sql_text.h"

#include <algorithm>
#include <array>

#include "redshift/lexer.h"

namespace stroma::statement {
namespace {

using redshift::Token;
using redshift::TokenKind;

bool is_secret_word(const Token& token) {
    constexpr std::array words = {
        "iam_role",      "credentials", "access_key_id",        "secret_access_key",
        "session_token", "password",    "master_symmetric_key", "kms_key_id"};
    return token.kind == TokenKind::word &&
           std::find(words.begin(), words.end(), token.word) != words.end();
}

}  // namespace

std::string without_secrets(std::string_view sql) {
    const auto tokens = redshift::tokens_of(sql);
    if (!tokens) return std::string(sql);  // it is refused before it is kept
    std::string made;
    std::size_t from = 0;
    for (std::size_t at = 0; at + 1 < tokens->size(); ++at) {
        if (!is_secret_word((*tokens)[at])) continue;
        std::size_t value = at + 1;
        if ((*tokens)[value].kind == TokenKind::word && (*tokens)[value].word == "as") ++value;
        if ((*tokens)[value].kind != TokenKind::text) continue;
        const Token& text = (*tokens)[value];
        made += sql.substr(from, text.offset - from);
        made += "''";
        from = text.offset + text.size;
        at = value;
    }
    return made + std::string(sql.substr(from));
}

Result<Bound> bind_parameters(std::string_view sql,
                              const std::vector<std::pair<std::string, std::string>>& parameters) {
    const auto tokens = redshift::tokens_of(sql);
    if (!tokens) return fail(ErrorCode::invalid_input, tokens.error().message);
    Bound bound;
    std::vector<std::size_t> number(parameters.size(), 0);
    std::size_t from = 0;
    for (std::size_t at = 0; at + 1 < tokens->size(); ++at) {
        const Token& sign = (*tokens)[at];
        const Token& name = (*tokens)[at + 1];
        const bool is_named = sign.kind == TokenKind::sign && sign.word == ":" &&
                              (name.kind == TokenKind::word) &&
                              name.offset == sign.offset + sign.size;
        if (!is_named) continue;
        const std::string_view written = sql.substr(name.offset, name.size);
        const auto found =
            std::find_if(parameters.begin(), parameters.end(),
                         [&](const auto& parameter) { return parameter.first == written; });
        if (found == parameters.end()) continue;
        auto& given = number[static_cast<std::size_t>(found - parameters.begin())];
        if (given == 0) {
            bound.values.push_back(found->second);
            given = bound.values.size();
        }
        bound.sql += sql.substr(from, sign.offset - from);
        bound.sql += "$" + std::to_string(given);
        from = name.offset + name.size;
    }
    bound.sql += sql.substr(from);
    for (std::size_t at = 0; at < parameters.size(); ++at)
        if (number[at] == 0) bound.unused.push_back(parameters[at].first);
    return bound;
}

}  // namespace stroma::statement
