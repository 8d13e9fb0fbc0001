#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Values as PostgreSQL's clients write them and read them, and as the engine does.

namespace stroma::redshift {

/// A value's text as PostgreSQL takes it for the type with that oid, in the words of the engine,
/// which knows fewer: years before Christ, times without seconds, short offsets ("+2"), intervals
/// with signs or units, arrays in braces. Nothing where the engine's own reading does, or where it
/// is no such value, which the engine then says.
std::optional<std::string> engine_text(std::uint32_t type, std::string_view text);

/// Bytes as the engine reads them from a text: every one escaped.
std::string engine_bytes(std::string_view bytes);
/// "\\x6162" or "a\\142" as bytes.
std::string bytes_in(std::string_view text);

/// Elements of "{a,\"b c\",NULL}"; nothing when it isn't such a text, or has more dimensions.
std::optional<std::vector<std::optional<std::string>>> elements_in(std::string_view text);

/// The elements as the engine reads a list: ["a", NULL].
std::string engine_list(const std::vector<std::optional<std::string>>& elements);

/// The engine's list, "[a, 'b c', NULL]", of elements of that type, lists within lists too, as
/// PostgreSQL's array: {a,"b c",NULL}. A text that is no such list comes back as it is.
std::string postgres_array(std::string_view list, std::uint32_t element);

/// The engine's text of bytes, "a\x00", as the bytes.
std::string bytes_of_engine(std::string_view text);

/// Its three parts don't become each other: a month has no fixed number of days.
struct Interval {
    std::int64_t microseconds = 0;
    std::int32_t days = 0, months = 0;
};

/// As the engine or PostgreSQL writes one: "1 year 2 months 3 days 04:05:06.5", "-2 mons", with
/// seconds and their parts as units, too. Nothing for other spellings, and for parts beyond what
/// 32 bits of days and months hold.
std::optional<Interval> interval_in(std::string_view text);

/// In the style "postgres": "1 year 2 mons 3 days 04:05:06.5"; "00:00:00" is none at all.
std::string interval_text(const Interval& interval);

/// In PostgreSQL's style of that name: "sql_standard", "iso_8601", "postgres_verbose"; any other
/// is "postgres".
std::string interval_text(const Interval& interval, std::string_view style);

/// As the engine reads it.
std::string engine_interval(const Interval& interval);

}  // namespace stroma::redshift
