#include "event/schedule.h"

#include <array>
#include <charconv>
#include <chrono>
#include <string>
#include <vector>

namespace stroma::event {
namespace {

constexpr std::int64_t minute_ms = 60'000, day_ms = 86'400'000;
constexpr std::array month_names = {"",    "JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                    "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array weekday_names = {"", "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

Error invalid() { return {ErrorCode::invalid_input, "Parameter ScheduleExpression is not valid."}; }

std::vector<std::string_view> split(std::string_view text, char by) {
    std::vector<std::string_view> parts;
    for (std::size_t from = 0; from <= text.size();) {
        const std::size_t end = std::min(text.find(by, from), text.size());
        if (end > from || by != ' ') parts.push_back(text.substr(from, end - from));
        from = end + 1;
    }
    return parts;
}

std::optional<int> number_of(std::string_view text) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

template <class Names>
std::optional<int> value_of(std::string_view text, const Names& names) {
    for (std::size_t n = 1; n < names.size(); ++n)
        if (text == names[n]) return static_cast<int>(n);
    return number_of(text);
}

constexpr std::array<const char*, 1> no_names = {""};

/// Lists, ranges, steps and `*` within least…most.
template <std::size_t Size, class Names>
Result<void> read_field(std::string_view text, int least, int most, const Names& names,
                        std::bitset<Size>& into) {
    for (const std::string_view part : split(text, ',')) {
        const auto steps = split(part, '/');
        int from = least, to = most, step = 1;
        if (steps.size() > 2) return fail(invalid());
        if (steps.size() == 2) {
            const auto read = number_of(steps[1]);
            if (!read || *read < 1) return fail(invalid());
            step = *read;
        }
        if (steps[0] != "*") {
            const auto ends = split(steps[0], '-');
            const auto first = value_of(ends[0], names);
            const auto last = ends.size() == 2 ? value_of(ends[1], names) : first;
            if (!first || !last || ends.size() > 2) return fail(invalid());
            from = *first;
            to = ends.size() == 1 && steps.size() == 2 ? most : *last;
        }
        if (from < least || to > most) return fail(invalid());
        if (from <= to) {
            for (int value = from; value <= to; value += step) into.set(value);
        } else {  // FRI-MON
            for (int value = from; value <= most; value += step) into.set(value);
            for (int value = least; value <= to; value += step) into.set(value);
        }
    }
    return {};
}

int days_of(int year, int month) {
    using namespace std::chrono;
    return static_cast<int>(static_cast<unsigned>(
        year_month_day_last(std::chrono::year(year),
                            month_day_last(std::chrono::month(static_cast<unsigned>(month))))
            .day()));
}

int weekday_of(int year, int month, int day) {
    using namespace std::chrono;
    const year_month_day date(std::chrono::year(year),
                              std::chrono::month(static_cast<unsigned>(month)),
                              std::chrono::day(static_cast<unsigned>(day)));
    return static_cast<int>(weekday(sys_days(date)).c_encoding()) + 1;
}

/// The workday (Monday to Friday) of the same month that is next to that day.
int workday_near(int year, int month, int day) {
    const int last = days_of(year, month);
    day = std::min(day, last);
    const int weekday = weekday_of(year, month, day);
    if (weekday == 7) return day > 1 ? day - 1 : day + 2;
    if (weekday == 1) return day < last ? day + 1 : day - 2;
    return day;
}

}  // namespace

Result<Schedule> Schedule::read(std::string_view text) {
    Schedule schedule;
    if (text.size() > 256 || !text.ends_with(')')) return fail(invalid());
    if (text.starts_with("cron(")) {
        schedule.cron_ = TRY(read_cron(text.substr(5, text.size() - 6)));
        return schedule;
    }
    if (!text.starts_with("rate(")) return fail(invalid());
    const auto words = split(text.substr(5, text.size() - 6), ' ');
    if (words.size() != 2) return fail(invalid());
    const auto count = number_of(words[0]);
    if (!count || *count < 1) return fail(invalid());
    std::string unit(words[1]);
    if (*count > 1) {
        if (!unit.ends_with('s')) return fail(invalid());
        unit.pop_back();
    }
    if (unit == "minute") schedule.every_ms_ = *count * minute_ms;
    if (unit == "hour") schedule.every_ms_ = *count * 60 * minute_ms;
    if (unit == "day") schedule.every_ms_ = *count * day_ms;
    if (schedule.every_ms_ == 0) return fail(invalid());
    return schedule;
}

Result<Schedule::Cron> Schedule::read_cron(std::string_view fields) {
    const auto parts = split(fields, ' ');
    if (parts.size() != 6) return fail(invalid());
    Cron cron;
    TRY(read_field(parts[0], 0, 59, no_names, cron.minutes));
    TRY(read_field(parts[1], 0, 23, no_names, cron.hours));
    TRY(read_field(parts[3], 1, 12, month_names, cron.months));
    TRY(read_field(parts[5], 1970, 2199, no_names, cron.years));
    if ((parts[2] == "?") == (parts[4] == "?")) return fail(invalid());
    if (parts[2] == "L") {
        cron.last_day = true;
    } else if (parts[2] == "LW") {
        cron.last_workday = true;
    } else if (parts[2].ends_with('W')) {
        const auto day = number_of(parts[2].substr(0, parts[2].size() - 1));
        if (!day || *day < 1 || *day > 31) return fail(invalid());
        cron.near_day = *day;
    } else if (parts[2] != "?") {
        TRY(read_field(parts[2], 1, 31, no_names, cron.days));
    }
    if (parts[4] == "?") return cron;
    if (const std::size_t at = parts[4].find('#'); at != std::string_view::npos) {
        const auto weekday = value_of(parts[4].substr(0, at), weekday_names);
        const auto week = number_of(parts[4].substr(at + 1));
        if (!weekday || !week || *weekday < 1 || *weekday > 7 || *week < 1 || *week > 5)
            return fail(invalid());
        cron.nth_weekday = *weekday;
        cron.nth_week = *week;
    } else if (parts[4].size() > 1 && parts[4].ends_with('L')) {
        const auto weekday = value_of(parts[4].substr(0, parts[4].size() - 1), weekday_names);
        if (!weekday || *weekday < 1 || *weekday > 7) return fail(invalid());
        cron.last_weekday = *weekday;
    } else {
        TRY(read_field(parts[4] == "L" ? "7" : parts[4], 1, 7, weekday_names, cron.weekdays));
    }
    return cron;
}

bool Schedule::is_day(const Cron& cron, int year, int month, int day, int weekday) {
    const int last = days_of(year, month);
    if (cron.last_day) return day == last;
    if (cron.last_workday) return day == workday_near(year, month, last);
    if (cron.near_day > 0) return day == workday_near(year, month, cron.near_day);
    if (cron.nth_weekday > 0)
        return weekday == cron.nth_weekday && (day - 1) / 7 + 1 == cron.nth_week;
    if (cron.last_weekday > 0) return weekday == cron.last_weekday && day + 7 > last;
    return cron.days.test(day) || cron.weekdays.test(weekday);
}

std::optional<std::int64_t> Schedule::next_after(std::int64_t unix_ms,
                                                 std::int64_t start_ms) const {
    if (every_ms_ > 0) {
        if (unix_ms < start_ms) return start_ms + every_ms_;
        return start_ms + ((unix_ms - start_ms) / every_ms_ + 1) * every_ms_;
    }
    using namespace std::chrono;
    // The first minute after that moment; then day by day.
    const std::int64_t from_minute = unix_ms / minute_ms + 1;
    sys_days date{days(from_minute / (24 * 60))};
    int minute_of_day = static_cast<int>(from_minute % (24 * 60));
    for (;; date += days(1), minute_of_day = 0) {
        const year_month_day day(date);
        const int year = static_cast<int>(day.year());
        if (year >= 2200) return std::nullopt;
        const int month = static_cast<int>(static_cast<unsigned>(day.month()));
        if (!cron_.years.test(year) || !cron_.months.test(month)) continue;
        if (!is_day(cron_, year, month, static_cast<int>(static_cast<unsigned>(day.day())),
                    static_cast<int>(weekday(date).c_encoding()) + 1))
            continue;
        for (int minute = minute_of_day; minute < 24 * 60; ++minute)
            if (cron_.hours.test(minute / 60) && cron_.minutes.test(minute % 60))
                return date.time_since_epoch().count() * day_ms + minute * minute_ms;
    }
}

}  // namespace stroma::event
