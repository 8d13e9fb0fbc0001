#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sql/embedded_database.h"

namespace stroma::sql {

/// What a function of SQL does with the whole numbers of one row; nothing for null. Called by the
/// engine's threads, once for each row, and never while a statement is only understood.
using NumberCall = std::function<Result<bool>(std::span<const std::optional<std::int64_t>> given)>;

/// Lets statements of a database of open_duckdb's call it by that name, with so many numbers. The
/// engine keeps it for as long as it lives. errors  already_exists
Result<void> add_duckdb_call(EmbeddedDatabase& database, const std::string& name,
                             std::size_t numbers, NumberCall call);

/// What a function of SQL makes of a row's texts, of which none is null; a number or a text. It
/// gives the same for the same texts. Called by the engine's threads, also while a statement is
/// only understood.
using TextCall = std::function<Result<Value>(std::span<const std::string_view> given)>;

/// The same with so many texts, null where one of them is; it gives whole numbers or texts.
Result<void> add_duckdb_text_call(EmbeddedDatabase& database, const std::string& name,
                                  std::size_t texts, bool gives_numbers, TextCall call);

}  // namespace stroma::sql
