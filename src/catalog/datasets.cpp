#include <fmt/format.h>

#include "catalog/catalog.h"
#include "catalog/catalog_state.h"

namespace stroma::catalog {
namespace {

constexpr std::string_view select_dataset =
    "SELECT id, name, title, collection, owner, visibility, current_revision, withdrawn, "
    "created_ms, changed_ms FROM datasets";

Dataset dataset_in(const sql::Rows& row) {
    Dataset dataset;
    dataset.id = row.text(0);
    dataset.name = row.text(1);
    dataset.title = row.text(2);
    dataset.collection = row.text(3);
    dataset.owner = row.text(4);
    dataset.visibility = visibility_named(row.text(5));
    dataset.current_revision = row.text(6);
    dataset.withdrawn = row.boolean(7);
    dataset.created_ms = row.integer(8);
    dataset.changed_ms = row.integer(9);
    return dataset;
}

Error no_dataset(std::string_view id) {
    return {ErrorCode::not_found, fmt::format("there is no dataset '{}'", id)};
}

Result<void> check_collection(sql::Connection& connection, std::string_view collection) {
    if (collection.empty() || TRY(collection_by_id(connection, collection))) return {};
    return fail(ErrorCode::invalid_input, fmt::format("there is no collection '{}'", collection));
}

/// The same words for a name taken by a dataset that the caller may not see.
Error name_taken(Error error, std::string_view name) {
    if (error.code == ErrorCode::already_exists)
        error.message = fmt::format("the dataset name '{}' is taken; choose another", name);
    return error;
}

}  // namespace

Result<std::optional<Dataset>> dataset_by_id(sql::Connection& connection, std::string_view id) {
    const auto rows =
        TRY(connection.execute(fmt::format("{} WHERE id = ?", select_dataset), {std::string(id)}));
    if (!TRY(rows->next())) return std::nullopt;
    return dataset_in(*rows);
}

Result<Dataset> Catalog::create_dataset(std::string_view name, std::string_view title,
                                        std::string_view owner, Visibility visibility) {
    TRY(check_name("dataset name", name));
    TRY(check_text("title", title));
    Dataset dataset;
    dataset.id = state_->ids.uuid();
    dataset.name = name;
    dataset.title = title;
    dataset.owner = owner;
    dataset.visibility = visibility;
    dataset.created_ms = dataset.changed_ms = state_->clock.unix_ms();
    const auto connection = TRY(state_->pool.take());
    auto inserted =
        connection->change("INSERT INTO datasets VALUES(?, ?, ?, '', ?, ?, '', ?, ?, ?)",
                           {dataset.id, dataset.name, dataset.title, dataset.owner,
                            name_of(visibility), false, dataset.created_ms, dataset.changed_ms});
    if (!inserted) return fail(name_taken(std::move(inserted.error()), name));
    return dataset;
}

Result<std::optional<Dataset>> Catalog::find_dataset(std::string_view id_or_name) {
    const auto connection = TRY(state_->pool.take());
    if (auto by_id = TRY(dataset_by_id(*connection, id_or_name))) return by_id;
    const auto rows =
        TRY(connection->execute(fmt::format("{} WHERE name = ? AND NOT withdrawn", select_dataset),
                                {std::string(id_or_name)}));
    if (!TRY(rows->next())) return std::nullopt;
    return dataset_in(*rows);
}

Result<std::vector<Dataset>> Catalog::datasets() {
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(
        connection->execute(fmt::format("{} WHERE NOT withdrawn ORDER BY name", select_dataset)));
    std::vector<Dataset> datasets;
    while (TRY(rows->next())) datasets.push_back(dataset_in(*rows));
    return datasets;
}

Result<Dataset> Catalog::update_dataset(const Dataset& dataset) {
    TRY(check_name("dataset name", dataset.name));
    TRY(check_text("title", dataset.title));
    std::optional<Dataset> now;
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        const auto before = TRY(dataset_by_id(connection, dataset.id));
        if (!before || before->withdrawn) return fail(no_dataset(dataset.id));
        TRY(check_collection(connection, dataset.collection));
        auto changed = connection.change(
            "UPDATE datasets SET name = ?, title = ?, collection = ?, visibility = ?, "
            "changed_ms = ? WHERE id = ?",
            {dataset.name, dataset.title, dataset.collection, name_of(dataset.visibility),
             state_->clock.unix_ms(), dataset.id});
        if (!changed) return fail(name_taken(std::move(changed.error()), dataset.name));
        if (before->visibility != dataset.visibility) TRY(raise_data_version(connection));
        now = TRY(dataset_by_id(connection, dataset.id));
        return {};
    };
    TRY(state_->in_transaction(work));
    return *std::move(now);
}

Result<void> Catalog::withdraw_dataset(std::string_view dataset) {
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        const auto before = TRY(dataset_by_id(connection, dataset));
        if (!before) return fail(no_dataset(dataset));
        if (before->withdrawn) return {};
        TRY(connection.change("UPDATE revisions SET state = 'removed' WHERE dataset = ?",
                              {before->id}));
        TRY(
            connection.change("UPDATE datasets SET withdrawn = ?, current_revision = '', "
                              "changed_ms = ? WHERE id = ?",
                              {true, state_->clock.unix_ms(), before->id}));
        return raise_data_version(connection);
    };
    return state_->in_transaction(work);
}

}  // namespace stroma::catalog
