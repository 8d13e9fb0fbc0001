#include "sync/bandwidth.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <condition_variable>
#include <ctime>

#include "sync/quantity.h"

namespace stroma::sync {
namespace {

constexpr int minutes_a_day = 24 * 60, days_a_week = 7;
constexpr Milliseconds standstill_wait{1000};
constexpr double burst_ms = 200;

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

/// The next part of `text`, up to the separator, which goes too.
std::string_view take_part(std::string_view& text, char separator) {
    const std::size_t end = std::min(text.find(separator), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return part;
}

std::optional<int> weekday_named(std::string_view name) {
    constexpr std::array<std::string_view, days_a_week> names = {"Mon", "Tue", "Wed", "Thu",
                                                                 "Fri", "Sat", "Sun"};
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) return std::nullopt;
    return static_cast<int>(found - names.begin());
}

/// "Mon-Fri", "Sat,Sun", "Fri-Mon": a bit for each day.
std::optional<unsigned> read_weekdays(std::string_view text) {
    unsigned days = 0;
    while (!text.empty()) {
        std::string_view range = take_part(text, ',');
        const auto first = weekday_named(take_part(range, '-'));
        const auto last = range.empty() ? first : weekday_named(range);
        if (!first || !last) return std::nullopt;
        for (int day = *first;; day = (day + 1) % days_a_week) {
            days |= 1u << day;
            if (day == *last) break;
        }
    }
    return days;
}

/// "08:30", up to 24:00.
std::optional<int> read_time_of_day(std::string_view text) {
    const std::string_view hours = take_part(text, ':');
    int hour = -1, minute = -1;
    std::from_chars(hours.data(), hours.data() + hours.size(), hour);
    std::from_chars(text.data(), text.data() + text.size(), minute);
    const bool is_time = hours.size() == 2 && text.size() == 2 && hour >= 0 && minute >= 0 &&
                         minute < 60 && hour * 60 + minute <= minutes_a_day;
    return is_time ? std::optional(hour * 60 + minute) : std::nullopt;
}

}  // namespace

Result<Timetable::Rule> Timetable::read_rule(std::string_view text) {
    Rule rule;
    std::string_view rest = text;
    const std::string_view rate = take_part(rest, ' ');
    if (rate != "off") rule.rate = TRY_WITH(read_rate(rate), fmt::format("bandwidth '{}'", text));
    while (!(rest = trimmed(rest)).empty()) {
        const std::string_view word = take_part(rest, ' ');
        std::string_view hours = word;
        const auto begin = read_time_of_day(take_part(hours, '-'));
        const auto end = read_time_of_day(hours);
        if (begin && end) {
            rule.begin = *begin;
            rule.end = *end % minutes_a_day;
        } else if (const auto days = read_weekdays(word)) {
            rule.weekdays = *days;
        } else {
            return fail(ErrorCode::invalid_input,
                        fmt::format("bandwidth '{}': '{}' is neither weekdays (Mon-Fri) nor hours "
                                    "(08:00-18:00)",
                                    text, word));
        }
    }
    return rule;
}

Result<Timetable> Timetable::read(std::string_view text) {
    Timetable timetable;
    while (!text.empty()) {
        const std::string_view rule = trimmed(take_part(text, ';'));
        if (!rule.empty()) timetable.rules_.push_back(TRY(read_rule(rule)));
    }
    return timetable;
}

bool Timetable::holds(const Rule& rule, int weekday, int minute_of_day) {
    if (rule.begin == rule.end) return (rule.weekdays >> weekday & 1) != 0;
    if (rule.begin < rule.end)
        return (rule.weekdays >> weekday & 1) != 0 && minute_of_day >= rule.begin &&
               minute_of_day < rule.end;
    // The hours after midnight belong to the day before.
    if (minute_of_day >= rule.begin) return (rule.weekdays >> weekday & 1) != 0;
    const int day_before = (weekday + days_a_week - 1) % days_a_week;
    return minute_of_day < rule.end && (rule.weekdays >> day_before & 1) != 0;
}

std::optional<double> Timetable::rate_at(int weekday, int minute_of_day) const {
    for (const Rule& rule : rules_)
        if (holds(rule, weekday, minute_of_day)) return rule.rate;
    return std::nullopt;
}

std::optional<double> Timetable::rate_at(std::int64_t unix_ms) const {
    if (rules_.empty()) return std::nullopt;
    const std::time_t seconds = unix_ms / 1000;
    std::tm local{};
    localtime_r(&seconds, &local);
    return rate_at((local.tm_wday + 6) % days_a_week, local.tm_hour * 60 + local.tm_min);
}

double Timetable::bytes_a_week(double line_rate) const {
    double bytes = 0;
    for (int day = 0; day < days_a_week; ++day)
        for (int minute = 0; minute < minutes_a_day; ++minute)
            bytes += 60 * std::min(line_rate, rate_at(day, minute).value_or(line_rate));
    return bytes;
}

Pace::Turn Pace::next_turn(std::uint64_t bytes) {
    const auto rate = timetable_.rate_at(clock_.unix_ms());
    if (!rate) return {};
    if (*rate <= 0) return {false, standstill_wait};
    const std::lock_guard lock(mutex_);
    const auto now_ms = static_cast<double>(clock_.steady_ms());
    const double start_ms = std::max(now_ms - burst_ms, free_at_ms_);
    free_at_ms_ = start_ms + 1000 * static_cast<double>(bytes) / *rate;
    return {true, Milliseconds(static_cast<std::int64_t>(std::max(0.0, start_ms - now_ms)))};
}

Result<void> Pace::wait_for_turn(std::uint64_t bytes, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    for (;;) {
        const Turn turn = next_turn(bytes);
        stopped.wait_for(lock, stop, turn.wait, [] { return false; });
        if (stop.stop_requested()) return fail(ErrorCode::cancelled, "interrupted");
        if (turn.is_granted) return {};
    }
}

}  // namespace stroma::sync
