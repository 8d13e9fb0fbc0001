#pragma once

#include <cstdint>
#include <span>
#include <string>

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

/// Of this folder's tables, in the control database.
std::span<const sql::Migration> migrations();

}  // namespace stroma::annotation
