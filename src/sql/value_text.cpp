#include "sql/value_text.h"

#include <fmt/format.h>

#include "base/json.h"

namespace stroma::sql {
namespace {

bool needs_quotes(const std::string& text) {
    return text.empty() || std::string_view("=+-@\t\r").find(text.front()) != text.npos ||
           text.find_first_of(",\"\r\n") != text.npos;
}

}  // namespace

std::string csv_field(const Value& value) {
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return fmt::to_string(*whole);
    if (const auto* real = std::get_if<double>(&value)) return fmt::to_string(*real);
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) return "";
    if (!needs_quotes(*text)) return *text;
    std::string quoted = "\"";
    for (const char c : *text) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

Json json_of(const Value& value) {
    if (const auto* flag = std::get_if<bool>(&value)) return *flag;
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return *whole;
    if (const auto* real = std::get_if<double>(&value)) return *real;
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    return nullptr;
}

}  // namespace stroma::sql
