#include "app/demo/demo_data.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace stroma::app {
namespace {

using namespace expression;

constexpr DemoShape small = {.cells = 600, .genes = 300, .seed = 4};

LineBlock all_lines(const AnnotatedData& data, std::size_t matrix) {
    LineBlock block;
    const auto& source = data.matrices[matrix].source;
    EXPECT_TRUE(source->read_lines(0, source->line_count(), block));
    return block;
}

TEST(DemoData, TheSameSeedGivesTheSameValuesAndAnotherOneOthers) {
    const auto once = make_demo_data(small), again = make_demo_data(small);
    auto other_shape = small;
    other_shape.seed = 5;
    const auto other = make_demo_data(other_shape);
    const auto block = all_lines(once, 0);
    EXPECT_EQ(block.places, all_lines(again, 0).places);
    EXPECT_EQ(block.values, all_lines(again, 0).values);
    EXPECT_NE(block.values, all_lines(other, 0).values);
    EXPECT_EQ(once.obs.index, again.obs.index);
}

TEST(DemoData, LinesReadAloneEqualLinesReadTogether) {
    const auto data = make_demo_data(small);
    const auto block = all_lines(data, 0);
    LineBlock one;
    ASSERT_TRUE(data.matrices[0].source->read_lines(123, 1, one));
    const std::vector<std::uint32_t> places(
        block.places.begin() + std::ptrdiff_t(block.starts[123]),
        block.places.begin() + std::ptrdiff_t(block.starts[124]));
    EXPECT_EQ(one.first_line, 123u);
    EXPECT_EQ(one.places, places);
}

TEST(DemoData, TheQualityColumnsAreThoseOfTheMatrix) {
    const auto data = make_demo_data(small);
    const auto block = all_lines(data, 0);
    const auto* totals = std::get_if<Array>(&data.obs.find("n_counts")->values);
    const auto* lengths = std::get_if<Array>(&data.obs.find("n_genes")->values);
    ASSERT_TRUE(totals && lengths);
    for (std::size_t cell = 0; cell < small.cells; ++cell) {
        double sum = 0;
        for (auto i = block.starts[cell]; i < block.starts[cell + 1]; ++i)
            sum += block.values_as<float>()[i];
        EXPECT_EQ(totals->data<std::int32_t>()[cell], sum);
        EXPECT_EQ(std::uint64_t(lengths->data<std::int32_t>()[cell]),
                  block.starts[cell + 1] - block.starts[cell]);
    }
}

TEST(DemoData, MarkersAreHighInTheirTypeAndLowElsewhere) {
    const auto data = make_demo_data(small);
    const auto block = all_lines(data, 0);
    const auto& types = std::get<Categorical>(data.obs.find("cell_type")->values);
    std::uint32_t gene = 0;
    while (data.var.index[gene] != "MS4A1") ++gene;
    std::map<std::string, std::pair<double, double>> sums;
    for (std::size_t cell = 0; cell < small.cells; ++cell) {
        auto& [sum, cells] = sums[types.category_text(std::size_t(types.codes[cell]))];
        ++cells;
        for (auto i = block.starts[cell]; i < block.starts[cell + 1]; ++i)
            if (block.places[i] == gene) sum += block.values_as<float>()[i];
    }
    EXPECT_EQ(sums.size(), 8u);
    const double in_b_cells = sums["B cell"].first / sums["B cell"].second;
    sums.erase("B cell");
    for (const auto& [type, sum] : sums) EXPECT_GT(in_b_cells, 10 * sum.first / sum.second) << type;
}

TEST(DemoData, NoTwoCellsShareABarcode) {
    const auto data = make_demo_data({.cells = 20'000, .genes = 100, .seed = 1});
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < data.obs.index.size(); ++i) seen.insert(data.obs.index[i]);
    EXPECT_EQ(seen.size(), 20'000u);
}

}  // namespace
}  // namespace stroma::app
