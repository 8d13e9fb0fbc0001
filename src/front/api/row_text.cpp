#include "front/api/row_text.h"

#include <fmt/format.h>

#include <cmath>

#include "base/json.h"
#include "sql/value_text.h"

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
        text += (text.empty() ? "" : ",") + sql::csv_field(sql::Value(column.name));
    return text + "\n";
}

std::string csv_row(const sql::Rows& rows) {
    std::string text;
    for (std::size_t i = 0; i < rows.columns().size(); ++i)
        text += (i > 0 ? "," : "") + sql::csv_field(rows.value(i));
    return text + "\n";
}

}  // namespace stroma::front::api
