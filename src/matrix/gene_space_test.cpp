#include "matrix/gene_space.h"

#include <gtest/gtest.h>

#include "matrix/stacked_frame.h"

namespace stroma::matrix {
namespace {

using expression::Array;
using expression::Categorical;
using expression::Column;
using expression::Frame;
using expression::TextArray;

Frame genes(std::initializer_list<std::string_view> ids) {
    Frame var;
    var.index = TextArray(ids);
    return var;
}

Column texts(std::string name, std::initializer_list<std::string_view> values) {
    return Column{std::move(name), TextArray(values), std::nullopt};
}

std::vector<std::string> ids_of(const Frame& frame) {
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < frame.row_count(); ++i) ids.emplace_back(frame.index[i]);
    return ids;
}

TEST(GeneSpace, OneDatasetKeepsItsGenesAsTheyAre) {
    const auto space = join_genes({genes({"B", "A.1"})}, {});
    ASSERT_TRUE(space);
    EXPECT_EQ(ids_of(space->var), (std::vector<std::string>{"B", "A.1"}));
    EXPECT_TRUE(space->output_gene[0].empty());
}

TEST(GeneSpace, SeveralDatasetsAreJoinedAndWhatWasNotMeasuredIsTold) {
    const auto space =
        join_genes({genes({"ENSG00000000001.2", "X"}), genes({"Y", "ENSG00000000001.7"})}, {});
    ASSERT_TRUE(space);
    EXPECT_EQ(ids_of(space->var), (std::vector<std::string>{"ENSG00000000001", "X", "Y"}));
    EXPECT_EQ(space->output_gene[0], (std::vector<std::int32_t>{0, 1}));
    EXPECT_EQ(space->output_gene[1], (std::vector<std::int32_t>{2, 0}));
    EXPECT_EQ(space->measured[0], (std::vector<bool>{true, true, false}));
    EXPECT_EQ(space->measured[1], (std::vector<bool>{true, false, true}));
    const Column* all = space->var.find("measured_in_all");
    ASSERT_NE(all, nullptr);
    EXPECT_EQ(all->text(0), "True");
    EXPECT_EQ(all->text(2), "False");
}

TEST(GeneSpace, VersionsThatWouldMeetInsideOneDatasetKeepTheirOwnIds) {
    const auto space = join_genes(
        {genes({"ENSG00000000001.1", "ENSG00000000001.2"}), genes({"ENSG00000000002"})}, {});
    ASSERT_TRUE(space);
    EXPECT_EQ(
        ids_of(space->var),
        (std::vector<std::string>{"ENSG00000000001.1", "ENSG00000000001.2", "ENSG00000000002"}));
}

TEST(GeneSpace, EqualKeysBecomeOneGeneWhereTheyAreToBeAdded) {
    const Frame one =
        genes({"ENSG00000000001.1", "X", "ENSG00000000001.2", "ENSG00000000001_PAR_Y"});
    const auto space = join_genes({one}, {.genes = {}, .add_equal_keys = true});
    ASSERT_TRUE(space);
    EXPECT_EQ(ids_of(space->var),
              (std::vector<std::string>{"ENSG00000000001.1", "X", "ENSG00000000001_PAR_Y"}));
    EXPECT_EQ(space->output_gene[0], (std::vector<std::int32_t>{0, 1, 0, 2}));
    const auto two =
        join_genes({genes({"ENSG00000000001.9"}), one}, {.genes = {}, .add_equal_keys = true});
    ASSERT_TRUE(two);
    EXPECT_EQ(two->output_gene[1], (std::vector<std::int32_t>{0, 1, 0, 2}));
}

TEST(GeneSpace, GenesAreChosenByIdOrNameAndAnUnknownOneIsNamed) {
    Frame var = genes({"ENSG00000000001", "ENSG00000000002", "ENSG00000000003"});
    var.columns.push_back(texts("feature_name", {"CD3D", "LYZ", "PPBP"}));
    const auto space = join_genes({var}, {{"PPBP", "ENSG00000000001"}, "gene"});
    ASSERT_TRUE(space);
    EXPECT_EQ(space->output_gene[0], (std::vector<std::int32_t>{0, -1, 1}));
    const auto unknown = join_genes({var}, {{"CD3D", "NOPE"}, "gene"});
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, ErrorCode::invalid_input);
    EXPECT_NE(unknown.error().message.find("NOPE"), std::string::npos);
}

TEST(GeneSpace, TranscriptsOfADatasetWithoutAnyAreNone) {
    const auto space = join_genes({genes({"ENSG00000000001"})}, {{}, "transcript"});
    ASSERT_TRUE(space);
    EXPECT_EQ(space->var.row_count(), 0u);
    EXPECT_EQ(space->output_gene[0], (std::vector<std::int32_t>{-1}));
}

Frame cells(std::initializer_list<std::string_view> ids, std::vector<Column> columns) {
    Frame obs;
    obs.index = TextArray(ids);
    obs.columns = std::move(columns);
    return obs;
}

TEST(StackedFrame, CategoriesAreJoinedAndIdsMadeDistinct) {
    const Column one{"type", Categorical{{0, 1}, TextArray{"B", "T"}, false}, std::nullopt};
    const Column other{"type", Categorical{{1, -1}, TextArray{"NK", "T"}, false}, std::nullopt};
    const Frame stacked =
        stack_frames({cells({"a", "b"}, {one}), cells({"b", "c"}, {other})}, {"p", "q"});
    EXPECT_EQ(ids_of(stacked), (std::vector<std::string>{"a", "b-p", "b-q", "c"}));
    const auto& joined = std::get<Categorical>(stacked.columns[0].values);
    EXPECT_EQ(joined.codes, (std::vector<std::int32_t>{0, 1, 1, -1}));
    EXPECT_EQ(std::get<TextArray>(joined.categories), (TextArray{"B", "T", "NK"}));
}

TEST(StackedFrame, WhatAFrameLacksIsMissingAndTypesThatDisagreeBecomeText) {
    const Column count{"n", Array::of<std::int32_t>({7}), std::nullopt};
    const Column share{"p", Array::of<double>({0.5}), std::nullopt};
    const Column mixed_number{"m", Array::of<std::int32_t>({3}), std::nullopt};
    const Frame stacked = stack_frames(
        {cells({"a"}, {count, share, mixed_number}), cells({"b"}, {texts("m", {"x"})})},
        {"p", "q"});
    EXPECT_EQ(stacked.find("n")->text(0), "7");
    EXPECT_TRUE(stacked.find("n")->is_missing(1));
    EXPECT_TRUE(stacked.find("p")->is_missing(1));
    EXPECT_TRUE(stacked.find("m")->is_text());
    EXPECT_EQ(stacked.find("m")->text(0), "3");
    EXPECT_EQ(stacked.find("m")->text(1), "x");
}

}  // namespace
}  // namespace stroma::matrix
