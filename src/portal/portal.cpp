#include "portal/portal.h"

#include <fmt/format.h>

#include "base/json.h"
#include "portal/portal_state.h"
#include "sql/migrations.h"

namespace stroma::portal {

std::span<const sql::Migration> migrations();

namespace {

constexpr std::size_t text_bytes_max = 32768;

Result<void> check_length(std::string_view what, std::string_view text) {
    if (text.size() <= text_bytes_max) return {};
    return fail(ErrorCode::exhausted, fmt::format("the {} has {} bytes; the limit is {}", what,
                                                  text.size(), text_bytes_max));
}

std::string json_of(const std::vector<std::string>& ids) { return Json(ids).dump(); }

Result<std::vector<std::string>> ids_in(std::string_view text) {
    std::vector<std::string> ids;
    for (const Json& id : TRY(parse_json(text))) ids.push_back(id.get<std::string>());
    return ids;
}

}  // namespace

Portal::Portal(std::unique_ptr<State> state) : state_(std::move(state)) {}
Portal::~Portal() = default;

Result<std::unique_ptr<Portal>> Portal::open(sql::Database& control, catalog::Catalog& catalog,
                                             ontology::Ontologies& ontologies,
                                             std::vector<Profile> profiles,
                                             OpenRevision open_revision, const Clock& clock,
                                             IdSource& ids) {
    TRY(sql::migrate(control, "portal", migrations()));
    return std::unique_ptr<Portal>(new Portal(std::make_unique<State>(
        control, catalog, ontologies, std::move(profiles), std::move(open_revision), clock, ids)));
}

Result<Card> Portal::card(std::string_view thing) {
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(connection->execute(
        "SELECT description, doi, contact, links, publication, datasets, tombstone, published_ms, "
        "revised_ms, version, changed_ms FROM portal_cards WHERE thing = ?",
        {std::string(thing)}));
    Card card;
    card.thing = thing;
    if (!TRY(rows->next())) return card;
    card.description = rows->text(0);
    card.doi = rows->text(1);
    card.contact = rows->text(2);
    card.links = rows->text(3);
    card.publication = rows->text(4);
    card.datasets = TRY(ids_in(rows->text(5)));
    card.tombstone = rows->text(6);
    card.published_ms = rows->integer(7);
    card.revised_ms = rows->integer(8);
    card.version = rows->integer(9);
    card.changed_ms = rows->integer(10);
    return card;
}

Result<Card> Portal::put_card(Card card) {
    TRY(check_length("description", card.description));
    TRY(check_length("links", card.links));
    TRY(check_length("publication", card.publication));
    card.changed_ms = state_->clock.unix_ms();
    const auto connection = TRY(state_->pool.take());
    const auto changed = TRY(connection->change(
        "INSERT INTO portal_cards SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE ? = 0 OR EXISTS("
        "SELECT 1 FROM portal_cards WHERE thing = ?) ON CONFLICT(thing) DO UPDATE SET description "
        "= "
        "excluded.description, doi = excluded.doi, contact = excluded.contact, links = "
        "excluded.links, publication = excluded.publication, datasets = excluded.datasets, "
        "tombstone = excluded.tombstone, published_ms = excluded.published_ms, revised_ms = "
        "excluded.revised_ms, version = excluded.version, changed_ms = excluded.changed_ms WHERE "
        "portal_cards.version = excluded.version - 1",
        {card.thing, card.description, card.doi, card.contact, card.links, card.publication,
         json_of(card.datasets), card.tombstone, card.published_ms, card.revised_ms,
         card.version + 1, card.changed_ms, card.version, card.thing}));
    if (changed == 0)
        return fail(ErrorCode::conflict,
                    "this was changed by somebody else meanwhile; read it again and repeat");
    ++card.version;
    return card;
}

Result<std::optional<Draft>> Portal::draft(std::string_view collection) {
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(connection->execute(
        "SELECT title, description, datasets, started_by, started_ms FROM portal_drafts "
        "WHERE collection = ?",
        {std::string(collection)}));
    if (!TRY(rows->next())) return std::nullopt;
    return Draft{std::string(collection),    rows->text(0), rows->text(1),
                 TRY(ids_in(rows->text(2))), rows->text(3), rows->integer(4)};
}

Result<Draft> Portal::begin_draft(const catalog::Collection& collection, std::string_view who) {
    const Draft draft{collection.id,
                      collection.title,
                      TRY(card(collection.id)).description,
                      TRY(datasets_in(collection.id)),
                      std::string(who),
                      state_->clock.unix_ms()};
    const auto connection = TRY(state_->pool.take());
    const auto inserted =
        connection->change("INSERT INTO portal_drafts VALUES(?, ?, ?, ?, ?, ?)",
                           {draft.collection, draft.title, draft.description,
                            json_of(draft.datasets), draft.started_by, draft.started_ms});
    if (inserted) return draft;
    if (inserted.error().code != ErrorCode::already_exists) return fail(inserted.error());
    return fail(ErrorCode::already_exists,
                "this collection has an open revision; publish it or drop it first");
}

Result<void> Portal::put_draft(const Draft& draft) {
    TRY(check_length("description", draft.description));
    const auto connection = TRY(state_->pool.take());
    const auto changed = TRY(connection->change(
        "UPDATE portal_drafts SET title = ?, description = ?, datasets = ? WHERE collection = ?",
        {draft.title, draft.description, json_of(draft.datasets), draft.collection}));
    if (changed > 0) return {};
    return fail(ErrorCode::conflict, "the revision was published or dropped meanwhile");
}

Result<void> Portal::drop_draft(std::string_view collection) {
    const auto connection = TRY(state_->pool.take());
    if (TRY(connection->change("DELETE FROM portal_drafts WHERE collection = ?",
                               {std::string(collection)})) > 0)
        return {};
    return fail(ErrorCode::not_found, "this collection has no open revision");
}

Result<std::vector<std::string>> Portal::datasets_in(std::string_view collection) {
    std::vector<std::string> members, ordered;
    for (const auto& dataset : TRY(state_->catalog.datasets()))
        if (dataset.collection == collection) members.push_back(dataset.id);
    for (const std::string& id : TRY(card(collection)).datasets)
        if (std::erase(members, id) > 0) ordered.push_back(id);
    ordered.insert(ordered.end(), members.begin(), members.end());
    return ordered;
}

Result<void> Portal::change_private(std::string_view collection,
                                    const std::optional<std::string>& title,
                                    const std::optional<std::vector<std::string>>& datasets) {
    catalog::CollectionChange change;
    change.title = title;
    change.datasets = datasets;
    TRY(state_->catalog.change_collection(collection, change));
    return {};
}

Result<catalog::Collection> Portal::publish(const catalog::Collection& collection) {
    const auto open = TRY(draft(collection.id));
    const auto datasets = open ? open->datasets : TRY(datasets_in(collection.id));
    if (datasets.empty())
        return fail(ErrorCode::conflict, "a collection without datasets can't be published");
    for (const std::string& id : datasets) {
        const auto dataset = TRY(state_->catalog.find_dataset(id));
        if (!dataset || dataset->withdrawn || dataset->current_revision.empty())
            return fail(ErrorCode::conflict,
                        fmt::format("the dataset '{}' has no data; add some or take it out",
                                    dataset ? dataset->name : id));
    }
    catalog::CollectionChange change;
    change.visibility = catalog::Visibility::public_;
    change.datasets = datasets;
    Card now = TRY(card(collection.id));
    const bool first = now.published_ms == 0;
    if (open) {
        change.title = open->title;
        now.description = open->description;
    }
    // A crash between these leaves an open revision that equals what is published: harmless.
    const auto published = TRY(state_->catalog.change_collection(collection.id, change));
    const bool same_datasets = now.datasets == datasets;
    now.datasets = datasets;
    const std::int64_t now_ms = state_->clock.unix_ms();
    if (first) now.published_ms = now_ms;
    if (!first && !same_datasets) now.revised_ms = now_ms;
    TRY(put_card(now));
    if (open) TRY(drop_draft(collection.id));
    return published;
}

}  // namespace stroma::portal
