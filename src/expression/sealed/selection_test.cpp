#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/threads.h"
#include "expression/sealed_samples.h"

namespace stroma::expression {
namespace {

using namespace samples;

std::shared_ptr<const SealedMatrix> stored(const Matrix& matrix) {
    AnnotatedData data = dataset_of(matrix);
    const auto dataset = SealedDataset::open(reader_of(seal(data)));
    EXPECT_TRUE(dataset);
    return *(*dataset)->matrix("X");
}

using Line = std::vector<std::pair<std::uint32_t, double>>;

Line line_of(const Matrix& matrix, std::uint32_t cell, const std::vector<std::int32_t>& mapping) {
    Line line;
    for (const auto& [gene, bits] : matrix.lines[cell]) {
        const std::int32_t to = mapping.empty() ? static_cast<std::int32_t>(gene) : mapping[gene];
        float value = 0;
        std::memcpy(&value, &bits, 4);
        const double number = matrix.type == ValueType::float32 ? double(value) : double(bits);
        if (to >= 0) line.emplace_back(static_cast<std::uint32_t>(to), number);
    }
    std::sort(line.begin(), line.end());
    return line;
}

class Stacked : public testing::Test {
protected:
    const Matrix first_ = random_matrix({70, 30, 0.3}, 1);
    const Matrix second_ = random_matrix({50, 20, 0.3, ValueType::int32}, 2);
    const std::vector<std::uint32_t> first_cells_{5, 3, 69, 3, 0}, second_cells_{49, 1};
    std::vector<std::int32_t> mapping_ = [] {
        std::vector<std::int32_t> mapping(20);
        for (int i = 0; i < 20; ++i) mapping[i] = i % 3 == 0 ? -1 : 29 - i;
        return mapping;
    }();
    std::unique_ptr<MatrixSource> source_ =
        select_cells({{stored(first_), first_cells_, {}},
                      {stored(second_), {}, mapping_},
                      {stored(second_), second_cells_, mapping_}},
                     30);

    Line expected(std::uint64_t line) const {
        return line < 5 ? line_of(first_, first_cells_[line], {})
                        : line_of(second_, second_cells_[line - 5], mapping_);
    }
};

TEST_F(Stacked, PartsLieUnderOneAnotherWithTheirGenesMappedAndDropped) {
    ASSERT_EQ(source_->cell_count(), 7u);
    EXPECT_EQ(source_->gene_count(), 30u);
    EXPECT_EQ(source_->value_type(), ValueType::float32);
    for (std::uint64_t first = 0; first < 7; ++first)
        for (std::uint64_t count = 0; first + count <= 7; ++count) {
            LineBlock block;
            ASSERT_TRUE(source_->read_lines(first, count, block));
            ASSERT_EQ(block.first_line, first);
            ASSERT_EQ(block.line_count(), count);
            for (std::uint64_t i = 0; i < count; ++i) {
                Line line;
                for (std::uint64_t at = block.starts[i]; at < block.starts[i + 1]; ++at)
                    line.emplace_back(block.places[at], block.values_as<float>()[at]);
                EXPECT_EQ(line, expected(first + i));
            }
        }
    LineBlock block;
    EXPECT_EQ(source_->read_lines(6, 2, block).error().code, ErrorCode::invalid_input);
}

TEST_F(Stacked, LengthsAreCountedWithoutTheDroppedGenes) {
    const auto lengths = source_->line_lengths();
    ASSERT_TRUE(lengths);
    std::uint64_t all = 0;
    for (std::uint64_t i = 0; i < 7; ++i) {
        EXPECT_EQ((*lengths)[i], expected(i).size());
        all += (*lengths)[i];
    }
    EXPECT_EQ(source_->nonzero_count(), all);
}

TEST_F(Stacked, GenesOfOneNumberAreAddedAsWideAsTheSumNeeds) {
    std::vector<std::int32_t> mapping(20);
    for (int i = 0; i < 20; ++i) mapping[i] = i == 7 ? -1 : i % 5;
    const auto source = select_cells({{stored(second_), second_cells_, mapping}}, 5);
    EXPECT_EQ(source->value_type(), ValueType::float32);  // whole numbers that fit
    LineBlock block;
    ASSERT_TRUE(source->read_lines(0, 2, block));
    const auto lengths = source->line_lengths();
    ASSERT_TRUE(lengths);
    for (std::size_t line = 0; line < 2; ++line) {
        std::map<std::uint32_t, double> sums;
        for (const auto& [gene, value] : line_of(second_, second_cells_[line], {}))
            if (gene != 7) sums[gene % 5] += value;
        EXPECT_EQ((*lengths)[line], sums.size());
        std::map<std::uint32_t, double> found;
        for (std::uint64_t at = block.starts[line]; at < block.starts[line + 1]; ++at)
            found[block.places[at]] = block.values_as<float>()[at];
        EXPECT_EQ(found, sums);
        EXPECT_EQ(block.starts[line + 1] - block.starts[line], sums.size());
    }
}

TEST_F(Stacked, SeveralThreadsMayReadAtOnce) {
    const auto read = [&](std::size_t i) -> Result<void> {
        LineBlock block;
        TRY(source_->read_lines(i % 7, 1, block));
        if (block.places.size() != expected(i % 7).size())
            return fail(ErrorCode::corrupt, "another length");
        return {};
    };
    EXPECT_TRUE(parallel_for(200, read));
}

}  // namespace
}  // namespace stroma::expression
