#include "expression/sealed_dataset.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "expression/sealed/annotations_codec.h"
#include "expression/sealed_samples.h"

namespace stroma::expression {
namespace {

using namespace samples;

std::shared_ptr<const SealedDataset> open(Bytes bytes, bool mapped = true) {
    auto dataset = SealedDataset::open(reader_of(std::move(bytes), mapped));
    EXPECT_TRUE(dataset) << dataset.error().message;
    return dataset ? *dataset : nullptr;
}

void expect_holds(Bytes bytes, const Matrix& matrix, bool mapped = true) {
    const auto dataset = open(std::move(bytes), mapped);
    ASSERT_NE(dataset, nullptr);
    expect_equal(**dataset->matrix("X"), matrix);
    const auto verified = dataset->verify({});
    EXPECT_TRUE(verified) << verified.error().message;
}

void expect_round_trip(const Shape& shape, std::uint64_t seed) {
    SCOPED_TRACE(testing::Message()
                 << shape.cells << " x " << shape.genes << " " << name_of(shape.type) << " values "
                 << static_cast<int>(shape.values) << " density " << shape.density);
    const Matrix matrix = random_matrix(shape, seed);
    AnnotatedData data = dataset_of(matrix);
    expect_holds(seal(data), matrix, seed % 2 == 0);
}

TEST(SealedDataset, MatricesOfEveryShapeTypeAndDensityComeBackToTheBit) {
    std::uint64_t seed = 0;
    for (const auto& [cells, genes] :
         {std::pair{1u, 1u}, {0u, 5u}, {5u, 0u}, {90u, 70u}, {3u, 300u}})
        for (const double density : {0.0, 0.1, 1.0})
            for (std::uint8_t type = 0; type <= static_cast<std::uint8_t>(ValueType::float64);
                 ++type)
                expect_round_trip({cells, genes, density, static_cast<ValueType>(type),
                                   Values::counts, seed % 3 == 0},
                                  seed++);
}

TEST(SealedDataset, ValuesThatAreNoSmallCountsComeBackToTheBit) {
    std::uint64_t seed = 100;
    for (const Values values :
         {Values::large_counts, Values::log_normalised, Values::scaled, Values::odd})
        for (const ValueType type : {ValueType::float32, ValueType::float64})
            for (const double density : {0.1, 1.0})
                expect_round_trip({150, 80, density, type, values}, seed++);
    for (const ValueType type : {ValueType::int32, ValueType::int64, ValueType::uint64})
        expect_round_trip({60, 50, 0.3, type, Values::large_counts}, seed++);
}

TEST(SealedDataset, ManyCellsInSeveralBlocksComeBackToTheBit) {
    expect_round_trip({2500, 400, 0.2, ValueType::float32, Values::counts, true}, 7);
    expect_round_trip({2500, 100, 0.3, ValueType::float32, Values::log_normalised}, 8);
    expect_round_trip({2500, 60, 1, ValueType::float64, Values::scaled}, 9);
}

TEST(SealedDataset, SourcesByGeneAndSourcesReadInOrderGiveTheSameMatrix) {
    for (const Values values : {Values::counts, Values::log_normalised, Values::scaled})
        for (const ValueType type : {ValueType::float32, ValueType::float64}) {
            const Matrix matrix = random_matrix({400, 90, 0.3, type, values}, 11);
            for (const Order order : {Order::by_cell, Order::by_gene})
                for (const bool random_access : {true, false}) {
                    AnnotatedData data = dataset_of(source_of(matrix, order, random_access));
                    expect_holds(seal(data), matrix);
                }
        }
}

TEST(SealedDataset, LittleMemoryGivesTheSameBytes) {
    const Matrix matrix = random_matrix({3000, 200, 0.3}, 12);
    AnnotatedData much = dataset_of(matrix), little = dataset_of(matrix);
    const Bytes expected = seal(much);
    EXPECT_EQ(seal(little, {.memory_bytes = 100'000, .durable = false}), expected);
    File scratch = *File::temporary(fs::temp_directory_path());
    AnnotatedData turned = dataset_of(source_of(matrix, Order::by_gene, false));
    expect_holds(seal(turned, {.memory_bytes = 1 << 20, .scratch = &scratch, .durable = false}),
                 matrix);
    EXPECT_GT(*scratch.size(), 0u);
}

TEST(SealedDataset, EveryKindOfAnnotationComesBackAsItWas) {
    AnnotatedData data = rich_dataset();
    const Bytes bytes = seal(data);
    const auto dataset = open(bytes, false);
    ASSERT_NE(dataset, nullptr);
    const auto same = [](const Element& a, const Element& b) { return encode(a) == encode(b); };
    EXPECT_TRUE(same({*dataset->obs()}, {data.obs}));
    EXPECT_TRUE(same({*dataset->var()}, {data.var}));
    EXPECT_TRUE(same({**dataset->raw_var()}, {*data.raw_var}));
    EXPECT_TRUE(same({*dataset->annotations("obsm")}, {data.obsm}));
    EXPECT_TRUE(same({*dataset->annotations("obsp")}, {data.obsp}));
    EXPECT_TRUE(same({*dataset->annotations("varm")}, {data.varm}));
    EXPECT_TRUE(same({*dataset->annotations("varp")}, {data.varp}));
    EXPECT_TRUE(same({*dataset->annotations("uns")}, {data.uns}));
    EXPECT_TRUE(dataset->annotations("raw_varm")->empty());
    EXPECT_EQ(*dataset->cell_ids(), data.obs.index);
    EXPECT_EQ(*dataset->gene_ids(), data.var.index);
    EXPECT_EQ(dataset->obs_column_names().size(), data.obs.columns.size());
    EXPECT_TRUE(same({*dataset->obs_column("score")}, {data.obs.columns[1]}));
    EXPECT_EQ(dataset->obs_column("absent").error().code, ErrorCode::not_found);
    EXPECT_EQ(dataset->matrix("layers/absent").error().code, ErrorCode::not_found);
    EXPECT_TRUE(dataset->verify({}));
}

TEST(SealedDataset, LayersAndRawAreHeldBesideX) {
    const Matrix x = random_matrix({50, 30, 0.3, ValueType::float32, Values::log_normalised}, 1);
    const Matrix counts = random_matrix({50, 30, 0.3, ValueType::int32}, 2);
    const Matrix raw = random_matrix({50, 40, 0.3}, 3);
    AnnotatedData data = dataset_of(x, Unit::normalised);
    data.matrices.push_back(
        {"layers/counts", Unit::counts, source_of(counts, Order::by_cell, true)});
    data.matrices.push_back({"raw.X", Unit::counts, source_of(raw, Order::by_cell, false)});
    data.raw_var.emplace();
    for (int i = 0; i < 40; ++i) data.raw_var->index.push_back(std::to_string(i));
    const auto dataset = open(seal(data));
    ASSERT_NE(dataset, nullptr);
    expect_equal(**dataset->matrix("X"), x);
    expect_equal(**dataset->matrix("layers/counts"), counts);
    expect_equal(**dataset->matrix("raw.X"), raw);
    const DatasetSummary& summary = dataset->summary();
    ASSERT_EQ(summary.matrices.size(), 3u);
    EXPECT_EQ(summary.find("raw.X")->genes, 40u);
    EXPECT_TRUE(summary.find("layers/counts")->whole_numbers);
    EXPECT_FALSE(summary.find("X")->whole_numbers);
    EXPECT_EQ(summary.find("X")->unit, Unit::normalised);
    EXPECT_TRUE(dataset->verify({}));
}

TEST(SealedDataset, SumsOverCellsEqualTheTotalsOfTheirComplement) {
    const Matrix matrix = random_matrix({900, 60, 0.3}, 21);
    AnnotatedData data = dataset_of(matrix);
    const auto dataset = open(seal(data));
    const auto x = *dataset->matrix("X");
    std::vector<std::uint32_t> even, odd;
    for (std::uint32_t cell = 0; cell < 900; ++cell) (cell % 2 == 0 ? even : odd).push_back(cell);
    const GeneSums all = *x->totals(), a = *x->sums(even), b = *x->sums(odd);
    for (std::size_t gene = 0; gene < 60; ++gene) {
        EXPECT_EQ(a.sum[gene] + b.sum[gene], all.sum[gene]);
        EXPECT_EQ(a.sum_of_squares[gene] + b.sum_of_squares[gene], all.sum_of_squares[gene]);
        EXPECT_EQ(a.nonzeros[gene] + b.nonzeros[gene], all.nonzeros[gene]);
    }
    EXPECT_EQ(a.cells, 450u);
    EXPECT_EQ(x->sums(std::vector<std::uint32_t>{3, 3}).error().code, ErrorCode::invalid_input);
    EXPECT_EQ(x->sums(std::vector<std::uint32_t>{900}).error().code, ErrorCode::invalid_input);
}

TEST(SealedDataset, SumsOfNormalisedValuesDoNotDependOnTheOrderOfCells) {
    for (const Values values : {Values::log_normalised, Values::scaled}) {
        const Matrix matrix = random_matrix({600, 40, 0.5, ValueType::float32, values}, 22);
        AnnotatedData data = dataset_of(matrix);
        const auto x = *open(seal(data))->matrix("X");
        std::vector<std::uint32_t> cells(600);
        for (std::uint32_t i = 0; i < 600; ++i) cells[i] = 599 - i;
        const GeneSums sums = *x->sums(cells), totals = *x->totals();
        EXPECT_EQ(sums.sum, totals.sum);
        EXPECT_EQ(sums.sum_of_squares, totals.sum_of_squares);
        EXPECT_EQ(sums.nonzeros, totals.nonzeros);
    }
}

TEST(SealedDataset, AGeneSetMeanIsTheMeanOfItsGenes) {
    const Matrix matrix = random_matrix({80, 20, 0.5}, 23);
    AnnotatedData data = dataset_of(matrix);
    const auto x = *open(seal(data))->matrix("X");
    std::vector<float> mean(80), first(80), second(80);
    ASSERT_TRUE(x->read_gene_set_mean(std::vector<std::uint32_t>{4, 17}, mean));
    ASSERT_TRUE(x->read_gene_dense(4, first));
    ASSERT_TRUE(x->read_gene_dense(17, second));
    for (std::size_t i = 0; i < 80; ++i) EXPECT_EQ(mean[i], (first[i] + second[i]) / 2);
    GeneColumn column;
    EXPECT_EQ(x->read_gene(20, column).error().code, ErrorCode::invalid_input);
}

/// The output of the sample program beside this test, on that many threads.
Bytes sealed_on(int threads) {
    const fs::path program = fs::read_symlink("/proc/self/exe").parent_path() / "seal_sample";
    const fs::path path = fs::temp_directory_path() / ("stroma_seal_" + std::to_string(::getpid()) +
                                                       "_" + std::to_string(threads));
    const std::string command = "STROMA_THREADS=" + std::to_string(threads) + " '" +
                                program.string() + "' '" + path.string() + "'";
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    const std::string text = read_file(path).value_or("");
    fs::remove(path);
    return to_bytes(text);
}

TEST(SealedDataset, TheBytesDoNotDependOnTheNumberOfThreads) {
    const Bytes one = sealed_on(1);
    EXPECT_GT(one.size(), 1000u);
    EXPECT_EQ(one, sealed_on(2));
    EXPECT_EQ(one, sealed_on(5));
}

}  // namespace
}  // namespace stroma::expression
