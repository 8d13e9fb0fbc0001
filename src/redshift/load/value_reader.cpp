#include "redshift/load/value_reader.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/json.h"
#include "redshift/load/letter_search.h"
#include "redshift/load/moment_text.h"

namespace stroma::redshift {
namespace {

bool misfits(Misfit& misfit, int code, std::string reason) {
    misfit = {code, std::move(reason)};
    return false;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

bool wrong_digit(const LoadColumn& column, std::string_view text, Misfit& misfit) {
    std::size_t at = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    while (at < text.size() && is_digit(text[at])) ++at;
    const char shown = at < text.size() ? text[at] : ' ';
    return misfits(
        misfit, 1207,
        fmt::format("Invalid digit, Value '{}', Pos {}, Type: {}", shown, at, column.type));
}

bool read_integer(const LoadColumn& column, std::string_view text, LoadValue& value,
                  Misfit& misfit) {
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value.integer);
    if (read.ec == std::errc::result_out_of_range)
        return misfits(misfit, 1204, fmt::format("Overflow, Column type: {}", column.type));
    if (read.ec != std::errc() || read.ptr != end) return wrong_digit(column, text, misfit);
    if (value.integer < column.least || value.integer > column.most)
        return misfits(misfit, 1204, fmt::format("Overflow, Column type: {}", column.type));
    return true;
}

bool read_real(std::string_view text, LoadValue& value, Misfit& misfit) {
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value.real);
    if (read.ec == std::errc() && read.ptr == end) return true;
    if (read.ec == std::errc::result_out_of_range)
        return misfits(misfit, 1208, "Overflow for a FLOAT value");
    return misfits(misfit, 1208,
                   fmt::format("Invalid digit, Value '{}', Pos {}, Type: Float",
                               read.ptr < end ? *read.ptr : ' ', read.ptr - text.data()));
}

/// 1.5e3 as 1500, digit by digit: a double would change the last ones. "" where it has no exponent,
/// or one that no decimal can have.
std::string without_exponent(std::string_view text) {
    const std::size_t mark = text.find_first_of("eE");
    if (mark == std::string_view::npos || mark == 0) return "";
    std::string_view power = text.substr(mark + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    int exponent = 0;
    const auto* const end = power.data() + power.size();
    const auto read = std::from_chars(power.data(), end, exponent);
    if (read.ec != std::errc() || read.ptr != end || std::abs(exponent) > 400) return "";
    const std::string sign = text[0] == '-' ? "-" : "";
    std::string digits;
    int places = exponent;  // that the point lies behind the digits' end, or before it
    bool in_decimals = false;
    for (std::size_t at = text[0] == '-' || text[0] == '+' ? 1 : 0; at < mark; ++at) {
        if (text[at] == '.' && !in_decimals) {
            in_decimals = true;
        } else if (is_digit(text[at])) {
            digits += text[at];
            places -= in_decimals ? 1 : 0;
        } else {
            return "";
        }
    }
    if (digits.empty()) return "";
    if (places >= 0) return sign + digits + std::string(static_cast<std::size_t>(places), '0');
    const auto behind = static_cast<std::size_t>(-places);
    if (digits.size() <= behind) digits.insert(0, behind + 1 - digits.size(), '0');
    digits.insert(digits.size() - behind, 1, '.');
    return sign + digits;
}

// As text with exactly `scale` decimals: digits past them are cut, or rounded.
bool read_decimal(const LoadColumn& column, std::string_view text, const CopyOptions& options,
                  LoadValue& value, Misfit& misfit) {
    std::string digits;
    std::size_t at = 0, decimals = 0, whole = 0;
    bool is_negative = false, in_decimals = false, rounds_up = false, seen = false;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) is_negative = text[at++] == '-';
    for (; at < text.size(); ++at) {
        if (text[at] == '.' && !in_decimals) {
            in_decimals = true;
        } else if (is_digit(text[at])) {
            seen = true;
            if (in_decimals && decimals == column.scale) {
                if (!rounds_up && decimals == column.scale && options.round_decimals)
                    rounds_up = text[at] >= '5';
                break;
            }
            if (in_decimals) {
                ++decimals;
                digits += text[at];
            } else if (text[at] != '0' || whole > 0) {
                ++whole;
                digits += text[at];
            }
        } else {
            break;
        }
    }
    std::size_t rest = at;
    while (rest < text.size() && is_digit(text[rest])) ++rest;
    if (!seen || rest != text.size()) {
        const std::string plain = without_exponent(text);
        if (!plain.empty()) return read_decimal(column, plain, options, value, misfit);
        return misfits(misfit, 1207,
                       fmt::format("Invalid digit, Value '{}', Pos {}, Type: Decimal",
                                   rest < text.size() ? text[rest] : ' ', rest));
    }
    digits.append(column.scale - decimals, '0');
    if (rounds_up) {
        std::size_t place = digits.size();
        while (place > 0 && digits[place - 1] == '9') digits[--place] = '0';
        if (place > 0) {
            ++digits[place - 1];
        } else {
            digits.insert(0, 1, '1');
            ++whole;
        }
    }
    if (whole + column.scale > column.precision)
        return misfits(misfit, 1209,
                       "Overflow for NUMERIC(" + std::to_string(column.precision) + "," +
                           std::to_string(column.scale) + ")");
    value.held = is_negative ? "-" : "";
    if (whole == 0) value.held += '0';
    value.held.append(digits, 0, whole);
    if (column.scale > 0) value.held += '.' + digits.substr(whole);
    value.text = value.held;
    return true;
}

bool read_boolean(std::string_view text, LoadValue& value, Misfit& misfit) {
    const std::string word = lower_of(text);
    if (word == "t" || word == "true" || word == "1" || word == "y" || word == "yes" ||
        word == "on") {
        value.integer = 1;
        return true;
    }
    if (word == "f" || word == "false" || word == "0" || word == "n" || word == "no" ||
        word == "off") {
        value.integer = 0;
        return true;
    }
    return misfits(misfit, 1210, fmt::format("Unknown boolean format, Value '{}'", text));
}

bool read_date(std::string_view text, const CopyOptions& options, LoadValue& value,
               Misfit& misfit) {
    Moment moment;
    if (read_day_text(text, options.date_format, moment) && moment.is_valid()) {
        value.integer = days_of(moment.year, moment.month, moment.day);
        return true;
    }
    if (options.accept_any_date) {
        value.is_null = true;
        return true;
    }
    if (text.size() < 10 && options.date_format.empty())
        return misfits(misfit, 1205, "Invalid Date Format - length must be 10 or more");
    return misfits(misfit, 1205,
                   "Invalid Date Format - value doesn't match the format " +
                       (options.date_format.empty() ? "YYYY-MM-DD" : options.date_format));
}

bool read_timestamp(const LoadColumn& column, std::string_view text, const CopyOptions& options,
                    LoadValue& value, Misfit& misfit) {
    const std::string& format = options.time_format;
    if (format.starts_with("epoch") && (format == "epochsecs" || format == "epochmillisecs")) {
        double number = 0;
        const auto* const end = text.data() + text.size();
        if (std::from_chars(text.data(), end, number).ptr != end || !(std::abs(number) < 1e13))
            return misfits(misfit, 1206, "Invalid timestamp format or value [" + format + "]");
        value.integer =
            static_cast<std::int64_t>(std::llround(number * (format == "epochsecs" ? 1e6 : 1e3)));
        return true;
    }
    Moment moment;
    constexpr std::int64_t year_max = 294'246;  // microseconds of 64 bits end in the next one
    if (read_moment_text(text, format, moment) && moment.is_valid() && moment.year <= year_max) {
        if (format.empty() && !column.has_zone) moment.offset_minutes = 0;
        value.integer = moment.total_us();
        return true;
    }
    if (options.accept_any_date) {
        value.is_null = true;
        return true;
    }
    return misfits(misfit, 1206,
                   "Invalid timestamp format or value [" +
                       (format.empty() ? "YYYY-MM-DD HH24:MI:SS" : format) + "]");
}

/// The length of the sequence at the front, 0 where its bytes aren't UTF-8; `why` is 1 to 4.
std::size_t sequence_length(std::string_view text, int& why) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned first = byte(0);
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xC2 ? 0
                               : first < 0xE0 ? 2
                               : first < 0xF0 ? 3
                               : first < 0xF5 ? 4
                                              : 0;
    why = first >= 0xF5 ? 4 : 1;
    if (length == 0) return 0;
    why = 2;
    if (text.size() < length) return 0;
    for (std::size_t at = 1; at < length; ++at)
        if ((byte(at) & 0xC0) != 0x80) return 0;
    why = 3;
    const bool is_long = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
    const bool is_beyond = (first == 0xED && byte(1) >= 0xA0) || (first == 0xF4 && byte(1) >= 0x90);
    return is_long || is_beyond ? 0 : length;
}

bool check_utf8(const LoadColumn& column, const CopyOptions& options, LoadValue& value,
                Misfit& misfit) {
    const std::string_view text = value.text;
    std::size_t at = plain_front(text);
    bool all_ascii = true;
    std::string mended;
    bool is_mended = false;
    while (at < text.size()) {
        const auto first = static_cast<unsigned char>(text[at]);
        if (first < 0x80 && first != 0) {
            if (is_mended) mended += text[at];
            ++at;
            continue;
        }
        all_ascii = false;
        int why = 1;
        const std::size_t length = first == 0 ? 0 : sequence_length(text.substr(at), why);
        if (length > 0) {
            if (is_mended) mended += text.substr(at, length);
            at += length;
            continue;
        }
        if (!options.accept_invalid) {
            if (first == 0)
                return misfits(misfit, 1218, "Invalid null byte - field longer than 1 byte");
            return misfits(
                misfit, 1220,
                fmt::format("String contains invalid or unsupported UTF8 codepoints. Bad "
                            "UTF8 hex sequence: {:02x} (error {})",
                            first, why));
        }
        if (!is_mended) mended = text.substr(0, at);
        is_mended = true;
        mended += *options.accept_invalid;
        ++at;
    }
    if (is_mended) {
        value.held = std::move(mended);
        value.text = value.held;
    }
    if (column.is_char && !all_ascii && !is_mended)
        return misfits(misfit, 1220,
                       "Multibyte character not supported for CHAR "
                       "(Hint: try using VARCHAR)");
    return true;
}

bool read_text(const LoadColumn& column, const CopyOptions& options, LoadValue& value,
               Misfit& misfit) {
    if (options.trim_blanks || column.is_char)
        while (!value.text.empty() && value.text.back() == ' ') value.text.remove_suffix(1);
    if (!check_utf8(column, options, value, misfit)) return false;
    if (column.length == 0 || value.text.size() <= column.length) return true;
    if (!options.truncate_columns)
        return misfits(
            misfit, 1204,
            column.is_char ? "Char length exceeds DDL length" : "String length exceeds DDL length");
    std::size_t keep = column.length;
    while (keep > 0 && (static_cast<unsigned char>(value.text[keep]) & 0xC0) == 0x80) --keep;
    value.text = value.text.substr(0, keep);
    return true;
}

}  // namespace

bool read_value(const LoadColumn& column, const Field& field, const CopyOptions& options,
                LoadValue& value, Misfit& misfit) {
    value.is_null = field.is_null;
    value.text = field.text;
    const bool is_text = column.kind == ValueKind::text;
    if (!value.is_null && is_text) {
        if (options.empty_as_null && field.text.empty()) value.is_null = true;
        if (options.blanks_as_null && !field.text.empty() &&
            field.text.find_first_not_of(" \t") == std::string_view::npos)
            value.is_null = true;
    }
    const std::string_view text =
        is_text || column.kind == ValueKind::json ? field.text : trimmed(field.text);
    if (!value.is_null && !is_text && text.empty()) value.is_null = true;
    if (value.is_null) {
        if (column.is_nullable) return true;
        return misfits(misfit, 1213, "Missing data for not-null field");
    }
    switch (column.kind) {
        case ValueKind::integer: return read_integer(column, text, value, misfit);
        case ValueKind::real: return read_real(text, value, misfit);
        case ValueKind::boolean: return read_boolean(text, value, misfit);
        case ValueKind::date: return read_date(text, options, value, misfit);
        case ValueKind::timestamp: return read_timestamp(column, text, options, value, misfit);
        case ValueKind::decimal: return read_decimal(column, text, options, value, misfit);
        case ValueKind::text: return read_text(column, options, value, misfit);
        case ValueKind::json:
            if (options.format == CopyFormat::json && !field.is_json) {
                value.held =
                    Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace);
                value.text = value.held;
            } else if (!Json::accept(text)) {
                return misfits(misfit, 1224, "Invalid JSON format for SUPER");
            }
            return true;
        case ValueKind::other: value.text = text; return true;
    }
    return true;
}

}  // namespace stroma::redshift
