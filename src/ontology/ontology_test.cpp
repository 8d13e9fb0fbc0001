#include <gtest/gtest.h>

#include <algorithm>

#include "ontology/ontologies.h"
#include "sql/sqlite/sqlite_database.h"

namespace stroma::ontology {
namespace {

constexpr std::string_view uberon[] = {"UBERON"};

/// The whole of a small ontology, in OBO.
constexpr std::string_view small = R"(format-version: 1.4
data-version: releases/2025-08-15
ontology: uberon/basic.obo

[Term]
id: UBERON:0002405
name: immune system

[Term]
id: UBERON:0002106
name: spleen {source="x"} ! not part of the name
synonym: "lien \"of old\"" EXACT LATIN [FMA:7196]
is_a: UBERON:0005057 ! immune organ
relationship: part_of UBERON:0002405 ! immune system
relationship: has_part CL:0000542

[Term]
id: UBERON:0005057
name: immune organ
is_a: UBERON:0002106 ! a cycle, as no ontology should have

[Term]
id: CL:0000542
name: a repeated term of another ontology

[Term]
id: UBERON:0000001
name: obsolete thing
is_obsolete: true
replaced_by: UBERON:0002106

[Typedef]
id: part_of
name: part of
)";

std::vector<std::string> names(const Terms& terms, const std::vector<TermNumber>& numbers) {
    std::vector<std::string> all;
    for (const TermNumber number : numbers) all.push_back(terms[number].name);
    std::sort(all.begin(), all.end());
    return all;
}

TEST(TermFile, ObosTermsAreReadWithTheirSynonymsAndParents) {
    const auto file = read_terms(small);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->prefix, "UBERON");
    EXPECT_EQ(file->version, "releases/2025-08-15");
    ASSERT_EQ(file->terms.size(), 4u) << "what another ontology says is not kept";
    const Term& spleen = file->terms[1];
    EXPECT_EQ(spleen.name, "spleen");
    EXPECT_EQ(spleen.exact, std::vector<std::string>{"lien \"of old\""});
    EXPECT_EQ(spleen.parents, (std::vector<std::string>{"UBERON:0005057", "UBERON:0002405"}));
    EXPECT_TRUE(file->terms[3].is_deprecated);
    EXPECT_EQ(file->terms[3].replaced_by, "UBERON:0002106");
}

TEST(TermFile, GraphsInJsonAreReadAlike) {
    const auto file = read_terms(R"({"graphs": [{
        "id": "http://purl.obolibrary.org/obo/cl/cl-basic.json", "meta": {"version": "v7"},
        "nodes": [
          {"id": "http://purl.obolibrary.org/obo/CL_0000000", "lbl": "cell", "type": "CLASS"},
          {"id": "http://purl.obolibrary.org/obo/CL_0000542", "lbl": "lymphocyte",
           "meta": {"synonyms": [{"pred": "hasExactSynonym", "val": "lymph cell"}]}},
          {"id": "http://purl.obolibrary.org/obo/CL_0000003", "meta": {"deprecated": true,
           "basicPropertyValues": [{"pred": "http://purl.obolibrary.org/obo/IAO_0100001",
                                    "val": "CL:0000000"}]}}],
        "edges": [{"sub": "http://purl.obolibrary.org/obo/CL_0000542", "pred": "is_a",
                   "obj": "http://purl.obolibrary.org/obo/CL_0000000"}]}]})");
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->prefix, "CL");
    ASSERT_EQ(file->terms.size(), 3u);
    EXPECT_EQ(file->terms[1].parents, std::vector<std::string>{"CL:0000000"});
    EXPECT_EQ(file->terms[1].exact, std::vector<std::string>{"lymph cell"});
    EXPECT_EQ(file->terms[2].replaced_by, "CL:0000000");
}

TEST(TermFile, WhatIsNoOntologyIsRefusedInASentence) {
    for (const std::string text :
         {"", "hello", "{\"a\": 1}", "format-version: 1.2\n", "[Term]\nname: without an id\n",
          "format-version: 1.2\n\n[Term]\nid: no_id_at all\nname: x\n", "<?xml version=\"1.0\"?>"})
        EXPECT_FALSE(read_terms(text)) << text;
    const auto broken = read_terms("format-version: 1.2\n\n[Term]\nid UBERON:1\n");
    ASSERT_FALSE(broken);
    EXPECT_NE(broken.error().message.find("line 4"), std::string::npos) << broken.error().message;
}

TEST(TermFile, AListThatNeverEndsIsRefused) {
    std::string text = "ontology: cl\n[Term]\nid: CL:0000001\nname: x\n";
    for (int at = 0; at < 2001; ++at) text += "is_a: CL:0000002\n";
    const auto read = read_terms(text);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().message.find("line 2005"), std::string::npos) << read.error().message;
}

class OntologiesTest : public ::testing::Test {
protected:
    void SetUp() override {
        database = *sql::SqliteDatabase::open_in_memory();
        ontologies = *Ontologies::open(*database, clock);
    }
    std::shared_ptr<const Terms> terms() { return *ontologies->terms(); }

    ManualClock clock;
    std::unique_ptr<sql::SqliteDatabase> database;
    std::unique_ptr<Ontologies> ontologies;
};

TEST_F(OntologiesTest, TheStarterTableHoldsTogether) {
    const auto starter = read_obo_terms(starter_text());
    ASSERT_TRUE(starter) << starter.error().message;
    const auto all = terms();
    ASSERT_EQ(all->size(), starter->size()) << "an id comes twice";
    for (const Term& term : *starter) {
        EXPECT_FALSE(term.name.empty()) << term.id;
        EXPECT_FALSE(prefix_of(term.id).empty()) << term.id;
        for (const std::string& parent : term.parents)
            EXPECT_TRUE(all->by_id(parent)) << term.id << " below " << parent;
        const auto broader = all->broader(*all->by_id(term.id));
        EXPECT_EQ(std::count(broader.begin(), broader.end(), *all->by_id(term.id)), 0) << term.id;
    }
}

TEST_F(OntologiesTest, AnOrganIsBelowItsSystemAndFoundByItsSynonyms) {
    const auto all = terms();
    const auto cortex = all->meant_by("Renal Cortex", uberon);
    ASSERT_TRUE(cortex);
    EXPECT_EQ((*all)[*cortex].id, "UBERON:0001225");
    EXPECT_EQ(names(*all, all->broader(*cortex)),
              (std::vector<std::string>{"anatomical system", "kidney", "renal system"}));
    EXPECT_TRUE(all->is_below(*cortex, "UBERON:0002113"));
    constexpr std::string_view cells[] = {"CL"};
    EXPECT_FALSE(all->meant_by("kidney", cells)) << "another ontology's word";
}

TEST_F(OntologiesTest, ASearchFindsWordsOfNamesAndSynonymsBestFirst) {
    const auto all = terms();
    const auto found = all->search("t cell", {}, 5);
    ASSERT_GE(found.size(), 2u);
    EXPECT_EQ((*all)[found[0].term].id, "CL:0000084") << "the whole name comes first";
    const auto marrow = all->search("haemop", uberon, 5);
    ASSERT_EQ(marrow.size(), 1u);
    EXPECT_EQ(marrow[0].by, "haemopoietic organ");
    EXPECT_TRUE(all->search("", {}, 5).empty());
    EXPECT_TRUE(all->search("xyzzy", {}, 5).empty());
}

TEST_F(OntologiesTest, AnImportedOntologyTakesTheStartersPlace) {
    EXPECT_EQ(terms()->standing_of("UBERON:0002048"), Standing::known);
    EXPECT_EQ(terms()->standing_of("UBERON:9999999"), Standing::not_checked);
    const auto imported = ontologies->import(small);
    ASSERT_TRUE(imported) << imported.error().message;
    EXPECT_EQ(imported->terms, 4);
    const auto all = terms();
    EXPECT_EQ(all->standing_of("UBERON:0002048"), Standing::unknown) << "lung isn't in this one";
    EXPECT_EQ(all->standing_of("UBERON:0000001"), Standing::deprecated);
    EXPECT_EQ(all->standing_of("CL:9999999"), Standing::not_checked);
    EXPECT_TRUE((*all)[*all->by_id("UBERON:0005057")].is_group) << "the starter says what groups";
    const auto spleen = *all->by_id("UBERON:0002106");
    EXPECT_EQ(names(*all, all->broader(spleen)),
              (std::vector<std::string>{"immune organ", "immune system"}))
        << "a cycle is walked once";

    // Read in again it isn't there twice; taken out, the starter is back.
    ASSERT_TRUE(ontologies->import(small));
    EXPECT_EQ(ontologies->list()->size(), 1u);
    ASSERT_TRUE(ontologies->remove("UBERON"));
    EXPECT_EQ(terms()->standing_of("UBERON:0002048"), Standing::known);
    EXPECT_EQ(ontologies->remove("UBERON").error().code, ErrorCode::not_found);
}

TEST_F(OntologiesTest, WhatWasReadInIsThereAfterARestart) {
    ASSERT_TRUE(ontologies->import(small));
    const auto again = *Ontologies::open(*database, clock);
    EXPECT_EQ((**again->terms()).standing_of("UBERON:0000001"), Standing::deprecated);
}

}  // namespace
}  // namespace stroma::ontology
