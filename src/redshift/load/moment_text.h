#pragma once

#include <cstdint>
#include <string_view>

namespace stroma::redshift {

/// A day and a time of it, as a text says them.
struct Moment {
    std::int64_t year = 1970;  ///< 0 is 1 BC
    unsigned month = 1, day = 1, hour = 0, minute = 0, second = 0;
    std::int64_t micros = 0, offset_minutes = 0;
    bool is_afternoon = false, has_half = false;
    /// A day of the calendar that Redshift can hold, and a time of day; 24:00:00 and second 60 are.
    bool is_valid() const;
    /// Microseconds since 1970, UTC.
    std::int64_t total_us() const;
};

/// Days since 1970-01-01 of the proleptic Gregorian calendar.
std::int64_t days_of(std::int64_t year, unsigned month, unsigned day);

/// A day by DATEFORMAT: "" YYYY-MM-DD, "auto", or a format of the user's. A time behind it is read
/// and left out. False where it isn't one; whether the calendar has it is_valid() tells.
bool read_day_text(std::string_view text, std::string_view format, Moment& moment);

/// A day with or without a time by TIMEFORMAT: "", "auto" or a format of the user's. "auto" also
/// takes the forms that Redshift's manual lists for it: J2451187, Jan-08-95 BC, 19960108 040809,
/// 960108 040809, 1996.008, 17 Dec 07:37:16 1997 PST.
bool read_moment_text(std::string_view text, std::string_view format, Moment& moment);

}  // namespace stroma::redshift
