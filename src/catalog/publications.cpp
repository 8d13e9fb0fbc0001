#include <fmt/format.h>

#include "catalog/catalog.h"
#include "catalog/catalog_state.h"

namespace stroma::catalog {
namespace {

Result<void> put_members(sql::Connection& connection, const Collection& collection,
                         const std::vector<std::string>& datasets, std::int64_t now_ms) {
    TRY(connection.change(
        "UPDATE datasets SET collection = '', changed_ms = ? WHERE collection = ?",
        {now_ms, collection.id}));
    for (const std::string& id : datasets) {
        const auto dataset = TRY(dataset_by_id(connection, id));
        if (!dataset || dataset->withdrawn)
            return fail(ErrorCode::not_found, fmt::format("there is no dataset '{}'", id));
        TRY(connection.change("UPDATE datasets SET collection = ?, changed_ms = ? WHERE id = ?",
                              {collection.id, now_ms, dataset->id}));
    }
    return {};
}

}  // namespace

Result<Collection> Catalog::change_collection(std::string_view id, const CollectionChange& change) {
    if (change.title) TRY(check_text("title", *change.title));
    std::optional<Collection> now;
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        auto collection = TRY(collection_by_id(connection, id));
        if (!collection)
            return fail(ErrorCode::not_found, fmt::format("there is no collection '{}'", id));
        const std::int64_t now_ms = state_->clock.unix_ms();
        if (change.datasets) TRY(put_members(connection, *collection, *change.datasets, now_ms));
        TRY(connection.change(
            "UPDATE collections SET title = ?, description = ?, visibility = ?, changed_ms = ? "
            "WHERE id = ?",
            {change.title.value_or(collection->title),
             change.description.value_or(collection->description),
             name_of(change.visibility.value_or(collection->visibility)), now_ms, collection->id}));
        now = TRY(collection_by_id(connection, id));
        // What is in a public collection is public: that is what publishing it means.
        if (now->visibility == Visibility::public_ &&
            TRY(connection.change("UPDATE datasets SET visibility = 'public', changed_ms = ? WHERE "
                                  "collection = ? AND visibility = 'private' AND NOT withdrawn",
                                  {now_ms, collection->id})) > 0)
            TRY(raise_data_version(connection));
        return {};
    };
    TRY(state_->in_transaction(work));
    return *std::move(now);
}

}  // namespace stroma::catalog
