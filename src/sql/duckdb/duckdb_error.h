#pragma once

#include <duckdb.h>

#include <string_view>

#include "base/result.h"

namespace stroma::sql {

/// The engine's error as ours: its first line, and the place in `statement` when it tells one.
Error error_from_duckdb(duckdb_error_type type, std::string_view message,
                        std::string_view statement);

}  // namespace stroma::sql
