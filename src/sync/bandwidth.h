#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"

namespace stroma::sync {

/// How many bytes a second may be sent, by weekday and time of day (the machine's own zone).
class Timetable {
public:
    /// Rules between semicolons, the first that holds counts, none holds: no limit.
    /// "20MB/s Mon-Fri 08:00-18:00; 100MB/s": each a rate or `off` (no limit), then weekdays
    /// (`Mon-Fri`, `Sat,Sun`) and hours (to midnight and beyond: `22:00-06:00`), both left out for
    /// always. "" has no rules. errors  invalid_input
    static Result<Timetable> read(std::string_view text);

    /// Nothing where there is no limit; 0 where nothing may be sent. `weekday` 0 is Monday.
    std::optional<double> rate_at(int weekday, int minute_of_day) const;
    std::optional<double> rate_at(std::int64_t unix_ms) const;
    /// Bytes of a week, on a line of that many bytes a second.
    double bytes_a_week(double line_rate) const;

private:
    struct Rule {
        std::optional<double> rate;
        unsigned weekdays = 0x7f;  ///< bit 0 is Monday
        int begin = 0, end = 0;    ///< minutes of the day; equal is the whole day
    };
    static Result<Rule> read_rule(std::string_view text);
    static bool holds(const Rule& rule, int weekday, int minute_of_day);
    std::vector<Rule> rules_;
};

/// Spreads what is sent over time so that no second has more than the timetable allows. Any thread.
class Pace {
public:
    Pace(Timetable timetable, const Clock& clock)
        : timetable_(std::move(timetable)), clock_(clock) {}

    struct Turn {
        bool is_granted = true;  ///< else ask again after the wait
        Milliseconds wait{0};
    };
    /// A turn to send `bytes`, after those that were asked for before.
    Turn next_turn(std::uint64_t bytes);
    /// Waits for the turn. errors  cancelled
    Result<void> wait_for_turn(std::uint64_t bytes, const std::stop_token& stop);

private:
    const Timetable timetable_;
    const Clock& clock_;
    std::mutex mutex_;
    double free_at_ms_ = 0;  ///< when all that was granted is sent, by the steady clock
};

}  // namespace stroma::sync
