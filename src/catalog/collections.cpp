#include <fmt/format.h>

#include "catalog/catalog.h"
#include "catalog/catalog_state.h"

namespace stroma::catalog {
namespace {

constexpr std::string_view select_collection =
    "SELECT id, name, title, description, owner, visibility, created_ms, changed_ms "
    "FROM collections";

Collection collection_in(const sql::Rows& row) {
    Collection collection;
    collection.id = row.text(0);
    collection.name = row.text(1);
    collection.title = row.text(2);
    collection.description = row.text(3);
    collection.owner = row.text(4);
    collection.visibility = visibility_named(row.text(5));
    collection.created_ms = row.integer(6);
    collection.changed_ms = row.integer(7);
    return collection;
}

Result<std::vector<Bundle>> select_bundles(sql::Connection& connection, std::string_view where,
                                           std::initializer_list<sql::Value> parameters = {}) {
    const auto rows = TRY(connection.execute(
        fmt::format("SELECT uuid, version, dataset, revision, state, report, changed_ms "
                    "FROM bundles {}ORDER BY uuid, version",
                    where),
        parameters));
    std::vector<Bundle> bundles;
    while (TRY(rows->next()))
        bundles.push_back({.uuid = rows->text(0),
                           .version = rows->text(1),
                           .dataset = rows->text(2),
                           .revision = rows->text(3),
                           .state = rows->text(4),
                           .report = rows->text(5),
                           .changed_ms = rows->integer(6)});
    return bundles;
}

}  // namespace

Result<std::optional<Collection>> collection_by_id(sql::Connection& connection,
                                                   std::string_view id) {
    const auto rows = TRY(
        connection.execute(fmt::format("{} WHERE id = ?", select_collection), {std::string(id)}));
    if (!TRY(rows->next())) return std::nullopt;
    return collection_in(*rows);
}

Result<Collection> Catalog::create_collection(std::string_view name, std::string_view title,
                                              std::string_view owner, Visibility visibility) {
    TRY(check_name("collection name", name));
    TRY(check_text("title", title));
    Collection collection;
    collection.id = state_->ids.uuid();
    collection.name = name;
    collection.title = title;
    collection.owner = owner;
    collection.visibility = visibility;
    collection.created_ms = collection.changed_ms = state_->clock.unix_ms();
    const auto connection = TRY(state_->pool.take());
    const auto inserted =
        connection->change("INSERT INTO collections VALUES(?, ?, ?, '', ?, ?, ?, ?)",
                           {collection.id, collection.name, collection.title, collection.owner,
                            name_of(visibility), collection.created_ms, collection.changed_ms});
    if (inserted) return collection;
    if (inserted.error().code != ErrorCode::already_exists) return fail(inserted.error());
    return fail(ErrorCode::already_exists,
                fmt::format("the collection name '{}' is taken; choose another", name));
}

Result<std::optional<Collection>> Catalog::find_collection(std::string_view id_or_name) {
    const auto connection = TRY(state_->pool.take());
    if (auto by_id = TRY(collection_by_id(*connection, id_or_name))) return by_id;
    const auto rows = TRY(connection->execute(fmt::format("{} WHERE name = ?", select_collection),
                                              {std::string(id_or_name)}));
    if (!TRY(rows->next())) return std::nullopt;
    return collection_in(*rows);
}

Result<std::vector<Collection>> Catalog::collections() {
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(connection->execute(fmt::format("{} ORDER BY name", select_collection)));
    std::vector<Collection> collections;
    while (TRY(rows->next())) collections.push_back(collection_in(*rows));
    return collections;
}

Result<void> Catalog::put_bundle(const Bundle& bundle) {
    const auto connection = TRY(state_->pool.take());
    TRY(connection->change(
        "INSERT INTO bundles VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT(uuid, version) DO UPDATE "
        "SET dataset = excluded.dataset, revision = excluded.revision, state = excluded.state, "
        "report = excluded.report, changed_ms = excluded.changed_ms",
        {bundle.uuid, bundle.version, bundle.dataset, bundle.revision, bundle.state, bundle.report,
         bundle.changed_ms != 0 ? bundle.changed_ms : state_->clock.unix_ms()}));
    return {};
}

Result<std::vector<Bundle>> Catalog::bundles(std::string_view uuid) {
    const auto connection = TRY(state_->pool.take());
    return select_bundles(*connection, "WHERE uuid = ? ", {std::string(uuid)});
}

Result<std::vector<Bundle>> Catalog::all_bundles() {
    const auto connection = TRY(state_->pool.take());
    return select_bundles(*connection, "");
}

}  // namespace stroma::catalog
