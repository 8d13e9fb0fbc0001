#include "front/postgres/binary_numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>
#include <vector>

namespace stroma::front::postgres {
namespace {

constexpr std::int64_t day_microseconds = 86'400'000'000;
constexpr std::int64_t days_to_2000 = 10'957;  // from 1970
constexpr std::uint16_t negative = 0x4000, not_a_number = 0xC000, infinite = 0xD000,
                        minus_infinite = 0xF000;

bool is_digits(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<int> number_in(std::string_view text) {
    int value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || !is_digits(text) || failed != std::errc{}) return std::nullopt;
    return value;
}

/// The text without the sign of years before Christ: the engine writes " (BC)" behind the date,
/// PostgreSQL " BC" behind everything. Whether it was there.
bool take_before_christ(std::string& text) {
    if (const std::size_t place = text.find(" (BC)"); place != std::string::npos) {
        text.erase(place, 5);
        return true;
    }
    if (!text.ends_with(" BC")) return false;
    text.resize(text.size() - 3);
    return true;
}

}  // namespace

std::optional<std::int64_t> offset_in(std::string_view text) {
    if (text.empty()) return std::nullopt;
    const int sign = text[0] == '-' ? -1 : 1;
    text.remove_prefix(1);
    std::int64_t seconds = 0, unit = 3600;
    while (!text.empty() && unit > 0) {
        const auto part = number_in(text.substr(0, 2));
        if (!part) return std::nullopt;
        seconds += *part * unit;
        unit /= 60;
        text.remove_prefix(std::min<std::size_t>(2, text.size()));
        if (text.starts_with(':')) text.remove_prefix(1);
    }
    return sign * seconds;
}

std::string offset_text(std::int64_t seconds) {
    const std::int64_t size = seconds < 0 ? -seconds : seconds;
    std::string text = fmt::format("{}{:02}", seconds < 0 ? '-' : '+', size / 3600);
    if (size % 3600 != 0) text += fmt::format(":{:02}", size / 60 % 60);
    if (size % 60 != 0) text += fmt::format(":{:02}", size % 60);
    return text;
}

void append_big_endian(std::string& out, std::uint64_t value, std::size_t size) {
    for (std::size_t i = size; i-- > 0;) out += static_cast<char>(value >> (8 * i));
}

std::uint64_t big_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
    return value;
}

bool append_decimal(std::string& out, std::string_view text) {
    const auto head = [&](std::size_t groups, int weight, std::uint16_t sign, std::size_t scale) {
        append_big_endian(out, groups, 2);
        append_big_endian(out, static_cast<std::uint64_t>(static_cast<std::int64_t>(weight)), 2);
        append_big_endian(out, sign, 2);
        append_big_endian(out, scale, 2);
        return true;
    };
    if (text == "NaN" || text == "nan") return head(0, 0, not_a_number, 0);
    if (text == "Infinity" || text == "inf") return head(0, 0, infinite, 0x20);
    if (text == "-Infinity" || text == "-inf") return head(0, 0, minus_infinite, 0x20);
    const bool is_negative = text.starts_with('-');
    if (is_negative || text.starts_with('+')) text.remove_prefix(1);
    const std::size_t point = text.find('.');
    std::string whole(text.substr(0, point));
    std::string fraction(point == text.npos ? "" : text.substr(point + 1));
    if (whole.size() + fraction.size() == 0 || !is_digits(whole) || !is_digits(fraction) ||
        fraction.size() > 16'383 || whole.size() > 131'072)
        return false;
    const std::size_t scale = fraction.size();
    whole.insert(0, (4 - whole.size() % 4) % 4, '0');
    fraction.append((4 - fraction.size() % 4) % 4, '0');
    int weight = static_cast<int>(whole.size() / 4) - 1;
    const std::string digits = whole + fraction;
    std::vector<int> groups;
    for (std::size_t i = 0; i < digits.size(); i += 4)
        groups.push_back(*number_in(std::string_view(digits).substr(i, 4)));
    while (!groups.empty() && groups.back() == 0) groups.pop_back();
    const auto first = std::find_if(groups.begin(), groups.end(), [](int g) { return g != 0; });
    weight -= static_cast<int>(first - groups.begin());
    groups.erase(groups.begin(), first);
    if (groups.empty()) weight = 0;
    head(groups.size(), weight, is_negative && !groups.empty() ? negative : 0, scale);
    for (const int group : groups) append_big_endian(out, static_cast<std::uint64_t>(group), 2);
    return true;
}

std::optional<std::string> decimal_text(std::string_view bytes) {
    if (bytes.size() < 8) return std::nullopt;
    const std::size_t count = big_endian(bytes.substr(0, 2));
    const int weight = static_cast<std::int16_t>(big_endian(bytes.substr(2, 2)));
    const auto sign = static_cast<std::uint16_t>(big_endian(bytes.substr(4, 2)));
    const std::size_t scale = big_endian(bytes.substr(6, 2));
    if (sign == not_a_number) return "NaN";
    if (sign == infinite) return "Infinity";
    if (sign == minus_infinite) return "-Infinity";
    if (bytes.size() != 8 + 2 * count || scale > 16'383 || (sign != 0 && sign != negative))
        return std::nullopt;
    std::string whole, fraction;
    if (weight < 0) fraction.append(static_cast<std::size_t>(-1 - weight) * 4, '0');
    for (int i = 0; i < std::max(static_cast<int>(count), weight + 1); ++i) {
        const auto place = static_cast<std::size_t>(i);
        const auto group = place < count ? big_endian(bytes.substr(8 + 2 * place, 2)) : 0;
        if (group > 9999) return std::nullopt;
        (i <= weight ? whole : fraction) += fmt::format("{:04}", group);
    }
    whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
    fraction.resize(scale, '0');
    return (sign == negative ? "-" : "") + (whole.empty() ? "0" : whole) +
           (scale > 0 ? "." + fraction : "");
}

std::optional<std::int64_t> days_in(std::string_view given) {
    std::string text(given);
    const bool is_before = take_before_christ(text);
    const std::size_t first = text.find('-', 1);
    if (first == text.npos) return std::nullopt;
    const auto year = number_in(std::string_view(text).substr(0, first));
    const std::string_view rest = std::string_view(text).substr(first + 1);
    if (!year || rest.size() != 5 || rest[2] != '-') return std::nullopt;
    const auto month = number_in(rest.substr(0, 2)), day = number_in(rest.substr(3));
    // std::chrono's calendar reaches as far as its year, which is two bytes wide.
    if (!month || !day || *year > 32'767) return std::nullopt;
    const std::chrono::year_month_day date{
        std::chrono::year{static_cast<int>(is_before ? 1 - *year : *year)},
        std::chrono::month{static_cast<unsigned>(*month)},
        std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok()) return std::nullopt;
    return std::chrono::sys_days{date}.time_since_epoch().count() - days_to_2000;
}

std::string date_text(std::int64_t days) {
    if (days == std::numeric_limits<std::int32_t>::max()) return "infinity";
    if (days == std::numeric_limits<std::int32_t>::min()) return "-infinity";
    days = std::clamp<std::int64_t>(days, -2'451'544, 10'000'000);
    const std::chrono::year_month_day date{
        std::chrono::sys_days{std::chrono::days{days + days_to_2000}}};
    const int year = int{date.year()};
    return fmt::format("{:04}-{:02}-{:02}{}", year > 0 ? year : 1 - year, unsigned{date.month()},
                       unsigned{date.day()}, year > 0 ? "" : " (BC)");
}

std::optional<std::int64_t> microseconds_of_day_in(std::string_view text) {
    if (text.size() < 8 || text[2] != ':' || text[5] != ':') return std::nullopt;
    const auto hours = number_in(text.substr(0, 2)), minutes = number_in(text.substr(3, 2)),
               seconds = number_in(text.substr(6, 2));
    if (!hours || !minutes || !seconds) return std::nullopt;
    std::int64_t fraction = 0;
    if (text.size() > 8) {
        std::string digits(text.substr(9, 6));
        digits.append(6 - digits.size(), '0');
        const auto read = text[8] == '.' ? number_in(digits) : std::nullopt;
        if (!read) return std::nullopt;
        fraction = *read;
    }
    return ((*hours * 60LL + *minutes) * 60 + *seconds) * 1'000'000 + fraction;
}

std::string time_text(std::int64_t microseconds) {
    const std::int64_t seconds = microseconds / 1'000'000;
    std::string text =
        fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if (const std::int64_t fraction = microseconds % 1'000'000; fraction != 0) {
        text += fmt::format(".{:06}", fraction);
        text.erase(text.find_last_not_of('0') + 1);
    }
    return text;
}

std::optional<std::int64_t> microseconds_in(std::string_view given) {
    if (given == "infinity") return std::numeric_limits<std::int64_t>::max();
    if (given == "-infinity") return std::numeric_limits<std::int64_t>::min();
    std::string whole(given);
    const bool is_before = take_before_christ(whole);
    const std::string_view text = whole;
    const std::size_t space = text.find_first_of(" T");
    const auto days = days_in(std::string(text.substr(0, space)) + (is_before ? " BC" : ""));
    if (!days || space == text.npos) return std::nullopt;
    std::string_view time = text.substr(space + 1);
    std::int64_t offset = 0;
    if (const std::size_t sign = time.find_first_of("+-"); sign != time.npos) {
        const auto read = offset_in(time.substr(sign));
        if (!read) return std::nullopt;
        offset = *read;
        time = time.substr(0, sign);
    }
    const auto of_day = microseconds_of_day_in(time);
    if (!of_day) return std::nullopt;
    return *days * day_microseconds + *of_day - offset * 1'000'000;
}

std::string timestamp_text(std::int64_t microseconds) {
    if (microseconds == std::numeric_limits<std::int64_t>::max()) return "infinity";
    if (microseconds == std::numeric_limits<std::int64_t>::min()) return "-infinity";
    std::int64_t days = microseconds / day_microseconds, rest = microseconds % day_microseconds;
    if (rest < 0) {
        rest += day_microseconds;
        --days;
    }
    return date_text(days) + " " + time_text(rest);
}

}  // namespace stroma::front::postgres
