#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace stroma::event {

/// When a rule fires by itself: "rate(5 minutes)" or "cron(0 12 ? * MON-FRI *)" in UTC.
class Schedule {
public:
    /// errors  invalid_input
    static Result<Schedule> read(std::string_view text);
    /// The first time after that moment, in milliseconds by the calendar; nothing when there is
    /// none before 2200. A rate counts from `start_ms`, when the rule was made.
    std::optional<std::int64_t> next_after(std::int64_t unix_ms, std::int64_t start_ms) const;

private:
    struct Cron {
        std::bitset<60> minutes;
        std::bitset<24> hours;
        std::bitset<32> days;
        std::bitset<13> months;
        std::bitset<8> weekdays;  ///< 1 is Sunday
        std::bitset<2200> years;
        bool last_day = false, last_workday = false;
        int near_day = 0;                   ///< the workday next to that day
        int last_weekday = 0;               ///< the last such weekday of the month
        int nth_weekday = 0, nth_week = 0;  ///< the n-th such weekday of the month
    };
    static Result<Cron> read_cron(std::string_view fields);
    static bool is_day(const Cron& cron, int year, int month, int day, int weekday);

    std::int64_t every_ms_ = 0;  ///< of a rate
    Cron cron_;
};

}  // namespace stroma::event
