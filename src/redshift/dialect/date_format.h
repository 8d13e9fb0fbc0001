#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "redshift/failure.h"

namespace stroma::redshift {

/// to_char(value, 'format') as an expression of the engine: of a date where the format has letters
/// of dates, else of a number. `value` is SQL. errors  0A000  a part that isn't known
Answer<std::string> to_char_expression(const std::string& value, std::string_view format);
/// Whether a format of to_char is one of numbers.
bool is_number_format(std::string_view format);
/// to_char of a number: as wide as its format, but for FM. errors  0A000  a sign that isn't known
Answer<std::string> number_expression(const std::string& value, std::string_view format);
/// to_number(value, 'format'): digits, point and sign count; as many decimals as the format has.
Answer<std::string> to_number_expression(const std::string& value, std::string_view format);
/// to_date(value, 'format') where the format is of years, months and days in digits: a day past its
/// month's end is one of the next. Unset for other formats.
Answer<std::optional<std::string>> lenient_date_expression(const std::string& value,
                                                           std::string_view format);
/// A format of to_date and to_timestamp as a pattern of strptime.
Answer<std::string> parsing_pattern(std::string_view format);

}  // namespace stroma::redshift
