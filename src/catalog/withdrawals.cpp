#include "catalog/withdrawals.h"

namespace stroma::catalog {

Result<std::vector<Withdrawal>> withdrawals_since(sql::Database& database, std::int64_t unix_ms,
                                                  int most) {
    const auto connection = TRY(database.connect());
    const auto rows = TRY(connection->execute(
        "SELECT id, name, title, owner, changed_ms FROM datasets WHERE withdrawn AND changed_ms >= "
        "? ORDER BY changed_ms, id LIMIT ?",
        {unix_ms, std::int64_t{most}}));
    std::vector<Withdrawal> found;
    while (TRY(rows->next()))
        found.push_back(
            {rows->text(0), rows->text(1), rows->text(2), rows->text(3), rows->integer(4)});
    return found;
}

}  // namespace stroma::catalog
