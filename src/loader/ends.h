#pragma once

#include <string>
#include <vector>

#include "loader/table_load.h"

namespace stroma::loader {

// The outbox of loads' ends: a line is written in the load's transaction, told after it, and taken
// away by the next one. At least once; the same end has the same id.

/// The line's document, and what it says.
std::string text_of_end(const StatementEnd& end);
Result<StatementEnd> end_from(std::string_view document);
/// Tells the ends that this teller wrote and that nobody took away, and takes those away.
Result<void> tell_left(const LoadParts& parts);
Result<void> forget_ends(sql::Database& ledger, const std::vector<std::string>& ids);

}  // namespace stroma::loader
