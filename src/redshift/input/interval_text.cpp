#include "redshift/value_text.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <limits>

namespace stroma::redshift {
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
    if (unit == "week") return add(interval.days, number, 7);
    if (unit == "day") return add(interval.days, number, 1);
    const std::int64_t unit_us = unit == "hour"          ? 3600 * second_us
                                 : unit == "minute"      ? 60 * second_us
                                 : unit == "second"      ? second_us
                                 : unit == "millisecond" ? 1000
                                 : unit == "microsecond" ? 1
                                                         : 0;
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / 4;
    if (unit_us == 0 || number > most / unit_us || number < -most / unit_us) return false;
    const std::int64_t sum = interval.microseconds + number * unit_us;
    if (sum > most || sum < -most) return false;
    interval.microseconds = sum;
    return true;
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
            if (interval.microseconds != 0) return std::nullopt;
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

namespace {

/// "4:05:06.5" with as many digits of the hours as asked for.
std::string clock_text(std::uint64_t microseconds, int hour_digits) {
    const std::uint64_t seconds = microseconds / second_us;
    std::string text = fmt::format("{:0{}}:{:02}:{:02}", seconds / 3600, hour_digits,
                                   seconds / 60 % 60, seconds % 60);
    if (const std::uint64_t fraction = microseconds % second_us; fraction != 0) {
        text += fmt::format(".{:06}", fraction);
        text.erase(text.find_last_not_of('0') + 1);
    }
    return text;
}

/// "6", "6.5" of microseconds that are less than a minute.
std::string seconds_text(std::int64_t microseconds) {
    std::string text =
        fmt::format("{}{}", microseconds < 0 ? "-" : "", std::abs(microseconds) / second_us);
    if (const std::int64_t fraction = std::abs(microseconds) % second_us; fraction != 0) {
        text += fmt::format(".{:06}", fraction);
        text.erase(text.find_last_not_of('0') + 1);
    }
    return text;
}

std::uint64_t size_of(std::int64_t number) {
    return number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
}

std::string standard_text(const Interval& interval) {
    const std::int32_t months = interval.months, days = interval.days;
    const std::int64_t time = interval.microseconds;
    const bool is_below = months < 0 || days < 0 || time < 0;
    const bool is_above = months > 0 || days > 0 || time > 0;
    if (!is_below && !is_above) return "0";
    const bool has_time = days != 0 || time != 0;
    const std::string clock = clock_text(size_of(time), 1);
    // Signs that differ, or years beside days, are all written out.
    if ((is_below && is_above) || (months != 0 && has_time))
        return fmt::format("{}{}-{} {}{} {}{}", months < 0 ? '-' : '+', std::abs(months / 12),
                           std::abs(months % 12), days < 0 ? '-' : '+', std::abs(days),
                           time < 0 ? '-' : '+', clock);
    const std::string sign = is_below ? "-" : "";
    if (months != 0)
        return fmt::format("{}{}-{}", sign, std::abs(months / 12), std::abs(months % 12));
    if (days != 0) return fmt::format("{}{} {}", sign, std::abs(days), clock);
    return sign + clock;
}

std::string iso_text(const Interval& interval) {
    std::string text = "P";
    const auto part = [&](std::int64_t number, char unit) {
        if (number != 0) text += fmt::format("{}{}", number, unit);
    };
    part(interval.months / 12, 'Y');
    part(interval.months % 12, 'M');
    part(interval.days, 'D');
    const std::int64_t time = interval.microseconds;
    if (time != 0) text += 'T';
    part(time / second_us / 3600, 'H');
    part(time / second_us / 60 % 60, 'M');
    if (time % (60 * second_us) != 0) text += seconds_text(time % (60 * second_us)) + 'S';
    return text == "P" ? "PT0S" : text;
}

std::string verbose_text(const Interval& interval) {
    std::string text = "@";
    bool is_first = true, is_ago = false;
    const auto part = [&](std::int64_t number, const std::string& written, std::string_view unit) {
        if (number == 0) return;
        if (is_first) is_ago = number < 0;
        // What goes back in time is told by the last word, but for what goes the other way.
        const bool has_minus = number < 0 ? !is_ago : is_ago;
        text += fmt::format(" {}{} {}{}", has_minus ? "-" : "", written, unit,
                            size_of(number) == 1 && !has_minus ? "" : "s");
        is_first = false;
    };
    const auto whole = [&](std::int64_t number, std::string_view unit) {
        part(number, std::to_string(size_of(number)), unit);
    };
    whole(interval.months / 12, "year");
    whole(interval.months % 12, "mon");
    whole(interval.days, "day");
    const std::int64_t time = interval.microseconds;
    whole(time / second_us / 3600, "hour");
    whole(time / second_us / 60 % 60, "min");
    const std::int64_t rest = time % (60 * second_us);
    part(rest % second_us == 0 ? rest / second_us : rest * 2, seconds_text(std::abs(rest)), "sec");
    if (is_first) return "@ 0";
    return text + (is_ago ? " ago" : "");
}

}  // namespace

std::string interval_text(const Interval& interval, std::string_view style) {
    if (style == "sql_standard") return standard_text(interval);
    if (style == "iso_8601") return iso_text(interval);
    if (style == "postgres_verbose") return verbose_text(interval);
    return interval_text(interval);
}

std::string engine_interval(const Interval& interval) {
    return fmt::format("{} months {} days {} microseconds", interval.months, interval.days,
                       interval.microseconds);
}

}  // namespace stroma::redshift
