#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "base/digest.h"
#include "expression/sealed/annotations_codec.h"
#include "expression/sealed_samples.h"

namespace stroma::expression {
namespace {

using namespace samples;

/// Everything that can be read from a dataset, or the first error.
Result<std::string> read_all(Bytes bytes, bool mapped) {
    const auto dataset = TRY(SealedDataset::open(reader_of(std::move(bytes), mapped)));
    ContentHash hash;
    hash.update(encode(Element{TRY(dataset->obs())}));
    hash.update(encode(Element{TRY(dataset->var())}));
    for (const std::string_view which : {"obsm", "varm", "obsp", "varp", "uns"})
        hash.update(encode(Element{TRY(dataset->annotations(which))}));
    for (const MatrixSummary& summary : dataset->summary().matrices) {
        const auto matrix = TRY(dataset->matrix(summary.name));
        const double numbers[] = {summary.sum, summary.min, summary.max};
        hash.update(std::as_bytes(std::span(numbers)));
        const std::vector<std::uint32_t> lengths = TRY(matrix->cell_lengths());
        const std::vector<double> cell_totals = TRY(matrix->cell_totals());
        hash.update(std::as_bytes(std::span(lengths)));
        hash.update(std::as_bytes(std::span(cell_totals)));
        std::vector<std::uint32_t> cells(matrix->cell_count());
        std::iota(cells.begin(), cells.end(), 0);
        LineBlock block;
        TRY(matrix->read_cells(cells, block));
        hash.update(std::as_bytes(std::span(block.places)));
        hash.update(block.values);
        const GeneSums totals = TRY(matrix->totals());
        hash.update(std::as_bytes(std::span(totals.sum)));
        const GeneSums sums = TRY(matrix->sums(cells));
        hash.update(std::as_bytes(std::span(sums.sum)));
        for (std::uint32_t gene = 0; gene < matrix->gene_count(); ++gene) {
            GeneColumn column;
            TRY(matrix->read_gene(gene, column));
            hash.update(std::as_bytes(std::span(column.cells)));
            hash.update(std::as_bytes(std::span(column.values)));
        }
    }
    return hash.hex();
}

Bytes sample_file(std::uint64_t seed = 1) {
    AnnotatedData data = rich_dataset();
    data.matrices.clear();
    for (const Values values : {Values::counts, Values::log_normalised, Values::scaled})
        data.matrices.push_back(
            {"layers/" + std::to_string(static_cast<int>(values)), Unit::unknown,
             source_of(random_matrix({4, 3, 0.9, ValueType::float32, values}, seed), Order::by_cell,
                       true)});
    return seal(data);
}

void expect_error_or_truth(const Bytes& damaged, const std::string& truth) {
    for (const bool mapped : {true, false}) {
        const auto read = read_all(damaged, mapped);
        if (read)
            EXPECT_EQ(*read, truth);
        else
            EXPECT_EQ(read.error().code, ErrorCode::corrupt) << read.error().message;
    }
}

TEST(SealedDamage, AFlippedBitAnywhereIsAnErrorOrChangesNothing) {
    const Bytes file = sample_file();
    const std::string truth = *read_all(file, true);
    std::mt19937 random(5);
    for (std::size_t at = 0; at < file.size(); at += 1 + random() % 8) {
        Bytes damaged = file;
        damaged[at] ^= static_cast<std::byte>(1 << random() % 8);
        expect_error_or_truth(damaged, truth);
        const auto dataset = SealedDataset::open(reader_of(std::move(damaged)));
        EXPECT_TRUE(!dataset || !(*dataset)->verify({})) << "verify missed byte " << at;
    }
}

TEST(SealedDamage, ACutOrExtendedFileIsAnError) {
    const Bytes file = sample_file();
    for (std::size_t size = 0; size < file.size(); size += 1 + size / 50) {
        EXPECT_EQ(read_all(Bytes(file.begin(), file.begin() + size), true).error().code,
                  ErrorCode::corrupt);
        Bytes longer = file;
        longer.resize(file.size() + size + 1);
        EXPECT_EQ(read_all(longer, false).error().code, ErrorCode::corrupt);
    }
}

TEST(SealedDamage, SwappedAndStaleAndZeroedPiecesAreErrors) {
    const Bytes file = sample_file(1), other = sample_file(2);
    const std::string truth = *read_all(file, true);
    std::mt19937 random(6);
    for (int i = 0; i < 300; ++i) {
        const std::size_t size = 1 + random() % 200;
        const std::size_t a = random() % (file.size() - size), b = random() % (file.size() - size);
        Bytes swapped = file, stale = file, zeroed = file;
        std::copy_n(file.begin() + a, size, swapped.begin() + b);
        std::copy_n(file.begin() + b, size, swapped.begin() + a);
        expect_error_or_truth(swapped, truth);
        const std::size_t within = std::min(size, other.size() - std::min(other.size(), a));
        std::copy_n(other.begin() + std::min(other.size(), a), within, stale.begin() + a);
        expect_error_or_truth(stale, truth);
        std::fill_n(zeroed.begin() + a, size, std::byte{0});
        expect_error_or_truth(zeroed, truth);
    }
}

TEST(SealedDamage, TheMessageNamesSectionBlockAndOffset) {
    AnnotatedData data = dataset_of(random_matrix({50, 40, 0.5}, 1));
    Bytes file = seal(data);
    const auto intact = SealedDataset::open(reader_of(file));
    ASSERT_TRUE(intact);
    // The first byte of X's cells lies behind all annotations; find it by trying.
    for (std::size_t at = 32; at < file.size(); at += 16) {
        Bytes damaged = file;
        damaged[at] ^= std::byte{1};
        const auto dataset = SealedDataset::open(reader_of(damaged));
        if (!dataset) continue;
        LineBlock block;
        const auto read =
            (*(*dataset)->matrix("X"))->read_cells(std::vector<std::uint32_t>{0}, block);
        if (read) continue;
        EXPECT_NE(read.error().message.find("section 'matrix/0/by_cell', block 0 (at byte "),
                  std::string::npos)
            << read.error().message;
        return;
    }
    FAIL() << "no byte of X's cells was found";
}

TEST(SealedDamage, ALaterFormatVersionIsRefusedByName) {
    Bytes file = sample_file();
    store(file.data() + 8, std::uint32_t{7});
    store(file.data() + 24, checksum64({file.data(), 24}));
    const auto read = read_all(file, true);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().message.find("format version 7; this program reads up to version 1"),
              std::string::npos)
        << read.error().message;
}

TEST(SealedDamage, WhatIsNoSealedDatasetIsRefused) {
    EXPECT_EQ(read_all({}, true).error().code, ErrorCode::corrupt);
    EXPECT_NE(read_all(Bytes(5000), false).error().message.find("not a sealed dataset"),
              std::string::npos);
}

}  // namespace
}  // namespace stroma::expression
