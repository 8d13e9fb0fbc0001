#include "expression/csv/csv_reader.h"

#include <gtest/gtest.h>

#include "expression/text/memory_files.h"

namespace stroma::expression {
namespace {

Result<AnnotatedData> read(MemoryFiles& files, const ReadOptions& options = {}) {
    return make_csv_reader()->read(files, options);
}

LineBlock all_lines(MatrixSource& source) {
    LineBlock block;
    const auto read_all = source.read_lines(0, source.line_count(), block);
    EXPECT_TRUE(read_all) << read_all.error().message;
    return block;
}

std::string error_of(const std::string& text) {
    MemoryFiles files("t.csv", text);
    const auto data = read(files);
    return data ? "" : std::string(name_of(data.error().code)) + ": " + data.error().message;
}

TEST(CsvReader, CellsInRowsAreReadByCell) {
    MemoryFiles files("t.csv", std::string("cell,g1,g2,g3\nc1,0,2,0\nc2,1,0,30\n"));
    ASSERT_TRUE(make_csv_reader()->recognises(files));
    auto data = read(files);
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_EQ(data->obs.index, (TextArray{"c1", "c2"}));
    EXPECT_EQ(data->var.index, (TextArray{"g1", "g2", "g3"}));
    MatrixSource& x = *data->matrices[0].source;
    EXPECT_EQ(x.order(), Order::by_cell);
    for (int pass = 0; pass < 2; ++pass) {
        const LineBlock block = all_lines(x);
        EXPECT_EQ(block.starts, (std::vector<std::uint64_t>{0, 1, 3}));
        EXPECT_EQ(block.places, (std::vector<std::uint32_t>{1, 0, 2}));
        EXPECT_EQ(block.values_as<std::int32_t>()[2], 30);
    }
}

TEST(CsvReader, GenesInRowsAreDetectedByTheirIdsAndSaid) {
    MemoryFiles files("t.tsv", std::string("AAACCCGGGTTT-1\tCCCGGGTTTAAA-1\n"
                                           "ENSG00000000003\t1.5\t0\nENSG00000000005\t0\t2\n"));
    auto data = read(files);
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_EQ(data->obs.index[0], "AAACCCGGGTTT-1");
    EXPECT_EQ(data->matrices[0].source->order(), Order::by_gene);
    EXPECT_EQ(data->matrices[0].source->value_type(), ValueType::float32);
    EXPECT_NE(data->notes[0].find("cells are columns (detected"), std::string::npos);
    auto turned = read(files, {.orientation = "cells-are-rows"});
    EXPECT_EQ(turned->obs.index[0], "ENSG00000000003");
}

TEST(CsvReader, QuotedIdsAndCarriageReturnsAreAccepted) {
    MemoryFiles files("t.csv", std::string("\"\",\"g,1\",g2\r\n\"c 1\",1,\"2\"\r\n\r\nc2,0,0\r\n"));
    auto data = read(files);
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_EQ(data->var.index, (TextArray{"g,1", "g2"}));
    EXPECT_EQ(data->obs.index, (TextArray{"c 1", "c2"}));
    EXPECT_EQ(all_lines(*data->matrices[0].source).places, (std::vector<std::uint32_t>{0, 1}));
}

TEST(CsvReader, ALineWithAFieldTooManyIsNamed) {
    EXPECT_NE(error_of("cell,a,b\nc1,1,2\nc2,1,2,3\n").find("line 3 has 4 fields; 3 are due"),
              std::string::npos);
    EXPECT_NE(error_of("cell,a,b\nc1,1,2\nc2,1\n").find("line 3 has 2 fields"), std::string::npos);
}

TEST(CsvReader, WhatIsNoNumberIsNamedByLineAndField) {
    EXPECT_NE(error_of("cell,a,b\nc1,1,x\n").find("line 2 has 'x' in field 3"), std::string::npos);
    EXPECT_NE(error_of("cell,a,b\nc1,1,\n").find("line 2"), std::string::npos);
    EXPECT_NE(error_of("cell,a,b\nc1,1,nan\n").find("line 2"), std::string::npos);
    EXPECT_NE(error_of(std::string("cell,a\nc1,1\0\n", 13)).find("not UTF-8"), std::string::npos);
    EXPECT_NE(error_of("cell,a\n\xff,1\n").find("not UTF-8"), std::string::npos);
    EXPECT_NE(error_of("cell,a\nc1,1\nc1,2\n").find("'c1'"), std::string::npos);
}

TEST(CsvReader, ALongTableIsReadByItsHeader) {
    MemoryFiles files("t.psv", std::string("cellkey|featurekey|exprtype|exrpvalue\n"
                                           "c1|g2|Count|5\nc1|g\\|1|Count|7\nc2|g2|Count|1\n"));
    auto data = read(files);
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_EQ(data->obs.index, (TextArray{"c1", "c2"}));
    EXPECT_EQ(data->var.index, (TextArray{"g2", "g|1"}));
    const LineBlock block = all_lines(*data->matrices[0].source);
    EXPECT_EQ(block.places, (std::vector<std::uint32_t>{0, 1, 0}));
    EXPECT_EQ(block.values_as<std::int32_t>()[1], 7);
    EXPECT_EQ(data->matrices[0].unit, Unit::counts);
    MemoryFiles bad("t.psv", std::string("cell|gene|value\nc1|g1|1\nc1|g1\n"));
    EXPECT_NE(read(bad).error().message.find("line 3 has 2 fields"), std::string::npos);
}

/// 4,000 lines of a long table: ids of many lengths, every third value 0.5 more when asked for.
std::string long_table(bool quoted, std::string_view line_end, bool fractions) {
    std::string text = "barcode,symbol,count" + std::string(line_end);
    const std::string quote = quoted ? "\"" : "";
    for (int i = 0; i < 4000; ++i) {
        const std::string gene = std::string(i % 23, 'g') + std::to_string(i % 97);
        text += quote + "cell" + std::to_string(i / 90) + quote + "," + quote + gene + quote + "," +
                std::to_string(i * 7919 % 10'000'019) + (fractions && i % 3 == 0 ? ".5" : "") +
                std::string(line_end);
    }
    return text;
}

TEST(CsvReader, ALongTableIsTheSameHoweverItIsWritten) {
    for (const bool fractions : {false, true}) {
        MemoryFiles plain("t.csv", long_table(false, "\n", fractions));
        MemoryFiles quoted("t.csv", long_table(true, "\n", fractions));
        MemoryFiles returns("t.csv", long_table(false, "\r\n", fractions));
        auto data = read(plain);
        ASSERT_TRUE(data) << data.error().message;
        EXPECT_EQ(data->obs.index.size(), 45u);
        EXPECT_EQ(data->obs.index[44], "cell44");
        const LineBlock wanted = all_lines(*data->matrices[0].source);
        EXPECT_EQ(wanted.places.size(), 4000u);
        for (MemoryFiles* files : {&quoted, &returns}) {
            auto other = read(*files);
            ASSERT_TRUE(other) << other.error().message;
            EXPECT_EQ(other->obs.index, data->obs.index);
            EXPECT_EQ(other->var.index, data->var.index);
            const LineBlock got = all_lines(*other->matrices[0].source);
            EXPECT_EQ(got.starts, wanted.starts);
            EXPECT_EQ(got.places, wanted.places);
            EXPECT_EQ(got.values, wanted.values);
        }
    }
}

TEST(CsvReader, ALongTableMayHaveItsCellsInAnyOrder) {
    MemoryFiles files("t.csv", std::string("cell,gene,value\nb,x,1\na,y,2\nb,y,3\na,x,4\nb,z,5\n"));
    auto data = read(files);
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_EQ(data->obs.index, (TextArray{"b", "a"}));
    const LineBlock block = all_lines(*data->matrices[0].source);
    EXPECT_EQ(block.starts, (std::vector<std::uint64_t>{0, 3, 5}));
    EXPECT_EQ(block.places,
              (std::vector<std::uint32_t>{0, 1, 2, 1, 0}));  // in the file's order inside a cell
    EXPECT_EQ(block.values_as<std::int32_t>()[3], 2);
    EXPECT_EQ(block.values_as<std::int32_t>()[4], 4);
}

TEST(CsvReader, WhatIsWrongInALongTableIsNamedByItsLine) {
    std::string text = "cell,gene,value\n";
    for (int i = 0; i < 5000; ++i) text += "c" + std::to_string(i / 50) + ",g,1\n\n";
    EXPECT_NE(error_of(text + "c,g,1x\nc,g,2\n").find("line 10002 has the value '1x'"),
              std::string::npos);
    EXPECT_NE(error_of(text + "c,g\nc,g,2\n").find("line 10002 has 2 fields; the header has 3"),
              std::string::npos);
    EXPECT_NE(error_of(text + "c,\xff,1\nc,g,2\n").find("line 10002 holds bytes"),
              std::string::npos);
    EXPECT_NE(error_of(text + "c,g,99999999999999999999\n").find("line 10002"), std::string::npos);
}

TEST(CsvReader, TheServicesOwnLongTableNeedsNoHeader) {
    MemoryFiles files("expression.psv", std::string("k1|ENSG1|Count|3\nk1|ENSG2|Count|1\n"));
    auto data = read(files);
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_EQ(data->var.index, (TextArray{"ENSG1", "ENSG2"}));
    EXPECT_EQ(all_lines(*data->matrices[0].source).places.size(), 2u);
}

TEST(CsvReader, AServiceFolderBringsItsTables) {
    MemoryFiles files("r.csv",
                      std::map<std::string, std::string>{
                          {"x.csv/expression.csv", "cellkey,g1,g2\nk1,1,0\nk2,0,2\n"},
                          {"x.csv/cells.csv", "cellkey,total_umis,organ\nk2,2,blood\nk1,1,lung\n"},
                          {"x.csv/genes.csv", "featurekey,featurename\ng1,TP53\ng2,CD4\n"}});
    auto data = read(files);
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_EQ(data->obs.find("organ")->text(0), "lung");
    EXPECT_EQ(data->var.find("featurename")->text(1), "CD4");
}

}  // namespace
}  // namespace stroma::expression
