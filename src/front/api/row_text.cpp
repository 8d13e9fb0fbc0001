#include "front/api/row_text.h"

#include <fmt/format.h>

#include <cmath>

#include "base/json.h"

namespace stroma::front::api {
namespace {

std::string json_text(const std::string& text) {
    return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string json_value(const sql::Value& value) {
    if (std::holds_alternative<std::monostate>(value)) return "null";
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return fmt::to_string(*whole);
    if (const auto* real = std::get_if<double>(&value))
        return std::isfinite(*real) ? fmt::format("{}", *real) : "null";
    return json_text(std::get<std::string>(value));
}

std::string csv_text(const std::string& text) {
    const bool plain = !text.empty() && text.find_first_of(",\"\r\n") == text.npos;
    if (plain) return text;
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

std::string csv_value(const sql::Value& value) {
    if (std::holds_alternative<std::monostate>(value)) return "";
    if (const auto* text = std::get_if<std::string>(&value)) return csv_text(*text);
    if (const auto* real = std::get_if<double>(&value)) return fmt::format("{}", *real);
    return json_value(value);
}

}  // namespace

std::string json_head(const sql::Rows& rows) {
    std::string text = "{\"columns\":[";
    for (const sql::ColumnInfo& column : rows.columns()) {
        if (text.back() == '}') text += ',';
        text += "{\"name\":" + json_text(column.name) +
                ",\"type\":" + json_text(column.engine_type) + "}";
    }
    return text + "],\"rows\":[";
}

std::string json_row(const sql::Rows& rows) {
    std::string text = "[";
    for (std::size_t i = 0; i < rows.columns().size(); ++i)
        text += (i > 0 ? "," : "") + json_value(rows.value(i));
    return text + "]";
}

std::string csv_head(const sql::Rows& rows) {
    std::string text;
    for (const sql::ColumnInfo& column : rows.columns())
        text += (text.empty() ? "" : ",") + csv_text(column.name);
    return text + "\n";
}

std::string csv_row(const sql::Rows& rows) {
    std::string text;
    for (std::size_t i = 0; i < rows.columns().size(); ++i)
        text += (i > 0 ? "," : "") + csv_value(rows.value(i));
    return text + "\n";
}

}  // namespace stroma::front::api
