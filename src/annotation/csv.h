#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stroma::annotation {

struct CsvRow {
    std::uint64_t line = 0;  ///< where it begins in the text, from 1
    std::vector<std::string> fields;
};

/// Comma-separated values (RFC 4180): quoted fields, CRLF or LF. Empty lines and lines that begin
/// with '#' are left out, also before the header.
/// errors  invalid_input  names the line of a quote that isn't closed or stands within a field
Result<std::vector<CsvRow>> parse_csv(std::string_view text);
/// The field, quoted where it has to be.
std::string csv_field(std::string_view text);

}  // namespace stroma::annotation
