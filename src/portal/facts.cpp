#include <algorithm>
#include <charconv>

#include "portal/portal_state.h"

// What revisions say of themselves: read once from their sealed file, kept as rows and in memory.

namespace stroma::portal {
namespace {

constexpr char between_values = '\x1e', between_fields = '\x1f';

std::string text_of(const std::vector<FacetValue>& facets) {
    std::string text;
    for (const FacetValue& one : facets)
        text += one.facet + between_fields + one.value + between_fields +
                std::to_string(one.cells) + between_values;
    return text;
}

std::vector<FacetValue> facets_in(std::string_view text) {
    std::vector<FacetValue> facets;
    while (!text.empty()) {
        const auto next = [&](char end) {
            const std::size_t at = std::min(text.find(end), text.size());
            const std::string_view field = text.substr(0, at);
            text.remove_prefix(std::min(at + 1, text.size()));
            return field;
        };
        FacetValue one;
        one.facet = next(between_fields);
        one.value = next(between_fields);
        const std::string_view cells = next(between_values);
        std::from_chars(cells.data(), cells.data() + cells.size(), one.cells);
        facets.push_back(std::move(one));
    }
    return facets;
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

/// All that was kept, in one reading: the first search is as quick as the others.
Result<void> load_facts(Portal::State& state) {
    const auto connection = TRY(state.pool.take());
    const auto rows = TRY(connection->execute(
        "SELECT revision, title, number, created_ms, cells, genes, nonzeros, facets FROM "
        "portal_facts"));
    const std::lock_guard lock(state.mutex);
    while (TRY(rows->next())) {
        auto facts = std::make_shared<RevisionFacts>();
        facts->revision = rows->text(0);
        facts->title = rows->text(1);
        facts->number = rows->integer(2);
        facts->created_ms = rows->integer(3);
        facts->cells = static_cast<std::uint64_t>(rows->integer(4));
        facts->genes = static_cast<std::uint64_t>(rows->integer(5));
        facts->nonzeros = static_cast<std::uint64_t>(rows->integer(6));
        facts->facets = facets_in(rows->text(7));
        state.facts.emplace(facts->revision, std::move(facts));
    }
    state.has_loaded_facts = true;
    return {};
}

using ManyFacts = std::vector<std::shared_ptr<const RevisionFacts>>;

/// In one transaction: a commit of each would wait for the disk a thousand times.
Result<void> keep_facts(Portal::State& state, const ManyFacts& all) {
    const auto connection = TRY(state.pool.take());
    return connection->in_transaction([&]() -> Result<void> {
        for (const auto& facts : all)
            TRY(connection->change(
                "INSERT INTO portal_facts VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                {facts->revision, facts->title, facts->number, facts->created_ms,
                 static_cast<std::int64_t>(facts->cells), static_cast<std::int64_t>(facts->genes),
                 static_cast<std::int64_t>(facts->nonzeros), text_of(facts->facets)}));
        return {};
    });
}

std::shared_ptr<const RevisionFacts> known_facts(Portal::State& state, std::string_view revision) {
    const std::lock_guard lock(state.mutex);
    const auto found = state.facts.find(revision);
    return found == state.facts.end() ? nullptr : found->second;
}

/// Reads the facts of those that aren't known yet. A revision that can't be read stays unknown.
Result<void> learn_facts(Portal::State& state, const std::vector<std::string>& revisions) {
    const std::lock_guard reading(state.reading);
    if (!state.has_loaded_facts) TRY(load_facts(state));
    ManyFacts read;
    for (const std::string& revision : revisions) {
        if (known_facts(state, revision)) continue;
        if (auto facts = read_facts(state, revision))
            read.push_back(std::make_shared<const RevisionFacts>(*std::move(facts)));
    }
    if (read.empty()) return {};
    TRY(keep_facts(state, read));
    const std::lock_guard lock(state.mutex);
    for (auto& facts : read) state.facts[facts->revision] = std::move(facts);
    return {};
}

/// Whether each entry that has facts is in the index; puts in those that are.
bool take_indexed(const Portal::State& state, std::vector<SearchEntry>& entries) {
    bool is_complete = true;
    for (SearchEntry& entry : entries) {
        if (!entry.facts) continue;
        const auto found = state.indexed.find(entry.facts->revision);
        if (found == state.indexed.end())
            is_complete = false;
        else
            entry.indexed = found->second;
    }
    return is_complete;
}

/// The answer out of an index of now; what isn't in it is put in first.
SearchAnswer search_indexed(Portal::State& state, std::shared_ptr<const ontology::Terms> terms,
                            std::vector<SearchEntry> entries, const SearchQuestion& question) {
    for (;;) {
        {
            const std::shared_lock lock(state.index_mutex);
            if (state.index && state.index->terms() == terms && take_indexed(state, entries))
                return search(std::move(entries), question, *state.index);
        }
        const std::unique_lock lock(state.index_mutex);
        if (!state.index || state.index->terms() != terms) {
            state.index = std::make_unique<FacetIndex>(terms);
            state.indexed.clear();
        }
        for (const SearchEntry& entry : entries)
            if (entry.facts && !state.indexed.contains(entry.facts->revision))
                state.indexed[entry.facts->revision] =
                    std::make_shared<const IndexedRevision>(state.index->index(entry.facts));
    }
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
    if (auto known = known_facts(*state_, revision)) return known;
    TRY(learn_facts(*state_, {std::string(revision)}));
    if (auto known = known_facts(*state_, revision)) return known;
    // Says why it couldn't be read.
    return std::make_shared<const RevisionFacts>(TRY(read_facts(*state_, revision)));
}

Result<SearchAnswer> Portal::search(const catalog::Principal& principal,
                                    const SearchQuestion& question) {
    const auto readable = TRY(state_->catalog.readable_datasets(principal));
    const auto cards = TRY(all_cards(*state_));
    std::map<std::string, std::string> collections;
    for (const auto& one : TRY(state_->catalog.collections())) collections[one.id] = one.title;
    std::vector<catalog::Dataset> datasets = TRY(state_->catalog.datasets());
    std::erase_if(datasets, [&](const catalog::Dataset& one) {
        return !std::binary_search(readable.begin(), readable.end(), one.id);
    });
    std::vector<std::string> unknown;
    for (const catalog::Dataset& dataset : datasets)
        if (!known_facts(*state_, dataset.current_revision))
            unknown.push_back(dataset.current_revision);
    if (!unknown.empty()) TRY(learn_facts(*state_, unknown));
    std::vector<SearchEntry> entries;
    for (catalog::Dataset& dataset : datasets) {
        SearchEntry entry;
        // A revision that can't be read is still listed; the dataset's page says what is wrong.
        entry.facts = known_facts(*state_, dataset.current_revision);
        if (const auto card = cards.find(dataset.id); card != cards.end())
            entry.card = card->second;
        if (const auto found = collections.find(dataset.collection); found != collections.end())
            entry.collection_title = found->second;
        entry.dataset = std::move(dataset);
        entries.push_back(std::move(entry));
    }
    return search_indexed(*state_, TRY(state_->ontologies.terms()), std::move(entries), question);
}

}  // namespace stroma::portal
