#pragma once

#include <string>
#include <string_view>

#include "catalog/catalog.h"
#include "sql/connection_pool.h"

// Private to this folder.

namespace stroma::catalog {

struct Catalog::State {
    State(sql::Database& database, const Clock& the_clock, IdSource& the_ids)
        : pool(database), clock(the_clock), ids(the_ids) {}

    Result<void> in_transaction(const std::function<Result<void>(sql::Connection&)>& work) {
        const auto connection = TRY(pool.take());
        return connection->in_transaction([&] { return work(*connection); });
    }

    sql::ConnectionPool pool;
    const Clock& clock;
    IdSource& ids;
    Witness* witness = nullptr;
};

/// invalid_input unless 1 to 200 letters, digits, '.', '_' or '-' that begin with a letter or a
/// digit. `what` is for the message: "dataset name".
Result<void> check_name(std::string_view what, std::string_view name);
/// exhausted past 4 KiB.
Result<void> check_text(std::string_view what, std::string_view text);

std::string name_of(Visibility visibility);
Visibility visibility_named(std::string_view name);

Result<std::optional<Dataset>> dataset_by_id(sql::Connection& connection, std::string_view id);
Result<std::optional<Collection>> collection_by_id(sql::Connection& connection,
                                                   std::string_view id);
Result<std::optional<Principal>> principal_by_id(sql::Connection& connection, std::string_view id);
Result<void> raise_data_version(sql::Connection& connection);

}  // namespace stroma::catalog
