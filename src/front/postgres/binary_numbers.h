#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Binary forms of decimals, dates and times, from text and to it. Private to this folder.

namespace stroma::front::postgres {

void append_big_endian(std::string& out, std::uint64_t value, std::size_t size);
std::uint64_t big_endian(std::string_view bytes);

/// "-12.340" as groups of four digits. False: it is no decimal.
bool append_decimal(std::string& out, std::string_view text);
std::optional<std::string> decimal_text(std::string_view bytes);

/// Days since 2000-01-01 of "2026-11-22", and of "0044-03-15 (BC)".
std::optional<std::int64_t> days_in(std::string_view text);
std::string date_text(std::int64_t days);
/// "+02", "-05:30", "+02:00:00" as seconds to the east, and back.
std::optional<std::int64_t> offset_in(std::string_view text);
std::string offset_text(std::int64_t seconds);
/// Microseconds of "12:34:56.789".
std::optional<std::int64_t> microseconds_of_day_in(std::string_view text);
std::string time_text(std::int64_t microseconds);
/// Microseconds since 2000-01-01 of "2026-11-22 12:34:56+02"; the offset is taken off.
std::optional<std::int64_t> microseconds_in(std::string_view text);
std::string timestamp_text(std::int64_t microseconds);

}  // namespace stroma::front::postgres
