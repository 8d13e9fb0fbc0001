#include "front/postgres/text_style.h"

#include <fmt/format.h>

#include <array>
#include <chrono>

#include "front/postgres/binary_numbers.h"
#include "front/postgres/value_bytes.h"
#include "redshift/value_text.h"

namespace stroma::front::postgres {
namespace {

constexpr std::array<std::string_view, 7> weekdays = {"Sun", "Mon", "Tue", "Wed",
                                                      "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// "2026-11-22 04:40:00.5+00 BC" in its parts.
struct Moment {
    std::string_view year, month, day, clock, zone;
    bool is_before = false;  ///< Christ
};

bool read_moment(std::string_view text, Moment& moment) {
    if (text.ends_with(" BC")) {
        moment.is_before = true;
        text.remove_suffix(3);
    }
    const std::string_view date = text.substr(0, text.find(' '));
    if (date.size() < 8 || date[date.size() - 3] != '-' || date[date.size() - 6] != '-')
        return false;
    moment.year = date.substr(0, date.size() - 6);
    moment.month = date.substr(date.size() - 5, 2);
    moment.day = date.substr(date.size() - 2);
    if (date.size() < text.size()) moment.clock = text.substr(date.size() + 1);
    const std::size_t zone = moment.clock.find_first_of("+-");
    if (zone != moment.clock.npos) {
        moment.zone = moment.clock.substr(zone);
        moment.clock = moment.clock.substr(0, zone);
    }
    return true;
}

/// The date alone, as all styles but Postgres's moments have it.
std::string day_text(const Moment& moment, const TextStyle& style) {
    if (style.dates == TextStyle::Dates::german)
        return fmt::format("{}.{}.{}", moment.day, moment.month, moment.year);
    const char sign = style.dates == TextStyle::Dates::sql ? '/' : '-';
    return style.is_day_first
               ? fmt::format("{1}{0}{2}{0}{3}", sign, moment.day, moment.month, moment.year)
               : fmt::format("{1}{0}{2}{0}{3}", sign, moment.month, moment.day, moment.year);
}

// "Sun Nov 22 04:40:00.5 2026"
std::string long_text(const Moment& moment, bool is_day_first) {
    const auto days = days_in(fmt::format("{}-{}-{}{}", moment.year, moment.month, moment.day,
                                          moment.is_before ? " (BC)" : ""));
    // The first of January 2000 was a Saturday.
    const std::int64_t weekday = ((days.value_or(0) + 6) % 7 + 7) % 7;
    const int month = (moment.month[0] - '0') * 10 + (moment.month[1] - '0');
    const std::string_view name = months[static_cast<std::size_t>(month + 11) % 12];
    const std::string day = is_day_first ? fmt::format("{} {}", moment.day, name)
                                         : fmt::format("{} {}", name, moment.day);
    return fmt::format("{} {} {} {}", weekdays[static_cast<std::size_t>(weekday)], day,
                       moment.clock, moment.year);
}

std::string escaped_bytes(std::string_view bytes) {
    std::string text;
    for (const char c : bytes) {
        const auto value = static_cast<unsigned char>(c);
        if (c == '\\')
            text += "\\\\";
        else if (value < 0x20 || value > 0x7e)
            text += fmt::format("\\{:03o}", value);
        else
            text += c;
    }
    return text;
}

}  // namespace

TextStyle text_style(std::string_view date_style, std::string_view interval_style,
                     std::string_view bytea_output) {
    TextStyle style;
    if (date_style.starts_with("Postgres")) style.dates = TextStyle::Dates::postgres;
    if (date_style.starts_with("SQL")) style.dates = TextStyle::Dates::sql;
    if (date_style.starts_with("German")) style.dates = TextStyle::Dates::german;
    style.is_day_first = date_style.ends_with("DMY");
    style.intervals = interval_style;
    style.escapes_bytes = bytea_output == "escape";
    return style;
}

void append_styled(std::string& out, const sql::Value& value, std::uint32_t type,
                   const TextStyle& style) {
    const auto* const given = std::get_if<std::string>(&value);
    if (given != nullptr && type == oid::bytea && style.escapes_bytes) {
        out += escaped_bytes(*given);
        return;
    }
    if (given != nullptr && type == oid::interval) {
        const auto interval = redshift::interval_in(*given);
        out += interval ? redshift::interval_text(*interval, style.intervals) : *given;
        return;
    }
    const bool is_moment = type == oid::date || type == oid::timestamp || type == oid::timestamptz;
    if (given == nullptr || !is_moment || style.dates == TextStyle::Dates::iso)
        return append_text(out, value, type);
    std::string text;
    append_text(text, value, type);
    Moment moment;
    if (!read_moment(text, moment)) {  // infinity
        out += text;
        return;
    }
    const bool is_long = style.dates == TextStyle::Dates::postgres && type != oid::date;
    out += is_long ? long_text(moment, style.is_day_first) : day_text(moment, style);
    if (!is_long && !moment.clock.empty()) out += fmt::format(" {}", moment.clock);
    if (!moment.zone.empty())
        out += moment.zone == "+00" ? " UTC" : fmt::format(" {}", moment.zone);
    if (moment.is_before) out += " BC";
}

}  // namespace stroma::front::postgres
