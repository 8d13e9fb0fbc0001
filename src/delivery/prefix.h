#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stroma::delivery {

/// How far the zone's clocks are ahead of UTC at that moment, in seconds, by the machine's time
/// zone files. "" and "UTC" need none. errors  invalid_input  no such zone
Result<std::int64_t> zone_offset(std::string_view zone, std::int64_t unix_ms);

/// A time in a pattern of Java's DateTimeFormatter: y M d H h m s S D E a, and text in quotes.
/// errors  invalid_input  another letter, a quote that doesn't end
Result<std::string> format_time(std::string_view pattern, std::string_view zone,
                                std::int64_t unix_ms);

/// What expressions stand for.
struct PrefixValues {
    std::int64_t unix_ms = 0;
    std::string_view zone;
    std::string_view error_type;  ///< "" where there is none
    std::map<std::string, std::string> from_query, from_transform;
    std::function<std::string()> random;  ///< 11 characters, other ones each time
};

/// The prefix with its `!{namespace:value}` expressions replaced. Without one of timestamp's,
/// "yyyy/MM/dd/HH/" comes behind it (of an error prefix: the error's type before that).
/// errors  invalid_input  what isn't an expression, a key that isn't known
Result<std::string> evaluate_prefix(std::string_view prefix, const PrefixValues& values);

bool has_expression(std::string_view prefix);
bool uses(std::string_view prefix, std::string_view name_space);

}  // namespace stroma::delivery
