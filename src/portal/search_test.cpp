#include "portal/search.h"

#include <gtest/gtest.h>

namespace stroma::portal {
namespace {

SearchEntry entry(std::string name, std::string title, std::uint64_t cells,
                  std::vector<FacetValue> facets) {
    SearchEntry made;
    made.dataset.id = "id-" + name;
    made.dataset.name = std::move(name);
    made.dataset.title = std::move(title);
    RevisionFacts facts;
    facts.cells = cells;
    facts.facets = std::move(facets);
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
            for (const auto& value : one.values) all[value.value] = value.datasets;
    return all;
}

using Names = std::vector<std::string>;
using Counts = std::map<std::string, std::int64_t>;

TEST(Search, EveryWordMustBeginAWordThatIsSaid) {
    const auto found = [](std::string text) {
        SearchQuestion question;
        question.text = std::move(text);
        question.order = "title";
        return names(search(library(), question));
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
    EXPECT_EQ(names(search(library(), question)), (Names{"blood", "lung"}));
    question.chosen["disease"] = {"normal"};
    EXPECT_EQ(names(search(library(), question)), Names{"blood"});
}

TEST(Search, AFacetIsCountedAsIfItselfWereNotChosen) {
    SearchQuestion question;
    question.chosen["tissue"] = {"blood"};
    const auto answer = search(library(), question);
    EXPECT_EQ(counts(answer, "tissue"), (Counts{{"blood", 1}, {"colon", 1}, {"lung", 1}}));
    EXPECT_EQ(counts(answer, "disease"), (Counts{{"normal", 1}}));
    question.chosen["disease"] = {"COPD"};
    const auto both = search(library(), question);
    EXPECT_EQ(both.total, 0u);
    EXPECT_EQ(counts(both, "tissue"), (Counts{{"lung", 1}, {"blood", 0}}));
    EXPECT_EQ(counts(both, "disease"), (Counts{{"normal", 1}, {"COPD", 0}}));
}

TEST(Search, SizesOrderAndPagesArePutOnTop) {
    SearchQuestion question;
    question.order = "cells";
    question.cells_min = 100;
    EXPECT_EQ(names(search(library(), question)), (Names{"blood", "lung"}));
    question.offset = 1;
    question.limit = 5;
    const auto answer = search(library(), question);
    EXPECT_EQ(names(answer), Names{"lung"});
    EXPECT_EQ(answer.total, 2u);
    EXPECT_EQ(answer.all, 3u);
    question.offset = 99;
    EXPECT_TRUE(search(library(), question).entries.empty());
}

}  // namespace
}  // namespace stroma::portal
