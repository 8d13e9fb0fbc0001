#include <algorithm>

#include "base/json.h"
#include "portal/portal_state.h"

// What revisions say of themselves: read once from their sealed file, kept as rows and in memory.

namespace stroma::portal {
namespace {

Json json_of(const RevisionFacts& facts) {
    Json facets = Json::array();
    for (const FacetValue& value : facts.facets)
        facets.push_back(Json::array({value.facet, value.value, value.cells}));
    return {{"title", facts.title},           {"number", facts.number},
            {"created_ms", facts.created_ms}, {"cells", facts.cells},
            {"genes", facts.genes},           {"nonzeros", facts.nonzeros},
            {"facets", std::move(facets)}};
}

Result<RevisionFacts> facts_in(std::string_view revision, std::string_view text) {
    const Json json = TRY(parse_json(text));
    RevisionFacts facts{.revision = std::string(revision),
                        .title = json.value("title", ""),
                        .number = json.value("number", std::int64_t{0}),
                        .created_ms = json.value("created_ms", std::int64_t{0}),
                        .cells = json.value("cells", std::uint64_t{0}),
                        .genes = json.value("genes", std::uint64_t{0}),
                        .nonzeros = json.value("nonzeros", std::uint64_t{0}),
                        .facets = {}};
    for (const Json& one : json["facets"])
        facts.facets.push_back(
            {one[0].get<std::string>(), one[1].get<std::string>(), one[2].get<std::int64_t>()});
    return facts;
}

Result<RevisionFacts> read_facts(Portal::State& state, std::string_view id) {
    const auto revision = TRY(state.catalog.find_revision(id));
    if (!revision || revision->state == catalog::RevisionState::removed)
        return fail(ErrorCode::not_found, "there is no revision '" + std::string(id) + "'");
    const auto sealed = TRY(state.open_revision(id));
    return RevisionFacts{.revision = revision->id,
                         .title = uns_text(TRY(sealed->annotations("uns")), "title"),
                         .number = revision->number,
                         .created_ms = revision->created_ms,
                         .cells = revision->cells,
                         .genes = revision->genes,
                         .nonzeros = revision->nonzeros,
                         .facets = TRY(facets_of(*sealed))};
}

Result<std::optional<std::string>> kept_facts(Portal::State& state, std::string_view revision) {
    const auto connection = TRY(state.pool.take());
    const auto rows = TRY(connection->execute("SELECT facts FROM portal_facts WHERE revision = ?",
                                              {std::string(revision)}));
    if (!TRY(rows->next())) return std::nullopt;
    return rows->text(0);
}

Result<std::map<std::string, Card>> all_cards(Portal::State& state) {
    const auto connection = TRY(state.pool.take());
    const auto rows =
        TRY(connection->execute("SELECT thing, description, doi, publication FROM portal_cards"));
    std::map<std::string, Card> cards;
    while (TRY(rows->next())) {
        Card card;
        card.thing = rows->text(0);
        card.description = rows->text(1);
        card.doi = rows->text(2);
        card.publication = rows->text(3);
        cards[card.thing] = std::move(card);
    }
    return cards;
}

}  // namespace

Result<std::shared_ptr<const RevisionFacts>> Portal::facts(std::string_view revision) {
    {
        const std::lock_guard lock(state_->mutex);
        const auto found = state_->facts.find(revision);
        if (found != state_->facts.end()) return found->second;
    }
    std::shared_ptr<const RevisionFacts> facts;
    if (const auto kept = TRY(kept_facts(*state_, revision))) {
        facts = std::make_shared<RevisionFacts>(TRY(facts_in(revision, *kept)));
    } else {
        facts = std::make_shared<RevisionFacts>(TRY(read_facts(*state_, revision)));
        const auto connection = TRY(state_->pool.take());
        TRY(connection->change("INSERT INTO portal_facts VALUES(?, ?) ON CONFLICT DO NOTHING",
                               {facts->revision, json_of(*facts).dump()}));
    }
    const std::lock_guard lock(state_->mutex);
    state_->facts[facts->revision] = facts;
    return facts;
}

Result<SearchAnswer> Portal::search(const catalog::Principal& principal,
                                    const SearchQuestion& question) {
    const auto readable = TRY(state_->catalog.readable_datasets(principal));
    const auto cards = TRY(all_cards(*state_));
    std::map<std::string, std::string> collections;
    for (const auto& one : TRY(state_->catalog.collections())) collections[one.id] = one.title;
    std::vector<SearchEntry> entries;
    for (catalog::Dataset& dataset : TRY(state_->catalog.datasets())) {
        if (!std::binary_search(readable.begin(), readable.end(), dataset.id)) continue;
        SearchEntry entry;
        // A revision that can't be read is still listed; the dataset's page says what is wrong.
        if (auto known = facts(dataset.current_revision)) entry.facts = *std::move(known);
        if (const auto card = cards.find(dataset.id); card != cards.end())
            entry.card = card->second;
        if (const auto found = collections.find(dataset.collection); found != collections.end())
            entry.collection_title = found->second;
        entry.dataset = std::move(dataset);
        entries.push_back(std::move(entry));
    }
    return portal::search(std::move(entries), question);
}

}  // namespace stroma::portal
