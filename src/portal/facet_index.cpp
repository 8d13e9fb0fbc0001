#include "portal/facet_index.h"

#include <algorithm>
#include <set>

#include "base/ascii.h"

namespace stroma::portal {
namespace {

using ontology::Term;
using ontology::TermNumber;

std::string key_of(std::size_t facet, std::string_view key) {
    return std::to_string(facet) + " " + std::string(key);
}

void put_in_order(std::vector<NodeNumber>& numbers) {
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

void say(std::string& said, const Term& term) {
    said += " " + term.id + " " + term.name;
    for (const std::string& name : term.exact) said += " " + name;
    for (const std::string& name : term.related) said += " " + name;
}

}  // namespace

NodeNumber FacetIndex::number_of(std::size_t facet, std::string_view key, const FacetNode& node) {
    const auto [found, is_new] =
        numbers_.try_emplace(key_of(facet, key), static_cast<NodeNumber>(nodes_.size()));
    if (is_new) nodes_.push_back(node);
    return found->second;
}

NodeNumber FacetIndex::number_of(std::size_t facet, TermNumber number) {
    const Term& term = (*terms_)[number];
    return number_of(facet, term.id, {facet, term.name, term.id, term.is_group});
}

std::optional<TermNumber> FacetIndex::meant_by(std::size_t facet, std::string_view text) const {
    const auto& ontologies = all_facets()[facet].ontologies;
    return ontologies.empty() ? std::nullopt : terms_->meant_by(text, ontologies);
}

IndexedRevision FacetIndex::index(std::shared_ptr<const RevisionFacts> facts) {
    IndexedRevision indexed;
    indexed.said = facts->title;
    std::set<TermNumber> said;
    for (const FacetValue& value : facts->facets) {
        const auto facet = facet_place(value.facet);
        if (!facet) continue;
        indexed.said += " " + value.value;
        const auto term = meant_by(*facet, value.value);
        if (!term) {
            indexed.own.push_back(
                number_of(*facet, "=" + value.value, {*facet, value.value, "", false}));
            continue;
        }
        indexed.own.push_back(number_of(*facet, *term));
        said.insert(*term);
        for (const TermNumber broader : terms_->broader(*term)) {
            indexed.all.push_back(number_of(*facet, broader));
            said.insert(broader);
        }
    }
    for (const TermNumber term : said) say(indexed.said, (*terms_)[term]);
    indexed.said = ascii_lower(indexed.said);
    put_in_order(indexed.own);
    indexed.all.insert(indexed.all.end(), indexed.own.begin(), indexed.own.end());
    put_in_order(indexed.all);
    indexed.facts = std::move(facts);
    return indexed;
}

std::optional<NodeNumber> FacetIndex::find(std::size_t facet, std::string_view text) const {
    const FacetNode node = told(facet, text);
    const auto found =
        numbers_.find(key_of(facet, node.term.empty() ? "=" + std::string(text) : node.term));
    return found == numbers_.end() ? std::nullopt : std::optional(found->second);
}

FacetNode FacetIndex::told(std::size_t facet, std::string_view text) const {
    const auto term = meant_by(facet, text);
    if (!term) return {facet, std::string(text), "", false};
    return {facet, (*terms_)[*term].name, (*terms_)[*term].id, (*terms_)[*term].is_group};
}

}  // namespace stroma::portal
