#include "redshift/load/row_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"

namespace stroma::redshift {

std::string text_of(const sql::Value& value) {
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "t" : "f";
    if (const auto* real = std::get_if<double>(&value)) return fmt::format("{}", *real);
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

void RowText::header(std::string& out) const {
    for (std::size_t at = 0; at < columns_.size(); ++at) {
        if (at > 0) out += options_.delimiter;
        field(out, columns_[at].name);
    }
    out += '\n';
}

void RowText::json(std::string& out, const Cursor& cursor,
                   const std::vector<bool>* left_out) const {
    Json made = Json::object();
    for (std::size_t at = 0; at < columns_.size(); ++at) {
        if (left_out != nullptr && (*left_out)[at]) continue;
        const sql::Value value = cursor.value(at);
        Json& member = made[columns_[at].name];
        if (const auto* text = std::get_if<std::string>(&value)) member = *text;
        if (const auto* number = std::get_if<std::int64_t>(&value)) member = *number;
        if (const auto* flag = std::get_if<bool>(&value)) member = *flag;
        if (const auto* real = std::get_if<double>(&value)) member = *real;
    }
    out += made.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
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
