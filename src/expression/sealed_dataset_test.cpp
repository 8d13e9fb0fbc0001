#include "expression/sealed_dataset.h"

#include <gtest/gtest.h>

#include "expression/sealed_samples.h"

namespace stroma::expression {
namespace {

using namespace samples;

std::shared_ptr<const SealedDataset> open(Bytes bytes, bool mapped = true) {
    auto dataset = SealedDataset::open(reader_of(std::move(bytes), mapped));
    EXPECT_TRUE(dataset) << dataset.error().message;
    return dataset ? *dataset : nullptr;
}

void expect_round_trip(const Shape& shape, std::uint64_t seed) {
    SCOPED_TRACE(testing::Message() << shape.cells << " x " << shape.genes << " " << name_of(shape.type)
                                    << " values " << static_cast<int>(shape.values) << " density "
                                    << shape.density);
    const Matrix matrix = random_matrix(shape, seed);
    AnnotatedData data = dataset_of(matrix);
    const auto dataset = open(seal(data), seed % 2 == 0);
    ASSERT_NE(dataset, nullptr);
    expect_equal(**dataset->matrix("X"), matrix);
    const auto verified = dataset->verify({});
    EXPECT_TRUE(verified) << verified.error().message;
}

TEST(SealedDataset, MatricesOfEveryShapeTypeAndDensityComeBackToTheBit) {
    std::uint64_t seed = 0;
    for (const auto& [cells, genes] : {std::pair{1, 1}, {0, 5}, {5, 0}, {300, 200}, {3, 2000}, {700, 3}})
        for (const double density : {0.0, 0.1, 0.6, 1.0})
            for (std::uint8_t type = 0; type <= static_cast<std::uint8_t>(ValueType::float64); ++type)
                expect_round_trip({static_cast<std::uint64_t>(cells), static_cast<std::uint64_t>(genes),
                                   density, static_cast<ValueType>(type), Values::counts,
                                   seed % 3 == 0},
                                  seed++);
}

TEST(SealedDataset, ValuesThatAreNoSmallCountsComeBackToTheBit) {
    std::uint64_t seed = 100;
    for (const Values values :
         {Values::large_counts, Values::log_normalised, Values::scaled, Values::odd})
        for (const ValueType type : {ValueType::float32, ValueType::float64})
            for (const double density : {0.1, 1.0})
                expect_round_trip({200, 150, density, type, values}, seed++);
    for (const ValueType type : {ValueType::int32, ValueType::int64, ValueType::uint64})
        expect_round_trip({60, 50, 0.3, type, Values::large_counts}, seed++);
}

}  // namespace
}  // namespace stroma::expression
