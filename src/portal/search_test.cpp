#include "portal/search.h"

#include <gtest/gtest.h>

namespace stroma::portal {
namespace {

/// The answer with the starter table's terms.
SearchAnswer answer_to(std::vector<SearchEntry> entries, const SearchQuestion& question) {
    static const auto terms =
        std::make_shared<const ontology::Terms>(*ontology::read_obo_terms(ontology::starter_text()),
                                                std::map<std::string, std::string, std::less<>>());
    FacetIndex index(terms);
    for (SearchEntry& entry : entries)
        entry.indexed = std::make_shared<const IndexedRevision>(index.index(entry.facts));
    return search(std::move(entries), question, index);
}

SearchEntry entry(std::string name, std::string title, std::uint64_t cells,
                  std::vector<FacetValue> facets) {
    SearchEntry made;
    made.dataset.id = "id-" + name;
    made.dataset.name = std::move(name);
    made.dataset.title = std::move(title);
    RevisionFacts facts;
    facts.cells = cells;
    facts.facets = std::move(facets);
    facts.revision = made.dataset.name;
    made.facts = std::make_shared<RevisionFacts>(std::move(facts));
    return made;
}

std::vector<SearchEntry> library() {
    std::vector<SearchEntry> all;
    all.push_back(entry("lung", "Lung of smokers", 500,
                        {{"tissue", "lung", 500},
                         {"disease", "COPD", 300},
                         {"cell_type", "T cell", 200},
                         {"cell_type", "macrophage", 300}}));
    all.push_back(entry(
        "blood", "Blood", 9000,
        {{"tissue", "blood", 9000}, {"disease", "normal", 9000}, {"cell_type", "T cell", 8000}}));
    all.push_back(entry("gut", "Gut", 70, {{"tissue", "colon", 70}, {"disease", "normal", 70}}));
    return all;
}

std::vector<std::string> names(const SearchAnswer& answer) {
    std::vector<std::string> all;
    for (const auto& one : answer.entries) all.push_back(one.dataset.name);
    return all;
}

std::map<std::string, std::int64_t> counts(const SearchAnswer& answer, std::string_view facet) {
    std::map<std::string, std::int64_t> all;
    for (const auto& one : answer.facets)
        if (one.name == facet)
            for (const auto& value : one.values)
                if (!value.is_broader || value.chosen) all[value.value] = value.datasets;
    return all;
}

using Names = std::vector<std::string>;
using Counts = std::map<std::string, std::int64_t>;

TEST(Search, EveryWordMustBeginAWordThatIsSaid) {
    const auto found = [](std::string text) {
        SearchQuestion question;
        question.text = std::move(text);
        question.order = "title";
        return names(answer_to(library(), question));
    };
    EXPECT_EQ(found("lung smo"), Names{"lung"});
    EXPECT_EQ(found("T CELL"), (Names{"blood", "lung"}));
    EXPECT_EQ(found("moker"), Names{});
    EXPECT_EQ(found("lung colon"), Names{});
    EXPECT_EQ(found("  "), (Names{"blood", "gut", "lung"}));
}

TEST(Search, ValuesOfOneFacetAreAnyAndFacetsAreAll) {
    SearchQuestion question;
    question.order = "title";
    question.chosen["tissue"] = {"lung", "blood"};
    EXPECT_EQ(names(answer_to(library(), question)), (Names{"blood", "lung"}));
    question.chosen["disease"] = {"normal"};
    EXPECT_EQ(names(answer_to(library(), question)), Names{"blood"});
}

TEST(Search, AFacetIsCountedAsIfItselfWereNotChosen) {
    SearchQuestion question;
    question.chosen["tissue"] = {"blood"};
    const auto answer = answer_to(library(), question);
    EXPECT_EQ(counts(answer, "tissue"), (Counts{{"blood", 1}, {"colon", 1}, {"lung", 1}}));
    EXPECT_EQ(counts(answer, "disease"), (Counts{{"normal", 1}}));
    question.chosen["disease"] = {"COPD"};
    const auto both = answer_to(library(), question);
    EXPECT_EQ(both.total, 0u);
    EXPECT_EQ(counts(both, "tissue"), (Counts{{"lung", 1}, {"blood", 0}}));
    EXPECT_EQ(counts(both, "disease"),
              (Counts{{"normal", 1}, {"chronic obstructive pulmonary disease", 0}}));
}

/// What is offered above the datasets' own values.
Counts groups(const SearchAnswer& answer, std::string_view facet) {
    Counts all;
    for (const auto& one : answer.facets)
        if (one.name == facet)
            for (const auto& value : one.values)
                if (value.is_broader) all[value.value] = value.datasets;
    return all;
}

TEST(Search, AnOrganAndASystemFindTheirTissues) {
    auto all = library();
    all.push_back(entry("cortex", "Kidney", 10, {{"tissue", "renal cortex", 10}}));
    all.push_back(entry("marrow", "Marrow", 10, {{"tissue", "UBERON:0002371", 10}}));
    all.push_back(entry("node", "Node", 10, {{"tissue", "Lymph Node", 10}}));
    const auto found = [&](std::string facet, std::string value) {
        SearchQuestion question;
        question.order = "title";
        question.chosen[std::move(facet)] = {std::move(value)};
        return names(answer_to(all, question));
    };
    EXPECT_EQ(found("tissue", "kidney"), Names{"cortex"});
    EXPECT_EQ(found("tissue", "UBERON:0002113"), Names{"cortex"}) << "by the term's id";
    EXPECT_EQ(found("tissue", "immune system"), (Names{"marrow", "node"}));
    EXPECT_EQ(found("tissue", "lymphoid organ"), Names{"node"}) << "by a synonym";
    EXPECT_EQ(found("tissue", "bone marrow"), Names{"marrow"}) << "the dataset gave the id";
    EXPECT_EQ(found("tissue", "digestive system"), Names{"gut"});
    EXPECT_EQ(found("cell_type", "leukocyte"), (Names{"blood", "lung"}));
    EXPECT_EQ(found("disease", "lung disorder"), Names{"lung"}) << "COPD is a synonym of one";
    EXPECT_EQ(found("tissue", "leukocyte"), Names{}) << "no term of tissues";

    const auto offered = groups(answer_to(all, {}), "tissue");
    EXPECT_EQ(offered.at("immune system"), 2);
    EXPECT_EQ(offered.at("kidney"), 1);
    EXPECT_FALSE(offered.contains("anatomical system")) << "it tells nothing apart";
}

TEST(Search, WordsFindSynonymsAndWhatIsBroader) {
    const auto found = [](std::string text) {
        SearchQuestion question;
        question.text = std::move(text);
        question.order = "title";
        return names(answer_to(library(), question));
    };
    EXPECT_EQ(found("lymphocyte"), (Names{"blood", "lung"}));
    EXPECT_EQ(found("gastrointestinal"), Names{"gut"});
    EXPECT_EQ(found("CL:0000084"), (Names{"blood", "lung"}));
}

TEST(Search, SizesOrderAndPagesArePutOnTop) {
    SearchQuestion question;
    question.order = "cells";
    question.cells_min = 100;
    EXPECT_EQ(names(answer_to(library(), question)), (Names{"blood", "lung"}));
    question.offset = 1;
    question.limit = 5;
    const auto answer = answer_to(library(), question);
    EXPECT_EQ(names(answer), Names{"lung"});
    EXPECT_EQ(answer.total, 2u);
    EXPECT_EQ(answer.all, 3u);
    question.offset = 99;
    EXPECT_TRUE(answer_to(library(), question).entries.empty());
}

}  // namespace
}  // namespace stroma::portal
