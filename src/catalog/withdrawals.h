#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "sql/database.h"

namespace stroma::catalog {

/// A dataset that was taken away: its id stays, its content is gone.
struct Withdrawal {
    std::string id, name, title, owner;
    std::int64_t changed_ms = 0;  ///< when that was, or when its tombstone last changed
};

/// Those since that time in a catalog's database, the oldest first, at most so many.
Result<std::vector<Withdrawal>> withdrawals_since(sql::Database& database, std::int64_t unix_ms,
                                                  int most);

}  // namespace stroma::catalog
