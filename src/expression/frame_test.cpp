#include "expression/frame.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "expression/annotated_data.h"

namespace stroma::expression {
namespace {

Column number_column(std::string name, Array values) {
    return {std::move(name), std::move(values), {}};
}

template <class T>
std::vector<T> values_of(const Array& array) {
    return {array.data<T>(), array.data<T>() + array.value_count()};
}

TEST(Array, ValuesOfEachTypeReadBackAsNumbers) {
    EXPECT_EQ(Array::of<std::int8_t>({-5}).integer(0), -5);
    EXPECT_EQ(Array::of<std::uint32_t>({4294967295u}).integer(0), 4294967295);
    EXPECT_EQ(Array::of<float>({1.5f}).number(0), 1.5);
    EXPECT_EQ(name_of(ValueType::boolean), "bool");
    EXPECT_EQ(size_of(ValueType::int16), 2u);
    EXPECT_TRUE(is_floating(ValueType::float64));
    const Array scalar{ValueType::int32, {}, Bytes(4)};
    EXPECT_EQ(scalar.value_count(), 1u);
}

TEST(Column, TextGivesTheShortestNumberThatReadsBackTheSame) {
    const Column column = number_column("x", Array::of<float>({0.1f, 3.0f, NAN}));
    EXPECT_EQ(column.text(0), "0.1");
    EXPECT_EQ(column.text(1), "3");
    EXPECT_EQ(column.text(2), "");
    EXPECT_TRUE(column.is_missing(2));
    const Column big =
        number_column("y", Array::of<std::uint64_t>({std::numeric_limits<std::uint64_t>::max()}));
    EXPECT_EQ(big.text(0), "18446744073709551615");
}

TEST(Column, AMaskedOrNegativeCodeIsMissing) {
    Column nullable = number_column("n", Array::of<std::int32_t>({1, 2}));
    nullable.missing = std::vector<bool>{true, false};
    EXPECT_EQ(nullable.text(0), "");
    EXPECT_EQ(nullable.text(1), "2");
    const Column codes{"c", Categorical{{1, -1}, TextArray{"a", "b"}, false}, {}};
    EXPECT_EQ(codes.text(0), "b");
    EXPECT_TRUE(codes.is_missing(1));
}

TEST(Frame, TakeKeepsTheAskedOrderAndTheCategories) {
    Frame frame{"cell", {"a", "b", "c"}, {}};
    frame.columns.push_back({"type", Categorical{{0, 1, -1}, TextArray{"T", "B"}, true}, {}});
    frame.columns.push_back({"name", TextArray{"x", "yy", "zzz"}, std::vector<bool>{1, 0, 0}});
    const Frame taken = frame.take({2, 0});
    EXPECT_EQ(taken.index, (TextArray{"c", "a"}));
    EXPECT_EQ(taken.index_name, "cell");
    EXPECT_EQ(std::get<Categorical>(taken.find("type")->values).codes,
              (std::vector<std::int32_t>{-1, 0}));
    EXPECT_EQ(std::get<Categorical>(taken.find("type")->values).category_count(), 2u);
    EXPECT_EQ(taken.find("name")->text(0), "zzz");
    EXPECT_TRUE(taken.find("name")->is_missing(1));
    EXPECT_EQ(taken.find("absent"), nullptr);
}

SparseArray example(bool by_row) {
    // 3 x 3:  [1 0 2] [0 0 3] [4 5 0]
    if (by_row)
        return {true,
                3,
                3,
                Array::of<float>({1, 2, 3, 4, 5}),
                Array::of<std::int32_t>({0, 2, 2, 0, 1}),
                Array::of<std::int32_t>({0, 2, 3, 5})};
    return {false,
            3,
            3,
            Array::of<float>({1, 4, 5, 2, 3}),
            Array::of<std::int32_t>({0, 2, 2, 0, 1}),
            Array::of<std::int64_t>({0, 2, 3, 5})};
}

std::vector<float> dense(const SparseArray& sparse) {
    std::vector<float> out(sparse.rows * sparse.columns);
    for (std::uint64_t line = 0; line + 1 < sparse.indptr.value_count(); ++line)
        for (std::int64_t i = sparse.indptr.integer(line); i < sparse.indptr.integer(line + 1); ++i)
            out[sparse.by_row ? line * sparse.columns + sparse.indices.integer(i)
                              : sparse.indices.integer(i) * sparse.columns + line] =
                sparse.data.data<float>()[i];
    return out;
}

TEST(Element, APairMatrixIsCutOnBothAxesWhicheverWayItLies) {
    for (const bool by_row : {true, false}) {
        const Element cut = take_rows_and_columns({example(by_row)}, {2, 0});
        const auto& sparse = std::get<SparseArray>(cut.value);
        ASSERT_TRUE(check(sparse)) << check(sparse).error().message;
        EXPECT_EQ(dense(sparse), (std::vector<float>{0, 4, 2, 1})) << by_row;
        const Element rows = take_rows({example(by_row)}, {1, 1});
        EXPECT_EQ(dense(std::get<SparseArray>(rows.value)), (std::vector<float>{0, 0, 3, 0, 0, 3}));
    }
    Array square = Array::of<std::int32_t>({1, 2, 3, 4, 5, 6, 7, 8, 9});
    square.shape = {3, 3};
    const Element cut = take_rows_and_columns({square}, {2, 0});
    EXPECT_EQ(values_of<std::int32_t>(std::get<Array>(cut.value)),
              (std::vector<std::int32_t>{9, 7, 3, 1}));
}

TEST(Element, TakeRowsWorksOnEveryKind) {
    Array embedding = Array::of<double>({1, 2, 3, 4, 5, 6});
    embedding.shape = {3, 2};
    const Dict dict{{"X_umap", {embedding}},
                    {"texts", {TextGrid{{3}, {"a", "b", "c"}}}},
                    {"frame", {Frame{"_index", {"a", "b", "c"}, {}}}},
                    {"nothing", {}}};
    const Element taken = take_rows({dict}, {1});
    EXPECT_EQ(values_of<double>(std::get<Array>(taken.find("X_umap")->value)),
              (std::vector<double>{3, 4}));
    EXPECT_EQ(std::get<TextGrid>(taken.find("texts")->value).texts, (TextArray{"b"}));
    EXPECT_EQ(std::get<Frame>(taken.find("frame")->value).row_count(), 1u);
    EXPECT_EQ(taken.find("absent"), nullptr);
}

TEST(SparseArray, CheckNamesTheFirstPlaceThatDoesNotFit) {
    SparseArray sparse = example(true);
    ASSERT_TRUE(check(sparse));
    sparse.indices = Array::of<std::int32_t>({0, 2, 3, 0, 1});
    EXPECT_EQ(check(sparse).error().message, "indices[2] is 3; it must be below 3");
    sparse = example(true);
    sparse.indptr = Array::of<std::int32_t>({0, 4, 3, 5});
    EXPECT_EQ(check(sparse).error().code, ErrorCode::invalid_input);
    sparse.indptr = Array::of<std::int32_t>({0, 2, 3, 6});
    EXPECT_FALSE(check(sparse));
}

TEST(Unit, NamesAreStable) { EXPECT_EQ(name_of(Unit::expected_counts), "expected_counts"); }

}  // namespace
}  // namespace stroma::expression
