#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Intervals as PostgreSQL writes them. Private to this folder.

namespace stroma::front::postgres {

/// Its three parts don't become each other: a month has no fixed number of days.
struct Interval {
    std::int64_t microseconds = 0;
    std::int32_t days = 0, months = 0;
};

/// As the engine or PostgreSQL writes one: "1 year 2 months 3 days 04:05:06.5", "-2 mons". Nothing
/// for other spellings, and for parts beyond what 32 bits of days and months hold.
std::optional<Interval> interval_in(std::string_view text);

/// In the style "postgres": "1 year 2 mons 3 days 04:05:06.5"; "00:00:00" is none at all.
std::string interval_text(const Interval& interval);

}  // namespace stroma::front::postgres
