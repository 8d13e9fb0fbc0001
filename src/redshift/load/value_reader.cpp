#include "redshift/load/value_reader.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/json.h"
#include "redshift/load/letter_search.h"

namespace stroma::redshift {
namespace {

constexpr std::int64_t day_us = 86'400'000'000;

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
        double real = 0;
        const auto* const end = text.data() + text.size();
        if (std::from_chars(text.data(), end, real).ptr != end || text.empty())
            return misfits(misfit, 1207,
                           fmt::format("Invalid digit, Value '{}', Pos {}, Type: Decimal",
                                       rest < text.size() ? text[rest] : ' ', rest));
        value.held = fmt::format("{:.{}f}", real, column.scale);
        value.text = value.held;
        return true;
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

/// A moment read from left to right.
struct Moment {
    std::int64_t year = 1970;
    unsigned month = 1, day = 1, hour = 0, minute = 0, second = 0;
    std::int64_t micros = 0, offset_minutes = 0;
    bool is_afternoon = false, has_half = false;
    bool is_valid() const {
        static constexpr std::array<unsigned, 12> days = {31, 28, 31, 30, 31, 30,
                                                          31, 31, 30, 31, 30, 31};
        if (month < 1 || month > 12 || hour > 24 || minute > 59 || second > 60) return false;
        const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        return day >= 1 && day <= days[month - 1] + (leap && month == 2 ? 1u : 0u);
    }
    std::int64_t total_us() const {
        return days_of(year, month, day) * day_us +
               ((hour * 60ll + minute - offset_minutes) * 60 + second) * 1'000'000 + micros;
    }
};

class MomentReader {
public:
    explicit MomentReader(std::string_view text) : text_(text) {}

    bool number(std::size_t digits_max, std::int64_t& into, std::size_t digits_min = 1) {
        std::size_t digits = 0;
        into = 0;
        while (digits < digits_max && at_ < text_.size() && is_digit(text_[at_])) {
            into = into * 10 + (text_[at_++] - '0');
            ++digits;
        }
        return digits >= digits_min;
    }
    bool number(std::size_t digits_max, unsigned& into) {
        std::int64_t wide = 0;
        if (!number(digits_max, wide)) return false;
        into = static_cast<unsigned>(wide);
        return true;
    }
    bool take(char letter) {
        if (at_ >= text_.size() || text_[at_] != letter) return false;
        ++at_;
        return true;
    }
    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool at_end() const { return at_ >= text_.size(); }
    void skip() {
        if (at_ < text_.size()) ++at_;
    }
    std::string_view rest() const { return text_.substr(at_); }
    void skip(std::size_t count) { at_ = std::min(at_ + count, text_.size()); }

    bool fraction(Moment& moment) {
        std::int64_t digits = 0, unit = 100'000;
        for (moment.micros = 0; is_digit(peek()); skip(), ++digits, unit /= 10)
            moment.micros += (peek() - '0') * unit;
        return digits > 0;
    }
    // +01, +01:30, -0530, Z
    bool zone(Moment& moment) {
        while (take(' ')) {
        }
        if (at_end()) return true;
        if (rest() == "Z" || rest() == "z" || rest() == "UTC" || rest() == "GMT") {
            at_ = text_.size();
            return true;
        }
        const bool is_west = peek() == '-';
        if (!take('+') && !take('-')) return false;
        std::int64_t hours = 0, minutes = 0;
        if (!number(2, hours)) return false;
        take(':');
        if (!at_end() && !number(2, minutes)) return false;
        moment.offset_minutes = (hours * 60 + minutes) * (is_west ? -1 : 1);
        return at_end();
    }

private:
    std::string_view text_;
    std::size_t at_ = 0;
};

/// 1 to 12 of an English month's name, or of its first three letters; 0 for none. Moves behind.
unsigned month_name(MomentReader& in) {
    constexpr std::array<std::string_view, 12> names = {
        "january", "february", "march",     "april",   "may",      "june",
        "july",    "august",   "september", "october", "november", "december"};
    const std::string rest = lower_of(in.rest().substr(0, 9));
    for (unsigned month = 0; month < 12; ++month) {
        if (!rest.starts_with(names[month].substr(0, 3))) continue;
        in.skip(rest.starts_with(names[month]) ? names[month].size() : 3);
        return month + 1;
    }
    return 0;
}

// yyyy-mm-dd, also with / or . between, mm/dd/yyyy, dd Mon yyyy, yyyymmdd.
bool read_day(MomentReader& in, Moment& moment, bool is_auto) {
    std::int64_t first = 0, second = 0, third = 0;
    if (is_auto && !is_digit(in.peek())) {
        moment.month = month_name(in);
        while (in.take(' ') || in.take(',')) {
        }
        return moment.month > 0 && in.number(2, moment.day) && (in.take(',') || true) &&
               (in.take(' ') || true) && in.number(4, moment.year, 4);
    }
    if (!in.number(8, first)) return false;
    if (first >= 10'000'000) {
        moment.year = first / 10'000;
        moment.month = static_cast<unsigned>(first / 100 % 100);
        moment.day = static_cast<unsigned>(first % 100);
        return true;
    }
    const char between = in.peek();
    if (between != '-' && between != '/' && between != '.' && !(is_auto && between == ' '))
        return false;
    in.skip();
    if (is_auto && !is_digit(in.peek())) {
        moment.month = month_name(in);
        second = moment.month;
        if (second == 0 || !in.take(between) || !in.number(4, third)) return false;
        moment.day = static_cast<unsigned>(first);
        moment.year = third;
        return true;
    }
    if (!in.number(2, second) || !in.take(between) || !in.number(4, third)) return false;
    if (first > 31) {
        moment.year = first;
        moment.month = static_cast<unsigned>(second);
        moment.day = static_cast<unsigned>(third);
        return true;
    }
    if (third < 100 && !is_auto) return false;
    moment.month = static_cast<unsigned>(first);
    moment.day = static_cast<unsigned>(second);
    moment.year = third < 100 ? 2000 + third : third;
    return is_auto || between == '/';
}

bool read_clock(MomentReader& in, Moment& moment) {
    if (!in.number(2, moment.hour)) return false;
    if (!in.take(':')) return false;
    if (!in.number(2, moment.minute)) return false;
    if (in.take(':')) {
        if (!in.number(2, moment.second)) return false;
        if (in.take('.') && !in.fraction(moment)) return false;
    }
    return true;
}

// By a format of the user's: YYYY-MM-DD HH24:MI:SS…
bool read_by_format(MomentReader& in, Moment& moment, std::string_view format) {
    std::string upper = lower_of(format);
    for (char& letter : upper)
        letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
    for (std::size_t at = 0; at < upper.size();) {
        const std::string_view rest = std::string_view(upper).substr(at);
        const auto is = [&](std::string_view part) {
            if (!rest.starts_with(part)) return false;
            at += part.size();
            return true;
        };
        std::int64_t number = 0;
        if (is("YYYY")) {
            if (!in.number(4, moment.year, 4)) return false;
        } else if (is("YY")) {
            if (!in.number(2, number, 2)) return false;
            moment.year = number < 70 ? 2000 + number : 1900 + number;
        } else if (is("MONTH") || is("MON")) {
            if ((moment.month = month_name(in)) == 0) return false;
        } else if (is("MM")) {
            if (!in.number(2, moment.month)) return false;
        } else if (is("DD")) {
            if (!in.number(2, moment.day)) return false;
        } else if (is("HH24") || is("HH12") || is("HH")) {
            if (!in.number(2, moment.hour)) return false;
        } else if (is("MI")) {
            if (!in.number(2, moment.minute)) return false;
        } else if (is("SS")) {
            if (!in.number(2, moment.second)) return false;
            if (in.peek() == '.' && !std::string_view(upper).substr(at).starts_with(".")) {
                in.skip();
                in.fraction(moment);
            }
        } else if (is("MS") || is("US")) {
            if (!in.fraction(moment)) return false;
        } else if (is("AM") || is("PM")) {
            const std::string half = lower_of(in.rest().substr(0, 2));
            if (half != "am" && half != "pm") return false;
            moment.has_half = true;
            moment.is_afternoon = half == "pm";
            in.skip(2);
        } else if (is("TZ") || is("OF")) {
            if (!in.zone(moment)) return false;
        } else {
            if (!in.take(format[at])) return false;
            ++at;
        }
    }
    if (moment.has_half) moment.hour = moment.hour % 12 + (moment.is_afternoon ? 12 : 0);
    return in.at_end();
}

bool read_date(std::string_view text, const CopyOptions& options, LoadValue& value,
               Misfit& misfit) {
    MomentReader in(text);
    Moment moment;
    const bool is_auto = options.date_format == "auto";
    const bool read = options.date_format.empty() || is_auto
                          ? read_day(in, moment, is_auto)
                          : read_by_format(in, moment, options.date_format);
    if (read && !in.at_end()) {
        // A time behind it is cut.
        if ((options.date_format.empty() || is_auto) && (in.take(' ') || in.take('T'))) {
            if (!read_clock(in, moment)) return misfits(misfit, 1205, "Invalid Date Format");
        }
    }
    if (!read || !moment.is_valid()) {
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
    value.integer = days_of(moment.year, moment.month, moment.day);
    return true;
}

/// Whether the first eight letters are digits where `shape` has 0 and its letters elsewhere. All at
/// once: XOR leaves 0 to 9 of a right digit and 0 of a right letter, and what is added to the byte
/// sets its highest bit when it is more.
bool has_shape(std::string_view text, std::string_view shape) {
    std::uint64_t word = 0, wanted = 0, room = 0;
    for (std::size_t at = 0; at < 8; ++at) {
        wanted |= std::uint64_t{static_cast<unsigned char>(shape[at])} << (8 * at);
        room |= std::uint64_t{shape[at] == '0' ? 0x7Fu - 9 : 0x7Fu} << (8 * at);
    }
    std::memcpy(&word, text.data(), 8);
    word ^= wanted;
    return (((word + room) | word) & 0x8080808080808080) == 0;
}

/// yyyy-mm-dd hh:mm:ss, with or without a fraction: what most moments are. False for any other.
bool read_usual_moment(std::string_view text, Moment& moment) {
    constexpr std::string_view shape = "0000-00-00 00:00:00";
    constexpr std::size_t digits_max = 6;
    if (text.size() < shape.size() || text.size() > shape.size() + 1 + digits_max) return false;
    if (!has_shape(text, shape.substr(0, 8)) || !has_shape(text.substr(8), shape.substr(8, 8)) ||
        !has_shape(text.substr(11), shape.substr(11)))
        return false;
    const auto two = [&](std::size_t at) {
        return static_cast<unsigned>((text[at] - '0') * 10 + (text[at + 1] - '0'));
    };
    moment.year = static_cast<std::int64_t>(two(0) * 100 + two(2));
    moment.month = two(5);
    moment.day = two(8);
    moment.hour = two(11);
    moment.minute = two(14);
    moment.second = two(17);
    if (text.size() == shape.size()) return moment.year > 31;
    std::int64_t unit = 100'000;
    for (std::size_t at = shape.size() + 1; at < text.size(); ++at, unit /= 10) {
        if (!is_digit(text[at])) return false;
        moment.micros += (text[at] - '0') * unit;
    }
    return moment.year > 31 && text[shape.size()] == '.' && text.size() > shape.size() + 1;
}

bool read_timestamp(const LoadColumn& column, std::string_view text, const CopyOptions& options,
                    LoadValue& value, Misfit& misfit) {
    const std::string& format = options.time_format;
    Moment moment;
    if (format.empty() && read_usual_moment(text, moment) && moment.is_valid()) {
        value.integer = moment.total_us();
        return true;
    }
    if (format == "epochsecs" || format == "epochmillisecs") {
        double number = 0;
        const auto* const end = text.data() + text.size();
        if (std::from_chars(text.data(), end, number).ptr != end)
            return misfits(misfit, 1206, "Invalid timestamp format or value [" + format + "]");
        value.integer =
            static_cast<std::int64_t>(std::llround(number * (format == "epochsecs" ? 1e6 : 1e3)));
        return true;
    }
    moment = {};
    const bool is_auto = format == "auto";
    if (is_auto && read_usual_moment(text, moment) && moment.is_valid()) {
        value.integer = moment.total_us();
        return true;
    }
    moment = {};
    MomentReader in(text);
    bool read = false;
    if (format.empty() || is_auto) {
        read = read_day(in, moment, is_auto);
        if (read && !in.at_end())
            read = (in.take(' ') || in.take('T')) && read_clock(in, moment) && in.zone(moment);
        if (!column.has_zone && !is_auto) moment.offset_minutes = 0;
    } else {
        read = read_by_format(in, moment, format);
    }
    if (read && moment.is_valid()) {
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

// Howard Hinnant's days_from_civil.
std::int64_t days_of(std::int64_t year, unsigned month, unsigned day) {
    year -= month <= 2 ? 1 : 0;
    const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
    const auto of_era = static_cast<unsigned>(year - era * 400);
    const unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    const unsigned day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    return era * 146'097 + static_cast<std::int64_t>(day_of_era) - 719'468;
}

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
