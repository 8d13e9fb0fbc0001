#pragma once

#include <string>
#include <string_view>

#include "account/accounts.h"
#include "account/throttle.h"
#include "sql/connection_pool.h"

// Private to this folder.

namespace stroma::account {

struct Accounts::State {
    State(sql::Database& database, catalog::Catalog& the_catalog, const Clock& the_clock,
          IdSource& the_ids, const AccountOptions& the_options)
        : pool(database),
          catalog(the_catalog),
          clock(the_clock),
          ids(the_ids),
          options(the_options),
          throttle(the_clock) {}

    sql::ConnectionPool pool;
    catalog::Catalog& catalog;
    const Clock& clock;
    IdSource& ids;
    AccountOptions options;
    Throttle throttle;

    Result<void> in_transaction(const std::function<Result<void>(sql::Connection&)>& work) {
        const auto connection = TRY(pool.take());
        return connection->in_transaction([&] { return work(*connection); });
    }
};

}  // namespace stroma::account
