#include "expression/mtx/mtx_reader.h"

#include <gtest/gtest.h>

#include "expression/text/memory_files.h"

namespace stroma::expression {
namespace {

using Texts = std::map<std::string, std::string>;

const std::string header = "%%MatrixMarket matrix coordinate integer general\n";
const Texts small = {{"barcodes.tsv", "AAA-1\nCCC-1\n"},
                     {"genes.tsv", "g1\tTP53\ng2\tACTB\ng3\tCD4\n"},
                     {"matrix.mtx", header + "%c\n3 2 3\n1 1 5\n3 1 7\n2 2 9\n"}};

Result<AnnotatedData> read(MemoryFiles& files, const ReadOptions& options = {}) {
    return make_mtx_reader()->read(files, options);
}

Texts with_matrix(std::string text) {
    Texts files = small;
    files["matrix.mtx"] = std::move(text);
    return files;
}

std::string error_of(std::string matrix) {
    MemoryFiles files("m", with_matrix(std::move(matrix)));
    const auto data = read(files);
    return data ? "" : std::string(name_of(data.error().code)) + ": " + data.error().message;
}

LineBlock all_lines(MatrixSource& source) {
    LineBlock block;
    const auto read = source.read_lines(0, source.line_count(), block);
    EXPECT_TRUE(read) << read.error().message;
    return block;
}

TEST(MtxReader, ATenXFolderGivesItsCellsGenesAndCounts) {
    MemoryFiles files("m", small);
    ASSERT_TRUE(make_mtx_reader()->recognises(files));
    auto data = read(files);
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_EQ(data->obs.index, (TextArray{"AAA-1", "CCC-1"}));
    EXPECT_EQ(data->var.index, (TextArray{"g1", "g2", "g3"}));
    EXPECT_EQ(data->var.find("feature_name")->text(1), "ACTB");
    MatrixSource& x = *data->matrices[0].source;
    EXPECT_EQ(data->matrices[0].unit, Unit::counts);
    EXPECT_EQ(x.order(), Order::by_cell);
    EXPECT_EQ(x.value_type(), ValueType::int32);
    const LineBlock block = all_lines(x);
    EXPECT_EQ(block.starts, (std::vector<std::uint64_t>{0, 2, 3}));
    EXPECT_EQ(block.places, (std::vector<std::uint32_t>{0, 2, 1}));
    EXPECT_EQ(block.values_as<std::int32_t>()[1], 7);
}

TEST(MtxReader, CarriageReturnsTabsCommentsAndBlankLinesAreAccepted) {
    MemoryFiles files("m", with_matrix("%%MatrixMarket matrix coordinate real general\r\n% x\r\n"
                                       "\r\n3 2 2\r\n1\t1\t0.5\r\n\r\n 3 2 2e1\r\n"));
    auto data = read(files);
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_EQ(data->matrices[0].unit, Unit::normalised);
    EXPECT_EQ(data->matrices[0].source->value_type(), ValueType::float32);
    EXPECT_EQ(all_lines(*data->matrices[0].source).values_as<float>()[1], 20);
}

TEST(MtxReader, PatternEntriesAreOnesAndOtherKindsAreRefused) {
    MemoryFiles files("m", with_matrix("%%MatrixMarket matrix coordinate pattern general\n3 2 1\n"
                                       "2 1\n"));
    EXPECT_EQ(all_lines(*read(files)->matrices[0].source).values_as<std::int32_t>()[0], 1);
    EXPECT_NE(error_of("%%MatrixMarket matrix coordinate complex general\n3 2 0\n").find("complex"),
              std::string::npos);
    EXPECT_NE(
        error_of("%%MatrixMarket matrix coordinate real symmetric\n3 2 0\n").find("symmetric"),
        std::string::npos);
    EXPECT_NE(error_of("%%MatrixMarket matrix array real general\n3 2\n").find("array"),
              std::string::npos);
}

TEST(MtxReader, AWrongNumberOfEntriesIsRefusedBothWays) {
    EXPECT_NE(error_of(header + "3 2 2\n1 1 1\n").find("holds 1 entries; its header says 2"),
              std::string::npos);
    EXPECT_NE(error_of(header + "3 2 1\n1 1 1\n2 1 1\n").find("more entries than the 1"),
              std::string::npos);
}

TEST(MtxReader, ABadEntryIsNamedByItsLine) {
    EXPECT_NE(error_of(header + "3 2 1\n0 1 1\n").find("line 3 has index 0"), std::string::npos);
    EXPECT_NE(error_of(header + "3 2 2\n1 1 1\n4 1 1\n").find("line 4 has row 4"),
              std::string::npos);
    EXPECT_NE(error_of(header + "3 2 1\n1 3 1\n").find("line 3 has column 3"), std::string::npos);
    EXPECT_NE(error_of(header + "3 2 1\n1 1 nan\n").find("line 3"), std::string::npos);
    EXPECT_NE(error_of(header + "3 2 1\n1 1 1.5\n").find("says integer"), std::string::npos);
    EXPECT_NE(error_of(header + "3 2 1\n1 1 1 9\n").find("line 3 holds more"), std::string::npos);
}

TEST(MtxReader, CellsByGenesIsAcceptedWhenOnlyThatFits) {
    MemoryFiles files("m", with_matrix(header + "2 3 2\n1 3 5\n2 1 6\n"));
    auto data = read(files);
    ASSERT_TRUE(data) << data.error().message;
    const LineBlock block = all_lines(*data->matrices[0].source);
    EXPECT_EQ(block.places, (std::vector<std::uint32_t>{2, 0}));
    ASSERT_EQ(data->notes.size(), 1u);
    EXPECT_NE(error_of(header + "4 4 0\n").find("3 genes and 2 cells"), std::string::npos);
}

TEST(MtxReader, EntriesByGeneAndInNoOrderGiveTheSameMatrix) {
    MemoryFiles by_gene("m", with_matrix(header + "3 2 3\n1 1 5\n2 2 9\n3 1 7\n"));
    auto data = read(by_gene);
    EXPECT_EQ(data->matrices[0].source->order(), Order::by_gene);
    EXPECT_EQ(all_lines(*data->matrices[0].source).places, (std::vector<std::uint32_t>{0, 1, 0}));
    MemoryFiles mixed("m", with_matrix(header + "3 2 3\n2 2 9\n3 1 7\n1 1 5\n"));
    auto again = read(mixed);
    EXPECT_EQ(again->matrices[0].source->order(), Order::by_cell);
    // Inside a cell in the file's order: the store's writer sorts.
    EXPECT_EQ(all_lines(*again->matrices[0].source).places, (std::vector<std::uint32_t>{2, 0, 1}));
}

TEST(MtxReader, ABareFileHasNumberedCellsAndGenes) {
    MemoryFiles files("x.mtx", header + "3 2 1\n1 1 1\n");
    auto data = read(files);
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_EQ(data->obs.index, (TextArray{"cell_1", "cell_2"}));
    EXPECT_EQ(data->matrices[0].source->gene_count(), 3u);
    auto turned = read(files, {.orientation = "cells-are-rows"});
    EXPECT_EQ(turned->matrices[0].source->gene_count(), 2u);
}

TEST(MtxReader, AHeaderThatPromisesBillionsOfCellsIsRefused) {
    MemoryFiles files("x.mtx", header + "16000000 2000000000 0\n");
    EXPECT_EQ(read(files).error().code, ErrorCode::exhausted);
}

TEST(MtxReader, SizesThatNoTableVouchesForAreBornOutByValues) {
    const auto code_of = [](const std::string& sizes) {
        MemoryFiles files("x.mtx", header + sizes + "\n1 1 5\n3 1 7\n2 2 9\n");
        const auto data = read(files);
        return data ? "read" : std::string(name_of(data.error().code));
    };
    EXPECT_EQ(code_of("6 3333332 3"), "exhausted");
    EXPECT_EQ(code_of("3333332 6 3"), "exhausted");
    EXPECT_EQ(code_of("6 262138 3"), "read");
    EXPECT_EQ(code_of("6 262185 3"), "read");
    EXPECT_EQ(code_of("6 262186 3"), "exhausted");
    // Values that aren't there: nothing is made for their lines.
    EXPECT_EQ(code_of("6 3333332 3000000"), "invalid_input");
    // A table vouches for as many as it has.
    MemoryFiles folder("m", with_matrix(header + "3 2 0\n"));
    EXPECT_TRUE(read(folder));
}

TEST(MtxReader, ServiceFoldersBringTheirCellsTable) {
    Texts texts = small;
    texts["cells.tsv"] = "cellkey\ttotal_umis\tbarcode\nk1\t12\tAAA-1\nk2\t9\tCCC-1\n";
    MemoryFiles files("m", texts);
    auto data = read(files);
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_EQ(data->obs.index, (TextArray{"AAA-1", "CCC-1"}));
    EXPECT_EQ(data->obs.find("cellkey")->text(1), "k2");
    EXPECT_EQ(data->obs.find("total_umis")->text(0), "12");
    files.files()["barcodes.tsv"] = "\n\n";
    files.files()["cells.tsv"] = "cellkey\tx\nk1\t1\nk2\t2\n";
    auto smart = read(files);
    ASSERT_TRUE(smart) << smart.error().message;
    EXPECT_EQ(smart->obs.index, (TextArray{"k1", "k2"}));
}

}  // namespace
}  // namespace stroma::expression
