#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "sql/database.h"
#include "sql/migrations.h"

namespace stroma::annotation {

/// Who changes something, as the history keeps it.
struct Author {
    std::string id, name;
};

/// One line of a history.
struct HistoryEntry {
    std::int64_t version = 0;
    Author author;
    std::int64_t at_ms = 0;
    std::string kind;    ///< "assign", "rename", …
    std::string detail;  ///< JSON object: what it changed
};

/// Of rows (version, author, author_name, at_ms, kind, detail).
Result<std::vector<HistoryEntry>> history_in(sql::Rows& rows);

/// Of this folder's tables, in the control database.
std::span<const sql::Migration> migrations();

}  // namespace stroma::annotation
