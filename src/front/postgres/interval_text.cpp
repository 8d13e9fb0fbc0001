#include "front/postgres/interval_text.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>

namespace stroma::front::postgres {
namespace {

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t hours_max = std::numeric_limits<std::int64_t>::max() / second_us / 3600 - 1;

/// Digits from the front of `text`, which go.
std::optional<std::int64_t> digits(std::string_view& text) {
    std::int64_t number = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
    if (end.ec != std::errc() || text.starts_with('-')) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end.ptr - text.data()));
    return number;
}

bool take(std::string_view& text, char sign) {
    if (!text.starts_with(sign)) return false;
    text.remove_prefix(1);
    return true;
}

/// "04:05:06.5", hours without an end.
std::optional<std::int64_t> clock_in(std::string_view text) {
    const auto hours = digits(text);
    if (!hours || *hours > hours_max || !take(text, ':')) return std::nullopt;
    const auto minutes = digits(text);
    if (!minutes || *minutes > 59 || !take(text, ':')) return std::nullopt;
    const auto seconds = digits(text);
    if (!seconds || *seconds > 59) return std::nullopt;
    std::int64_t fraction = 0;
    if (take(text, '.')) {
        if (text.empty() || text.size() > 6) return std::nullopt;
        std::int64_t unit = second_us;
        for (const char each : text) {
            if (each < '0' || each > '9') return std::nullopt;
            fraction += (unit /= 10) * (each - '0');
        }
    } else if (!text.empty()) {
        return std::nullopt;
    }
    return ((*hours * 60 + *minutes) * 60 + *seconds) * second_us + fraction;
}

bool add(std::int32_t& part, std::int64_t number, std::int64_t factor) {
    constexpr std::int64_t part_max = std::numeric_limits<std::int32_t>::max();
    if (number > part_max || number < -part_max) return false;
    const std::int64_t sum = part + number * factor;
    if (sum > part_max || sum < -part_max) return false;
    part = static_cast<std::int32_t>(sum);
    return true;
}

bool add_unit(Interval& interval, std::int64_t number, std::string_view unit) {
    if (unit.ends_with('s')) unit.remove_suffix(1);
    if (unit == "year") return add(interval.months, number, 12);
    if (unit == "mon" || unit == "month") return add(interval.months, number, 1);
    return unit == "day" && add(interval.days, number, 1);
}

std::string_view next_word(std::string_view& text) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return word;
}

}  // namespace

std::optional<Interval> interval_in(std::string_view text) {
    Interval interval;
    if (text.empty()) return std::nullopt;
    while (!text.empty()) {
        std::string_view word = next_word(text);
        const bool is_negative = take(word, '-');
        if (!is_negative) take(word, '+');
        if (word.find(':') != std::string_view::npos) {
            const auto time = clock_in(word);
            if (!time || !text.empty()) return std::nullopt;
            interval.microseconds = is_negative ? -*time : *time;
            break;
        }
        const auto number = digits(word);
        if (!number || !word.empty()) return std::nullopt;
        if (!add_unit(interval, is_negative ? -*number : *number, next_word(text)))
            return std::nullopt;
    }
    return interval;
}

std::string interval_text(const Interval& interval) {
    std::string text;
    bool was_negative = false;
    const auto part = [&](std::int64_t number, std::string_view unit) {
        if (number == 0) return;
        text += fmt::format("{}{}{} {}{}", text.empty() ? "" : " ",
                            was_negative && number > 0 ? "+" : "", number, unit,
                            number == 1 ? "" : "s");
        was_negative = number < 0;
    };
    part(interval.months / 12, "year");
    part(interval.months % 12, "mon");
    part(interval.days, "day");
    if (interval.microseconds == 0 && !text.empty()) return text;
    const bool is_negative = interval.microseconds < 0;
    // The least number has no positive one.
    const auto whole = is_negative ? 0 - static_cast<std::uint64_t>(interval.microseconds)
                                   : static_cast<std::uint64_t>(interval.microseconds);
    const std::uint64_t seconds = whole / second_us;
    text += fmt::format("{}{}{:02}:{:02}:{:02}", text.empty() ? "" : " ",
                        is_negative    ? "-"
                        : was_negative ? "+"
                                       : "",
                        seconds / 3600, seconds / 60 % 60, seconds % 60);
    if (const std::uint64_t fraction = whole % second_us; fraction != 0) {
        text += fmt::format(".{:06}", fraction);
        text.erase(text.find_last_not_of('0') + 1);
    }
    return text;
}

}  // namespace stroma::front::postgres
