#include "load/hca/rsem.h"

#include <gtest/gtest.h>

#include "expression/text/memory_files.h"

namespace stroma::loading {
namespace {

const std::map<std::string, std::string> tables = {
    {"c_rsem.genes.results",
     "gene_id\ttranscript_id(s)\tlength\teffective_length\texpected_count\tTPM\tFPKM\n"
     "ENSG00000000003.14\tENST1\t100.00\t90.00\t2.50\t10.00\t8.00\n"
     "ENSG00000182378.13\tENST2\t50\t40\t0.00\t0.00\t0\n"
     "ENSG00000182378.13_PAR_Y\tENST3\t50\t40\t4.00\t20.00\t0\n"},
    {"c_rsem.isoforms.results",
     "transcript_id\tgene_id\tlength\teffective_length\texpected_count\tTPM\tFPKM\tIsoPct\n"
     "ENST00000373020.8\tENSG00000000003.14\t100\t90\t2.50\t10.00\t8.00\t100.00\n"}};

TEST(Rsem, GenesAndTranscriptsKeepTheirIdsCountsAndTpm) {
    expression::MemoryFiles files("c", tables);
    auto data = read_rsem(files, "c_rsem.genes.results", "c_rsem.isoforms.results", "cell");
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_EQ(data->obs.index[0], "cell");
    EXPECT_EQ(data->var.index,
              (expression::TextArray{"ENSG00000000003.14", "ENSG00000182378.13",
                                     "ENSG00000182378.13_PAR_Y", "ENST00000373020.8"}));
    EXPECT_EQ(data->var.find("isgene")->text(3), "False");
    expression::LineBlock block;
    ASSERT_TRUE(data->find("X")->source->read_lines(0, 1, block));
    EXPECT_EQ(block.places, (std::vector<std::uint32_t>{0, 2, 3}));
    EXPECT_EQ(block.values_as<float>()[0], 2.5f);
    ASSERT_TRUE(data->find("layers/tpm")->source->read_lines(0, 1, block));
    EXPECT_EQ(block.values_as<float>()[1], 20);
    EXPECT_EQ(data->find("X")->unit, expression::Unit::expected_counts);
}

TEST(Rsem, AValueThatIsNoNumberIsNamedByItsLine) {
    auto broken = tables;
    broken["c_rsem.genes.results"].replace(broken["c_rsem.genes.results"].find("4.00"), 4, "-1  ");
    expression::MemoryFiles files("c", broken);
    const auto data = read_rsem(files, "c_rsem.genes.results", std::nullopt, "cell");
    ASSERT_FALSE(data);
    EXPECT_NE(data.error().message.find("line 4"), std::string::npos) << data.error().message;
}

}  // namespace
}  // namespace stroma::loading
