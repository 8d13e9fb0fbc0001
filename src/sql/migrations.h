#pragma once

#include <span>
#include <string_view>

#include "sql/database.h"

namespace stroma::sql {

/// One step of a schema: a script, and its number, counted from 1 without gaps.
struct Migration {
    int number = 0;
    std::string_view script;
};

/// Brings the part's tables to the last of the migrations, each in a transaction of its own, and
/// notes the number in the table schema_versions. Several processes may do it at once.
/// errors  unsupported  the database was written by a newer program; nothing was touched
Result<void> migrate(Database& database, std::string_view part,
                     std::span<const Migration> migrations);

}  // namespace stroma::sql
