#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "redshift/rewriter.h"

namespace stroma::redshift {

// What it sets the session sets before the statement runs; here only its value is left of it.
Answer<bool> Rewriter::setting_change(Frame& frame, std::size_t& at) {
    const std::size_t close = closing(at + 1);
    const auto given = arguments(at + 1, close);
    if (context_.setting_changes == nullptr || given.size() != 3 || close >= frame.end)
        return false;
    SettingChange change;
    const auto read = [&](TokenRange from, std::string& text, std::size_t& parameter) {
        const Token& token = tokens_[from.from];
        if (from.to != from.from + 1) return false;
        if (token.kind == TokenKind::text) text = token.word;
        if (token.kind == TokenKind::parameter)
            parameter = std::strtoul(token.word.c_str() + 1, nullptr, 10);
        return token.kind == TokenKind::text || parameter > 0;
    };
    change.is_local = is_word(given[2].from, "true");
    if (!read(given[0], change.name, change.name_parameter) ||
        !read(given[1], change.value, change.value_parameter) ||
        (!change.is_local && !is_word(given[2].from, "false")))
        return refuse("0A000",
                      "set_config takes a name and a value, as texts or parameters, and true or "
                      "false");
    const auto text = [](const std::string& value, std::size_t parameter) {
        return parameter > 0 ? fmt::format("CAST(${} AS VARCHAR)", parameter) : quoted_text(value);
    };
    frame.out += fmt::format("CASE WHEN {} IS NULL THEN NULL ELSE {} END",
                             text(change.name, change.name_parameter),
                             text(change.value, change.value_parameter));
    // A statement is written twice where the engine finds out its parameters' types.
    auto& changes = *context_.setting_changes;
    const bool is_known = std::any_of(changes.begin(), changes.end(), [&](const auto& each) {
        return each.name == change.name && each.value == change.value &&
               each.name_parameter == change.name_parameter &&
               each.value_parameter == change.value_parameter;
    });
    if (!is_known) changes.push_back(std::move(change));
    at = close + 1;
    return true;
}

}  // namespace stroma::redshift
