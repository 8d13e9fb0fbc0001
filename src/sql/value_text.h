#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "sql/database.h"

namespace stroma::sql {

/// A value as one field of a CSV line (RFC 4180): nothing for null, "" for an empty text. A text
/// that a spreadsheet would take for a formula (= + - @ at its start) stands in quotes; its
/// characters stay as they are.
std::string csv_field(const Value& value);

/// A value as JSON.
nlohmann::ordered_json json_of(const Value& value);

}  // namespace stroma::sql
