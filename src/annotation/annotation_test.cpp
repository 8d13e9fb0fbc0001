#include <gtest/gtest.h>

#include <random>

#include "annotation/annotations.h"
#include "annotation/labels_csv.h"
#include "sql/sqlite/sqlite_database.h"

namespace stroma::annotation {
namespace {

CellRuns random_runs(std::mt19937& random, std::uint32_t cells, double share) {
    CellRuns runs;
    std::bernoulli_distribution is_in(share);
    for (std::uint32_t cell = 0; cell < cells; ++cell)
        if (is_in(random)) add_cell(runs, cell);
    return runs;
}

TEST(CellBitmap, ReadsWhatItWrites) {
    std::mt19937 random(1);
    for (const double share : {0.0, 0.0001, 0.01, 0.3, 0.9, 0.9999, 1.0}) {
        const CellRuns runs = random_runs(random, 300'000, share);
        const std::string bitmap = to_bitmap(runs);
        const auto read = runs_of_bitmap(as_bytes(bitmap), 300'000);
        ASSERT_TRUE(read) << share << ": " << read.error().message;
        EXPECT_EQ(*read, runs) << share;
        EXPECT_LE(bitmap.size(), 16 + 8 * 5 + 5 * 8192u) << share;
    }
}

TEST(CellBitmap, RefusesWhatIsCutOrNamesCellsThatArentThere) {
    std::mt19937 random(2);
    const std::string bitmap = to_bitmap(random_runs(random, 100'000, 0.2));
    for (std::size_t size = 0; size < bitmap.size(); size += 97)
        EXPECT_FALSE(runs_of_bitmap(as_bytes(bitmap).first(size), 100'000)) << size;
    EXPECT_FALSE(runs_of_bitmap(as_bytes(bitmap), 90'000));
    EXPECT_FALSE(runs_of_bitmap(as_bytes(bitmap + "x"), 100'000));
}

TEST(LabelState, EveryChangeIsTakenBackExactly) {
    std::mt19937 random(3);
    LabelState state(1000);
    std::vector<LabelChange> changes;
    std::vector<LabelState> states{state};
    const auto change = [&](Result<LabelChange> made) {
        ASSERT_TRUE(made) << made.error().message;
        const LabelChange read = label_change_of(to_bytes(*made, 9), 9, 1000).value();
        apply(state, read);
        changes.push_back(read);
        states.push_back(state);
    };
    change(assigned(state, "a", random_runs(random, 1000, 0.3)));
    change(assigned(state, "b", random_runs(random, 1000, 0.3)));
    change(renamed(state, "a", "c"));
    change(assigned(state, std::nullopt, random_runs(random, 1000, 0.1)));
    change(merged(state, {"b", "c"}, "d"));
    change(added(state, "e"));
    change(removed(state, "d"));
    for (std::size_t at = changes.size(); at-- > 0;) {
        take_back(state, changes[at]);
        EXPECT_EQ(state.codes, states[at].codes);
        for (std::size_t code = 0; code < states[at].labels.size(); ++code) {
            EXPECT_EQ(state.labels[code], states[at].labels[code]);
            EXPECT_EQ(state.counts[code], states[at].counts[code]);
        }
    }
}

TEST(LabelState, AMergeOfTwoIsTheSameForEveryCellAsDecidingCellByCell) {
    std::mt19937 random(4);
    for (int round = 0; round < 20; ++round) {
        LabelState base(500);
        for (const char* label : {"a", "b", "c"})
            apply(base, assigned(base, label, random_runs(random, 500, 0.3)).value());
        LabelState theirs = base;
        for (const char* label : {"b", "d"})
            apply(theirs, assigned(theirs, label, random_runs(random, 500, 0.3)).value());
        const LabelChange mine = assigned(base, "e", random_runs(random, 500, 0.4)).value();
        LabelState wanted = base, merged = theirs;
        apply(wanted, mine);
        const LabelChange change = merged_onto(theirs, base, mine).value();
        apply(merged, change);
        CellRuns conflicts;
        for (std::uint32_t cell = 0; cell < 500; ++cell) {
            const auto text = [&](const LabelState& state) {
                return state.text_of(state.codes[cell]);
            };
            const bool mine_changed = text(wanted) != text(base);
            const bool theirs_changed = text(theirs) != text(base);
            EXPECT_EQ(text(merged), mine_changed && !theirs_changed ? text(wanted) : text(theirs));
            if (mine_changed && theirs_changed) add_cell(conflicts, cell);
        }
        EXPECT_EQ(change.conflicts, conflicts);
    }
}

TEST(LabelState, NamesAreChecked) {
    const LabelState state(3);
    for (const std::string bad : {"", " a", "a ", "a\nb", "unassigned"})
        EXPECT_EQ(assigned(state, bad, {{0, 1}}).error().code, ErrorCode::invalid_input) << bad;
    EXPECT_EQ(renamed(state, "a", "b").error().code, ErrorCode::not_found);
}

TEST(LabelRecord, ADamagedChangeIsFound) {
    LabelState state(100);
    std::string bytes = to_bytes(assigned(state, "a", {{3, 50}}).value(), 7);
    EXPECT_FALSE(label_change_of(bytes, 8, 100)) << "another place";
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        bytes[at] ^= 4;
        EXPECT_EQ(label_change_of(bytes, 7, 100).error().code, ErrorCode::corrupt) << at;
        bytes[at] ^= 4;
    }
}

class LabelsTest : public ::testing::Test {
protected:
    LabelOutcome make(std::uint32_t cells = 1000) {
        return annotations->labels
            .create(place, "kind", cells, author,
                    {"create", [](const LabelState&) { return LabelChange{}; }})
            .value();
    }
    Result<LabelOutcome> assign(const LabelColumn& column, const char* label, CellRuns cells,
                                bool merge = false) {
        return annotations->labels.append(
            column, {column.version, merge}, author,
            {"assign", [=](const LabelState& state) { return assigned(state, label, cells); }});
    }
    void reopen() { annotations = Annotations::open(*database, clock, ids).value(); }

    ManualClock clock;
    IdSource ids{5};
    Author author{"ann-id", "ann"};
    std::unique_ptr<sql::SqliteDatabase> database = *sql::SqliteDatabase::open_in_memory();
    std::unique_ptr<Annotations> annotations = Annotations::open(*database, clock, ids).value();
    LabelPlace place{annotations->spaces.create("ann-id", "mine").value().id, "r1"};
};

TEST_F(LabelsTest, AfterManyChangesAColumnIsReadFromItsSnapshotAndTheRest) {
    LabelColumn column = make().column;
    for (std::uint32_t step = 0; step < 150; ++step)
        column = assign(column, step % 2 ? "a" : "b", {{step, step + 5}})->column;
    const LabelState before = **annotations->labels.state(column);
    for (int round = 0; round < 2; ++round) {
        reopen();
        const auto state = annotations->labels.state(column).value();
        EXPECT_EQ(state->codes, before.codes);
        EXPECT_EQ(state->counts, before.counts);
        EXPECT_EQ(state->version, 151);
    }
    const auto old = annotations->labels.state_at(column, 2).value();
    EXPECT_EQ(old->text_of(old->codes[0]), "b");
    EXPECT_EQ(old->text_of(old->codes[7]), std::nullopt);
    EXPECT_EQ(annotations->labels.history(column, 0, 1000)->size(), 151u);
}

TEST_F(LabelsTest, WhoHoldsAStateKeepsItAsItIsWhileTheColumnChanges) {
    const LabelColumn first = make().column;
    const LabelColumn second = assign(first, "a", {{0, 10}})->column;
    const auto held = annotations->labels.state(second).value();
    const LabelState copy = *held;
    ASSERT_TRUE(assign(second, "b", {{5, 15}}));
    EXPECT_EQ(held->codes, copy.codes);
    EXPECT_EQ(held->counts, copy.counts);
    EXPECT_EQ(held->labels, copy.labels);
    EXPECT_EQ(held->version, 2);
    const LabelColumn now = annotations->labels.find(first.id)->value();
    EXPECT_EQ((*annotations->labels.state(now))->counts, (std::vector<std::uint64_t>{5, 10}));
}

TEST_F(LabelsTest, AStaleChangeLeavesNoTrace) {
    const LabelColumn first = make().column;
    ASSERT_TRUE(assign(first, "a", {{0, 10}}));
    EXPECT_EQ(assign(first, "b", {{5, 15}}).error().code, ErrorCode::conflict);
    const LabelColumn now = annotations->labels.find(first.id)->value();
    EXPECT_EQ(now.version, 2);
    EXPECT_EQ((*annotations->labels.state(now))->labels.size(), 1u);
    EXPECT_EQ(assign(first, "b", {{5, 15}}, true)->conflicts, (CellRuns{{5, 10}}));
}

TEST_F(LabelsTest, WhatARemovedRevisionHadIsForgotten) {
    const LabelColumn column = make().column;
    ASSERT_TRUE(annotations->spaces.forget_removed([](const std::string&) { return true; }));
    EXPECT_TRUE(annotations->labels.find(column.id)->has_value());
    ASSERT_TRUE(annotations->spaces.forget_removed([](const std::string&) { return false; }));
    EXPECT_FALSE(annotations->labels.find(column.id)->has_value());
}

TEST(GeneSetText, QuirksOfCellxgenesTableAreRead) {
    const auto read = gene_sets_from_csv(
        "# a comment\r\ngene_set_name,gene_set_description,gene_symbol,gene_description,more\r\n"
        "a,first,G1,,x\r\nb,,G1,\"one, two\",\r\na,,G2,,\r\na,,G1,,\r\nempty,,,,\r\n");
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_EQ(read->sets.size(), 3u);
    EXPECT_EQ(read->sets[0], (GeneSet{"a", "first", {{"G1", ""}, {"G2", ""}}}));
    EXPECT_EQ(read->sets[1].genes[0].description, "one, two");
    EXPECT_TRUE(read->sets[2].genes.empty());
    EXPECT_EQ(read->repeated, 1u);
    EXPECT_EQ(gene_sets_from_csv(gene_sets_to_csv(read->sets))->sets, read->sets);
    EXPECT_EQ(*gene_sets_from_json(gene_sets_to_json(read->sets)), read->sets);
}

}  // namespace
}  // namespace stroma::annotation
