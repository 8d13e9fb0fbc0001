#include "load/hca/hca_metadata.h"

#include <gtest/gtest.h>

#include "expression/text/memory_files.h"
#include "load/hca/hca_manifest.h"

namespace stroma::loading {
namespace {

std::string entity(const std::string& type, const std::string& id, const std::string& more) {
    return R"({"describedBy":"https://schema.humancellatlas.org/type/biomaterial/1.0.0/)" + type +
           R"(","provenance":{"document_id":")" + id + R"("})" + (more.empty() ? "" : "," + more) +
           "}";
}

/// Two donors give two specimens; both become one suspension.
std::map<std::string, std::string> pooled() {
    return {
        {"donor_organism_0.json", entity("donor_organism", "d2", R"("sex":"male")")},
        {"donor_organism_1.json", entity("donor_organism", "d1", R"("sex":"female")")},
        {"specimen_from_organism_0.json",
         entity("specimen_from_organism", "s1", R"("organ":{"ontology":"UBERON:1","text":"x"})")},
        {"specimen_from_organism_1.json",
         entity("specimen_from_organism", "s2", R"("organ":{"ontology":"UBERON:1","text":"x"})")},
        {"cell_suspension_0.json", entity("cell_suspension", "c1", "")},
        {"links.json",
         R"({"links":[{"process":"p1","inputs":["d2"],"outputs":["s1"],"protocols":[]},
             {"process":"p2","inputs":["d1"],"outputs":["s2"]},
             {"process":"p3","inputs":["s1","s2"],"outputs":["c1"],
              "protocols":[{"protocol_type":"x","protocol_id":"q"}]},
             {"process":"p3","inputs":["s1","s2"],"outputs":["c1"]}]})"}};
}

std::string text(const warehouse::Row& row, const char* column) {
    return std::get<std::string>(row.at(column));
}

TEST(HcaMetadata, EveryEntityIsKeptAndTheOldViewIsBlankWhereTheyDisagree) {
    expression::MemoryFiles files("b", pooled());
    auto metadata = read_hca_metadata(files, {});
    ASSERT_TRUE(metadata) << metadata.error().message;
    ASSERT_EQ(metadata->rows["donor"].size(), 2u);
    EXPECT_EQ(text(metadata->rows["donor"][0], "sex"), "female");
    EXPECT_EQ(text(metadata->compatibility["donor"], "donorkey"), "d1");
    EXPECT_EQ(text(metadata->compatibility["donor"], "sex"), "");
    EXPECT_EQ(text(metadata->compatibility["specimen"], "organ_label"), "x");
    EXPECT_EQ(text(metadata->compatibility["specimen"], "donorkey"), "d1");
}

TEST(HcaMetadata, RelationsFollowTheArrowsOfLinks) {
    expression::MemoryFiles files("b", pooled());
    auto metadata = read_hca_metadata(files, {});
    EXPECT_EQ(text(metadata->rows["specimen"][0], "donorkey"), "d2");
    EXPECT_EQ(text(metadata->rows["specimen"][1], "donorkey"), "d1");
    EXPECT_EQ(text(metadata->rows["cell_suspension"][0], "specimenkey"), "s1");
    ASSERT_EQ(metadata->links.size(), 4u);
    EXPECT_EQ(metadata->links[2].protocols, (std::vector<std::string>{"q"}));
}

TEST(HcaMetadata, LabelsComeFromTheFileElseTheTableElseTheText) {
    auto files_of = [](const std::string& term) {
        return std::map<std::string, std::string>{
            {"donor_organism_0.json",
             entity("donor_organism", "d", R"("diseases":[)" + term + "]")}};
    };
    const auto labels = OntologyLabels::parse("# table\nMONDO:1\tfrom table\n");
    const auto label = [&](const std::string& term) {
        expression::MemoryFiles files("b", files_of(term));
        return text(read_hca_metadata(files, labels)->compatibility["donor"], "diseases_label");
    };
    EXPECT_EQ(label(R"({"ontology":"MONDO:1","ontology_label":"own","text":"t"})"), "own");
    EXPECT_EQ(label(R"({"ontology":"MONDO_1","text":"t"})"), "from table");
    EXPECT_EQ(label(R"({"ontology":"MONDO:2","text":"t"})"), "t");
    EXPECT_EQ(label(R"({"text":"a"},{"text":"b"})"), "a;b");
    EXPECT_EQ(OntologyLabels::shipped().find("PATO:0000461"), "normal");
}

TEST(HcaMetadata, CellLinesAndOrganoidsNameTheDerivedOrgan) {
    auto files = pooled();
    files["cell_line_0.json"] =
        entity("cell_line", "l", R"("model_organ":{"ontology":"UBERON:2","text":"blood"})");
    expression::MemoryFiles lines("b", files);
    auto metadata = read_hca_metadata(lines, {});
    EXPECT_EQ(text(metadata->compatibility["cell_suspension"], "derived_organ_ontology"),
              "UBERON:2 (cell line)");
    files["organoid_0.json"] =
        entity("organoid", "o", R"("model_organ":{"ontology":"UBERON:3","text":"brain"})");
    expression::MemoryFiles organoids("b", files);
    auto again = read_hca_metadata(organoids, {});
    EXPECT_EQ(text(again->compatibility["cell_suspension"], "derived_organ_label"),
              "brain (organoid)");
}

TEST(HcaMetadata, VersionFiveFilesAreRead) {
    const std::map<std::string, std::string> texts = {
        {"biomaterial.json",
         R"({"schema_type":"biomaterial_bundle","biomaterials":[{"hca_ingest":{"document_id":"d"},
             "content":{"describedBy":"https://schema/type/biomaterial/5.0.0/donor_organism",
                        "biological_sex":"female","is_living":true}}]})"},
        {"project.json",
         R"({"hca_ingest":{"document_id":"p"},
             "content":{"describedBy":"https://schema/type/project/5.0.0/project",
                        "project_core":{"project_shortname":"short","project_title":"T"}}})"}};
    expression::MemoryFiles files("b", texts);
    auto metadata = read_hca_metadata(files, {});
    ASSERT_TRUE(metadata) << metadata.error().message;
    EXPECT_EQ(text(metadata->compatibility["donor"], "sex"), "female");
    EXPECT_EQ(text(metadata->compatibility["donor"], "is_living"), "yes");
    EXPECT_EQ(text(metadata->compatibility["project"], "short_name"), "short");
}

TEST(HcaMetadata, AFileThatIsNoJsonIsNamed) {
    auto texts = pooled();
    texts["donor_organism_1.json"] = "{";
    expression::MemoryFiles files("b", texts);
    const auto metadata = read_hca_metadata(files, {});
    ASSERT_FALSE(metadata);
    EXPECT_NE(metadata.error().message.find("donor_organism_1.json"), std::string::npos);
}

TEST(HcaManifest, AStoreAnswerIsParsedWithItsFiles) {
    const std::string sha(64, 'A');
    const auto manifest = parse_hca_manifest(
        R"({"bundle":{"uuid":"u","version":"v","creator_uid":1,"files":[{"name":"a.json",
            "content-type":"application/json; dcp-type=\"metadata/file\"","uuid":"f","version":"w",
            "size":3,"sha256":")" +
        sha + R"(","indexed":true}]}})");
    ASSERT_TRUE(manifest) << manifest.error().message;
    EXPECT_EQ(manifest->fqid(), "u.v");
    EXPECT_TRUE(manifest->files[0].is_metadata());
    EXPECT_EQ(manifest->files[0].sha256, std::string(64, 'a'));
    EXPECT_FALSE(parse_hca_manifest("{}"));
    EXPECT_FALSE(parse_hca_manifest(R"({"uuid":"u","version":"v","files":[{"name":"../x"}]})"));
}

TEST(HcaManifest, NamesAreComparedWithoutTheOldLevel) {
    EXPECT_EQ(hca_key("a.zarr!expression_matrix!expression!0.0"), "a.zarr!expression!0.0");
    EXPECT_EQ(hca_key("a.zarr/expression/0.0"), "a.zarr!expression!0.0");
}

}  // namespace
}  // namespace stroma::loading
