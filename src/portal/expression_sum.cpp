#include "portal/expression_sum.h"

#include <algorithm>

#include "portal/facets.h"

namespace stroma::portal {
namespace {

void add_to(std::vector<ExpressionDot>& into, const std::vector<ExpressionDot>& more) {
    for (std::size_t gene = 0; gene < into.size(); ++gene) {
        into[gene].cells += more[gene].cells;
        into[gene].expressing += more[gene].expressing;
        into[gene].sum += more[gene].sum;
        into[gene].datasets.insert(more[gene].datasets.begin(), more[gene].datasets.end());
    }
}

std::uint64_t cells_in(const ExpressionGroup& group) {
    std::uint64_t most = 0;
    for (const ExpressionDot& dot : group.genes) most = std::max(most, dot.cells);
    return most;
}

}  // namespace

ExpressionSum::Group& ExpressionSum::group_of(std::string_view label) {
    const auto& ontologies = all_facets()[facet_].ontologies;
    const auto term = ontologies.empty() ? std::nullopt : terms_->meant_by(label, ontologies);
    const std::string key = term ? (*terms_)[*term].id : "=" + std::string(label);
    const auto [found, is_new] = groups_.try_emplace(key);
    if (is_new)
        found->second = {term ? (*terms_)[*term].name : std::string(label), term ? key : "",
                         std::vector<ExpressionDot>(genes_)};
    return found->second;
}

void ExpressionSum::add(std::uint32_t dataset, std::size_t gene,
                        const explorer::GeneExpression& told, std::string_view whole) {
    for (const explorer::GeneInGroup& one : told.groups) {
        if (one.label.empty() && whole.empty()) continue;
        Group& group = group_of(one.label.empty() ? whole : std::string_view(one.label));
        ExpressionDot& dot = group.genes[gene];
        dot.cells += one.cells;
        dot.expressing += one.expressing;
        dot.sum += one.sum;
        dot.datasets.insert(dataset);
    }
}

std::vector<ExpressionGroup> ExpressionSum::groups(bool roll_up) const {
    std::vector<ExpressionGroup> all;
    std::map<std::string, ExpressionGroup> broader;
    for (const auto& [key, group] : groups_) {
        all.push_back({group.label, group.term, false, group.genes});
        if (!roll_up || group.term.empty()) continue;
        const auto number = terms_->by_id(group.term);
        for (const ontology::TermNumber above : terms_->broader(*number)) {
            const ontology::Term& term = (*terms_)[above];
            if (!term.is_group) continue;
            auto& into = broader[term.id];
            if (into.term.empty())
                into = {term.name, term.id, true, std::vector<ExpressionDot>(genes_)};
            add_to(into.genes, group.genes);
        }
    }
    if (roll_up)
        for (ExpressionGroup& own : all)
            if (const auto found = broader.find(own.term); found != broader.end()) {
                // The term itself has cells of its own and narrower ones: both are its.
                add_to(own.genes, found->second.genes);
                own.is_broader = true;
                broader.erase(found);
            }
    for (auto& [id, group] : broader) all.push_back(std::move(group));
    std::stable_sort(all.begin(), all.end(), [](const auto& one, const auto& other) {
        return cells_in(one) > cells_in(other);
    });
    return all;
}

}  // namespace stroma::portal
