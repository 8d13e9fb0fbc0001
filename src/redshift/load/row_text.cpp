#include "redshift/load/row_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"

namespace stroma::redshift {

std::string text_of(const sql::Value& value) {
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "t" : "f";
    if (const auto* real = std::get_if<double>(&value)) {
        if (std::isnan(*real)) return "NaN";
        if (std::isinf(*real)) return *real < 0 ? "-Infinity" : "Infinity";
        return fmt::format("{}", *real);
    }
    return "";
}

RowText::RowText(CopyOptions options, std::vector<Column> columns)
    : options_(std::move(options)), columns_(std::move(columns)) {
    const auto& forced = options_.forced_quotes;
    if (forced.empty()) return;
    for (const Column& column : columns_)
        quoted_.push_back(forced.front() == "*" ||
                          std::find(forced.begin(), forced.end(), column.name) != forced.end());
}

void RowText::field(std::string& out, const std::string& text, bool is_quoted) const {
    if (options_.format == CopyFormat::csv) {
        const bool quoted = is_quoted || options_.add_quotes || text == options_.null_text ||
                            text.find_first_of("\r\n") != std::string::npos ||
                            text.find(options_.delimiter) != std::string::npos ||
                            text.find(options_.quote) != std::string::npos;
        if (!quoted) {
            out += text;
            return;
        }
        out += options_.quote;
        for (const char letter : text) {
            if (letter == options_.quote || letter == options_.escape) out += options_.escape;
            out += letter;
        }
        out += options_.quote;
        return;
    }
    if (options_.add_quotes) out += '"';
    for (const char letter : text) {
        const bool special =
            letter == '\\' || letter == options_.delimiter || letter == '\n' || letter == '\r' ||
            (options_.postgres_escapes && letter == '\t') ||
            (options_.add_quotes && options_.has_escapes && (letter == '"' || letter == '\''));
        if (!special || !(options_.has_escapes || options_.postgres_escapes)) {
            if (options_.add_quotes && letter == '"') out += '"';
            out += letter;
            continue;
        }
        out += '\\';
        out += !options_.postgres_escapes ? letter
               : letter == '\n'           ? 'n'
               : letter == '\r'           ? 'r'
               : letter == '\t'           ? 't'
                                          : letter;
    }
    if (options_.add_quotes) out += '"';
}

void RowText::header(std::string& out, const std::vector<bool>& left_out) const {
    bool is_first = true;
    for (std::size_t at = 0; at < columns_.size(); ++at) {
        if (at < left_out.size() && left_out[at]) continue;
        if (!std::exchange(is_first, false)) out += options_.delimiter;
        field(out, columns_[at].name);
    }
    out += '\n';
}

namespace {

/// A value as JSON: numbers of any digits and SUPER as they are, all other texts in quotes.
std::string json_of(const Column& column, const sql::Value& value) {
    if (std::holds_alternative<std::monostate>(value)) return "null";
    const auto* const text = std::get_if<std::string>(&value);
    if (text != nullptr) {
        if (column.engine_type.starts_with("DECIMAL") || column.engine_type == "JSON") return *text;
        return Json(*text).dump(-1, ' ', false, Json::error_handler_t::replace);
    }
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    const auto* const real = std::get_if<double>(&value);
    if (real != nullptr && !std::isfinite(*real)) return '"' + text_of(value) + '"';
    return text_of(value);
}

}  // namespace

void RowText::json(std::string& out, const Cursor& cursor,
                   const std::vector<bool>* left_out) const {
    out += '{';
    for (std::size_t at = 0; at < columns_.size(); ++at) {
        if (left_out != nullptr && (*left_out)[at]) continue;
        if (out.back() != '{') out += ',';
        out += Json(columns_[at].name).dump() + ':' + json_of(columns_[at], cursor.value(at));
    }
    out += "}\n";
}

Answer<void> RowText::fixed(std::string& out, const Cursor& cursor,
                            const std::vector<bool>* left_out) const {
    std::size_t place = 0;
    for (std::size_t at = 0; at < columns_.size(); ++at) {
        if (left_out != nullptr && (*left_out)[at]) continue;
        if (place == options_.widths.size())
            return refuse("42601", "FIXEDWIDTH names fewer columns than the query gives");
        const std::size_t width = options_.widths[place++].second;
        const sql::Value value = cursor.value(at);
        const bool is_null = std::holds_alternative<std::monostate>(value);
        std::string text = is_null ? options_.null_text : text_of(value);
        std::size_t letters = 0;
        for (const char byte : text)
            letters += (static_cast<unsigned char>(byte) & 0xC0) != 0x80 ? 1 : 0;
        if (letters > width && is_null && columns_[at].engine_type != "VARCHAR") {
            text.clear();
            letters = 0;
        }
        if (letters > width)
            return refuse("22001",
                          fmt::format("column \"{}\" has a value of {} characters, FIXEDWIDTH "
                                      "gives it {}",
                                      columns_[at].name, letters, width));
        if (text.find('\n') != std::string::npos)
            return refuse("22023", fmt::format("column \"{}\" has a value of several lines, which "
                                               "FIXEDWIDTH can't hold",
                                               columns_[at].name));
        out += text;
        out.append(width - letters, ' ');
    }
    if (place < options_.widths.size())
        return refuse("42601", "FIXEDWIDTH names more columns than the query gives");
    out += '\n';
    return {};
}

void RowText::row(std::string& out, const Cursor& cursor, const std::vector<bool>* left_out) const {
    if (options_.format == CopyFormat::json) return json(out, cursor, left_out);
    bool is_first = true;
    for (std::size_t at = 0; at < columns_.size(); ++at) {
        if (left_out != nullptr && (*left_out)[at]) continue;
        if (!std::exchange(is_first, false)) out += options_.delimiter;
        const sql::Value value = cursor.value(at);
        if (std::holds_alternative<std::monostate>(value)) {
            out += options_.null_text;
        } else if (value_text_) {
            std::string text;
            value_text_(text, value, columns_[at]);
            field(out, text, !quoted_.empty() && quoted_[at]);
        } else {
            field(out, text_of(value), !quoted_.empty() && quoted_[at]);
        }
    }
    out += '\n';
}

}  // namespace stroma::redshift
