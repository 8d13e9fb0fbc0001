#include "load/hca/gtf.h"

#include <gtest/gtest.h>

#include "expression/text/memory_files.h"

namespace stroma::loading {
namespace {

const std::string lines =
    "##provider: GENCODE\n"
    "chr1\tENSEMBL\tgene\t17369\t17436\t.\t-\t.\tgene_id \"ENSG00000278267.1\"; "
    "gene_type \"miRNA\"; gene_name \"MIR6859-1\"; level 3;\n"
    "chr1\tENSEMBL\ttranscript\t17369\t17436\t.\t-\t.\tgene_id \"ENSG00000278267.1\"; "
    "transcript_id \"ENST00000619216.1\"; gene_type \"miRNA\"; gene_name \"MIR6859-1\"; "
    "transcript_type \"miRNA\"; transcript_name \"MIR6859-1-201\"; level 3;\n"
    "chr1\tENSEMBL\texon\t17369\t17436\t.\t-\t.\tgene_id \"ENSG00000278267.1\";\n"
    "chrY\tHAVANA\tgene\t1\t9\t.\t-\t.\tgene_id \"ENSG00000002586.18_PAR_Y\"; gene_name "
    "\"CD99\";\n";

std::string psv(const warehouse::Row& row) {
    const auto text = [&](const char* column) {
        const sql::Value& value = row.at(column);
        if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
        if (const auto* flag = std::get_if<bool>(&value))
            return std::string(*flag ? "True" : "False");
        return std::get<std::string>(value);
    };
    std::string out;
    for (const char* column : {"featurekey", "featurename", "featuretype", "chromosome",
                               "featurestart", "featureend", "isgene", "genus_species"})
        out += (out.empty() ? "" : "|") + text(column);
    return out;
}

TEST(Gtf, GenesAndTranscriptsBecomeFeatureRows) {
    expression::MemoryFiles files("a.gtf", lines);
    const auto features = read_gtf(files, "a.gtf", {});
    ASSERT_TRUE(features) << features.error().message;
    ASSERT_EQ(features->rows.size(), 3u);
    EXPECT_EQ(psv(features->rows[1]),
              "ENST00000619216|MIR6859-1-201|miRNA|chr1|17369|17436|False|Homo sapiens");
    EXPECT_EQ(std::get<std::string>(features->rows[2].at("featurekey")), "ENSG00000002586_PAR_Y");
}

TEST(Gtf, ALineThatIsNoGtfIsNamed) {
    expression::MemoryFiles files("a.gtf", lines + "chr1\tx\n");
    const auto features = read_gtf(files, "a.gtf", {});
    ASSERT_FALSE(features);
    EXPECT_NE(features.error().message.find("line 6 has fewer than 9"), std::string::npos);
}

}  // namespace
}  // namespace stroma::loading
