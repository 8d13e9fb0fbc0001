#pragma once

#include <string>
#include <string_view>

#include "redshift/failure.h"

namespace stroma::redshift {

/// to_char(value, 'format') as an expression of the engine: of a date where the format has letters
/// of dates, else of a number. `value` is SQL. errors  0A000  a part that isn't known
Answer<std::string> to_char_expression(const std::string& value, std::string_view format);
/// A format of to_date and to_timestamp as a pattern of strptime.
Answer<std::string> parsing_pattern(std::string_view format);

}  // namespace stroma::redshift
