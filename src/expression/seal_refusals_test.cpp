#include <gtest/gtest.h>

#include <cmath>

#include "expression/sealed_samples.h"

namespace stroma::expression {
namespace {

using namespace samples;

std::uint64_t bits_of(float value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    return bits;
}

Matrix small_matrix() {
    return {3,
            4,
            ValueType::float32,
            {{{0, bits_of(1)}, {2, bits_of(2)}},
             {{1, bits_of(3)}},
             {{0, bits_of(1)}, {3, bits_of(5)}}}};
}

std::string refusal(AnnotatedData data, ErrorCode code = ErrorCode::invalid_input,
                    const SealOptions& options = {.durable = false}) {
    const auto sealed = try_seal(data, options);
    if (sealed) return "it was sealed";
    EXPECT_EQ(sealed.error().code, code) << sealed.error().message;
    return sealed.error().message;
}

TEST(Seal, AGeneNumberOutsideTheMatrixIsRefusedWithItsCell) {
    Matrix matrix = small_matrix();
    matrix.lines[1][0].first = 4;
    EXPECT_EQ(refusal(dataset_of(matrix)),
              "X, cell 1 ('cell1'): gene number 4 is outside the 4 genes");
}

TEST(Seal, AGeneThatOccursTwiceIsRefusedOrSummedOnRequest) {
    Matrix matrix = small_matrix();
    matrix.lines[2].push_back({0, bits_of(41)});
    EXPECT_EQ(refusal(dataset_of(matrix)),
              "X, cell 2 ('cell2'): gene 0 ('gene0') occurs twice; ask for duplicates to be "
              "summed, or remove them");
    for (const Order order : {Order::by_cell, Order::by_gene}) {
        AnnotatedData data = dataset_of(source_of(matrix, order, true));
        auto dataset =
            SealedDataset::open(reader_of(seal(data, {.sum_duplicates = true, .durable = false})));
        ASSERT_TRUE(dataset);
        Matrix summed = small_matrix();
        summed.lines[2][0].second = bits_of(42);
        expect_equal(**(*dataset)->matrix("X"), summed);
    }
    EXPECT_NE(refusal(dataset_of(source_of(matrix, Order::by_gene, true))).find("occurs twice"),
              std::string::npos);
}

TEST(Seal, ASumPastItsTypeIsRefused) {
    Matrix matrix{1, 1, ValueType::uint8, {{{0, 200}, {0, 100}}}};
    EXPECT_NE(refusal(dataset_of(matrix), ErrorCode::invalid_input, {.sum_duplicates = true})
                  .find("passes its type uint8"),
              std::string::npos);
}

TEST(Seal, WhatIsNoCountIsRefusedWhereCountsAreSaid) {
    for (const auto& [value, text] : {std::pair{NAN, "nan"}, {INFINITY, "inf"}, {-1.0f, "-1"}}) {
        Matrix matrix = small_matrix();
        matrix.lines[2][1].second = bits_of(value);
        EXPECT_EQ(refusal(dataset_of(matrix, Unit::counts)),
                  std::string("X, cell 2 ('cell2'): gene 3 ('gene3') has ") + text +
                      ", which is no count");
        AnnotatedData data = dataset_of(matrix, Unit::scaled);
        EXPECT_TRUE(try_seal(data));
    }
}

TEST(Seal, ANaNAmongCountsOfUnknownUnitIsRefused) {
    Matrix matrix = small_matrix();
    matrix.lines[2][1].second = bits_of(NAN);
    EXPECT_EQ(refusal(dataset_of(matrix, Unit::unknown)),
              "X, cell 2 ('cell2'): gene 3 ('gene3') has nan among counts; its values must be "
              "finite: put a number or nothing there");
    AnnotatedData data = dataset_of(small_matrix(), Unit::unknown);
    data.matrices.push_back(
        {"layers/velocity", Unit::unknown, source_of(matrix, Order::by_cell, true)});
    EXPECT_TRUE(try_seal(data));
}

TEST(Seal, ANaNAmongNormalisedValuesIsKeptAndSaid) {
    Matrix matrix = small_matrix();
    matrix.lines[0][0].second = bits_of(-0.5f);
    matrix.lines[2][1].second = bits_of(NAN);
    AnnotatedData data = dataset_of(matrix, Unit::unknown);
    EXPECT_TRUE(try_seal(data));
    ASSERT_EQ(data.notes.size(), 1u);
    EXPECT_EQ(data.notes[0], "X holds NaN 1 times: kept, and left out of comparisons");
    matrix.lines[2][1].second = bits_of(INFINITY);
    EXPECT_EQ(refusal(dataset_of(matrix, Unit::unknown)),
              "X, cell 2 ('cell2'): gene 3 ('gene3') has inf; its values must be finite: put a "
              "number or nothing there");
}

TEST(Seal, CountsThatAreNotWholeAreTakenAsNormalisedAndSaidSo) {
    Matrix matrix = small_matrix();
    matrix.lines[0][0].second = bits_of(0.5f);
    AnnotatedData data = dataset_of(matrix, Unit::counts);
    const auto dataset = SealedDataset::open(reader_of(seal(data)));
    ASSERT_TRUE(dataset);
    EXPECT_EQ((*dataset)->summary().matrices[0].unit, Unit::normalised);
    ASSERT_EQ(data.notes.size(), 1u);
    EXPECT_NE(data.notes[0].find("not all are whole"), std::string::npos);
}

TEST(Seal, CountsPastTheExactRangeOfFloatsStayExact) {
    Matrix matrix{1, 3, ValueType::float64, {{{0, 0}, {1, 0}, {2, 0}}}};
    const double values[] = {0x1p24 + 1, 0x1p32, 0x1p53};
    for (int i = 0; i < 3; ++i) std::memcpy(&matrix.lines[0][i].second, &values[i], 8);
    AnnotatedData data = dataset_of(matrix, Unit::counts);
    const auto dataset = SealedDataset::open(reader_of(seal(data)));
    ASSERT_TRUE(dataset);
    expect_equal(**(*dataset)->matrix("X"), matrix);
    EXPECT_TRUE((*dataset)->summary().matrices[0].whole_numbers);
    EXPECT_EQ((*dataset)->summary().matrices[0].max, 0x1p53);
}

TEST(Seal, FramesOfTheWrongLengthAreRefused) {
    AnnotatedData data = dataset_of(small_matrix());
    data.obs.index = {"a", "b"};
    EXPECT_EQ(refusal(std::move(data)), "obs has 2 rows and X has 3 cells");
    data = dataset_of(small_matrix());
    data.var.index.push_back("one more");
    EXPECT_EQ(refusal(std::move(data)), "var has 5 rows and X has 4 genes");
    data = dataset_of(small_matrix());
    data.obs.columns.push_back({"n", Array::of<float>({1, 2}), {}});
    EXPECT_EQ(refusal(std::move(data)), "obs: column 'n' has 2 rows and its index 3");
    data = dataset_of(small_matrix());
    data.obsm = {{"X_pca", {Array::of<float>({1, 2})}}};
    EXPECT_EQ(refusal(std::move(data)), "obsm/X_pca has 2 rows; 3 are needed");
}

TEST(Seal, CodesOutsideTheirCategoriesAreRefused) {
    AnnotatedData data = dataset_of(small_matrix());
    data.obs.columns.push_back({"t", Categorical{{0, 1, 0}, TextArray{"only"}, false}, {}});
    EXPECT_EQ(refusal(std::move(data)),
              "obs: column 't': row 1 has code 1; there are 1 categories");
}

/// Lines whose starts and bytes don't fit.
class BrokenSource final : public MatrixSource {
public:
    explicit BrokenSource(LineBlock block) : block_(std::move(block)) {}
    std::uint64_t cell_count() const override { return 2; }
    std::uint64_t gene_count() const override { return 3; }
    ValueType value_type() const override { return ValueType::float32; }
    Order order() const override { return Order::by_cell; }
    bool is_random_access() const override { return true; }
    std::uint64_t lines_per_read() const override { return 2; }
    Result<void> read_lines(std::uint64_t, std::uint64_t, LineBlock& out) override {
        out = block_;
        return {};
    }

private:
    LineBlock block_;
};

TEST(Seal, LinesWhoseStartsDoNotFitAreRefused) {
    const LineBlock falling{0, {0, 2, 1}, {0, 1}, Bytes(8)};
    const LineBlock too_long{0, {0, 1, 3}, {0, 1}, Bytes(8)};
    const LineBlock few_values{0, {0, 1, 2}, {0, 1}, Bytes(4)};
    const LineBlock few_lines{0, {0, 2}, {0, 1}, Bytes(8)};
    for (const LineBlock& block : {falling, too_long, few_values, few_lines}) {
        AnnotatedData data = dataset_of(std::make_unique<BrokenSource>(block));
        EXPECT_FALSE(try_seal(data));
    }
}

TEST(Seal, ACancelledSealSaysSo) {
    AnnotatedData data = dataset_of(small_matrix());
    File file = *File::temporary(fs::temp_directory_path());
    const auto sealed = seal_dataset(data, file, {}, {{}, [] { return true; }});
    ASSERT_FALSE(sealed);
    EXPECT_EQ(sealed.error().code, ErrorCode::cancelled);
}

TEST(Seal, EveryFailingFileChangeIsAnErrorAndNoSealedFile) {
    for (std::uint64_t at = 1;; ++at) {
        AnnotatedData data = dataset_of(small_matrix());
        File file = *File::temporary(fs::temp_directory_path());
        set_fault_plan({.at = at, .kind = FaultPlan::Kind::ever_after, .error_number = ENOSPC});
        const auto sealed = seal_dataset(data, file, {}, {});
        const bool passed = fault_points_passed() < at;
        set_fault_plan({});
        ASSERT_EQ(sealed.has_value(), passed) << "at change " << at;
        if (passed) break;
        EXPECT_EQ(sealed.error().code, ErrorCode::exhausted);
    }
}

}  // namespace
}  // namespace stroma::expression
