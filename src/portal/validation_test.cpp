#include "portal/validation.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/json.h"
#include "expression/sealed_samples.h"

namespace stroma::portal {
namespace {

using expression::AnnotatedData;
using expression::Column;
using expression::Dict;
using expression::Element;
using expression::TextArray;
using expression::TextGrid;

constexpr std::size_t cells = 6, genes = 4;

Column texts(std::string name, std::vector<std::string> values) {
    TextArray array;
    for (std::size_t row = 0; row < cells; ++row) array.push_back(values[row % values.size()]);
    return {std::move(name), std::move(array), std::nullopt};
}

Element text(std::string_view value) { return Element{TextGrid{{}, {value}}}; }

/// What the schema asks for, whole.
AnnotatedData good_dataset() {
    auto data = expression::samples::dataset_of(
        expression::samples::random_matrix({cells, genes, 0.9}, 7), expression::Unit::counts);
    data.obs.columns = {
        texts("assay_ontology_term_id", {"EFO:0009922"}),
        texts("cell_type_ontology_term_id", {"CL:0000236", "unknown"}),
        texts("development_stage_ontology_term_id", {"HsapDv:0000258"}),
        texts("disease_ontology_term_id", {"PATO:0000461", "MONDO:0000001 || MONDO:0000002"}),
        texts("donor_id", {"d1", "d2"}),
        texts("self_reported_ethnicity_ontology_term_id", {"HANCESTRO:0005"}),
        texts("sex_ontology_term_id", {"PATO:0000383"}),
        texts("suspension_type", {"cell"}),
        texts("tissue_type", {"tissue"}),
        texts("tissue_ontology_term_id", {"UBERON:0000178"}),
        {"is_primary_data",
         expression::Array{expression::ValueType::boolean, {cells}, Bytes(cells, std::byte{1})},
         std::nullopt}};
    data.var.index = TextArray();
    for (std::size_t gene = 0; gene < genes; ++gene)
        data.var.index.push_back("ENSG0000000000" + std::to_string(gene));
    data.var.columns = {
        {"feature_is_filtered",
         expression::Array{expression::ValueType::boolean, {genes}, Bytes(genes, std::byte{0})},
         std::nullopt}};
    auto places = expression::Array::of(std::vector<float>(cells * 2, 1.5F));
    places.shape = {cells, 2};
    data.obsm = {{"X_umap", Element{std::move(places)}}};
    data.uns.clear();
    data.uns.emplace_back("title", text("Six cells"));
    data.uns.emplace_back("organism_ontology_term_id", text("NCBITaxon:9606"));
    return data;
}

const std::vector<Profile>& profiles() {
    static const auto all = *read_profiles("");
    return all;
}

Json report_of(AnnotatedData& data, std::string_view profile = "cellxgene",
               const ontology::Terms& terms = {{}, {}}) {
    const auto sealed = expression::SealedDataset::open(
        expression::samples::reader_of(expression::samples::seal(data)));
    EXPECT_TRUE(sealed);
    const auto report = validate(**sealed, *profile_named(profiles(), profile), terms, {});
    EXPECT_TRUE(report) << report.error().message;
    return *parse_json(*report);
}

/// The only finding; fails when there are more or none.
Json only(const Json& report) {
    EXPECT_EQ(report["findings"].size(), 1u) << report.dump(1);
    return report["findings"].empty() ? Json::object() : report["findings"][0];
}

TEST(Validation, WhatTheSchemaAsksForIsValid) {
    auto data = good_dataset();
    const Json report = report_of(data);
    EXPECT_EQ(report["state"], "valid") << report.dump(1);
    EXPECT_EQ(report["errors"], 0);
}

TEST(Validation, ABadTermIsNamedWithItsRowsAndTheFix) {
    auto data = good_dataset();
    data.obs.columns[1] = texts("cell_type_ontology_term_id", {"CL:0000236", "B cell", "B cell"});
    const Json finding = only(report_of(data));
    EXPECT_EQ(finding["where"], "obs");
    EXPECT_EQ(finding["column"], "cell_type_ontology_term_id");
    EXPECT_EQ(finding["value"], "B cell");
    EXPECT_EQ(finding["rows"], 4);
    EXPECT_EQ(finding["first_row"], 1);
    EXPECT_FALSE(finding["first_id"].get<std::string>().empty());
    EXPECT_NE(finding["fix"].get<std::string>().find("Cell Ontology"), std::string::npos);
}

struct Damage {
    const char* what;
    void (*make)(AnnotatedData&);
    const char *where, *column;
};

const Damage damages[] = {
    {"a column is not there",
     [](AnnotatedData& data) { data.obs.columns.erase(data.obs.columns.begin()); }, "obs",
     "assay_ontology_term_id"},
    {"a forbidden root",
     [](AnnotatedData& data) {
         data.obs.columns[1] = texts("cell_type_ontology_term_id", {"CL:0000255"});
     },
     "obs", "cell_type_ontology_term_id"},
    {"a list in falling order",
     [](AnnotatedData& data) {
         data.obs.columns[3] =
             texts("disease_ontology_term_id", {"MONDO:0000002 || MONDO:0000001"});
     },
     "obs", "disease_ontology_term_id"},
    {"a suspension that the assay can't have",
     [](AnnotatedData& data) { data.obs.columns[7] = texts("suspension_type", {"na"}); }, "obs",
     "suspension_type"},
    {"a column of the platform",
     [](AnnotatedData& data) { data.obs.columns.push_back(texts("cell_type", {"B cell"})); }, "obs",
     "cell_type"},
    {"a name that begins with two underscores",
     [](AnnotatedData& data) { data.obs.columns.push_back(texts("__x", {"1"})); }, "obs", "__x"},
    {"text where truth is meant",
     [](AnnotatedData& data) { data.obs.columns.back() = texts("is_primary_data", {"True"}); },
     "obs", "is_primary_data"},
    {"no title", [](AnnotatedData& data) { data.uns.erase(data.uns.begin()); }, "uns", "title"},
    {"a species that is not on the list",
     [](AnnotatedData& data) {
         data.uns[1].second = text("NCBITaxon:1");
         data.obs.columns[5] = texts("self_reported_ethnicity_ontology_term_id", {"na"});
     },
     "uns", "organism_ontology_term_id"},
    {"no embedding", [](AnnotatedData& data) { data.obsm.clear(); }, "obsm", ""},
    {"gene names for ids",
     [](AnnotatedData& data) {
         data.var.index = {"CD79A", "MS4A1", "LYZ", "NKG7"};
     },
     "var", "index"},
    {"colours for too few categories",
     [](AnnotatedData& data) {
         data.uns.emplace_back("nothing_colors", Element{TextGrid{{1}, {"#ff0000"}}});
     },
     "uns", "nothing_colors"},
};

TEST(Validation, EachDamageIsFoundAloneWhereItIs) {
    for (const Damage& damage : damages) {
        SCOPED_TRACE(damage.what);
        auto data = good_dataset();
        damage.make(data);
        const Json report = report_of(data);
        EXPECT_EQ(report["state"], "invalid");
        const Json finding = only(report);
        EXPECT_EQ(finding["where"], damage.where);
        EXPECT_EQ(finding["column"], damage.column);
    }
}

TEST(Validation, CountsMustBeCountsAndNoCellEmptyOrTwice) {
    auto logged = good_dataset();
    logged.matrices =
        expression::samples::dataset_of(
            expression::samples::random_matrix({cells, genes, 0.9, expression::ValueType::float32,
                                                expression::samples::Values::log_normalised},
                                               3),
            expression::Unit::normalised)
            .matrices;
    EXPECT_EQ(only(report_of(logged))["where"], "X");

    auto twice = good_dataset();
    auto matrix = expression::samples::random_matrix({cells, genes, 0.9}, 7);
    matrix.lines[4] = matrix.lines[1];
    matrix.lines[5].clear();
    twice.matrices = expression::samples::dataset_of(matrix, expression::Unit::counts).matrices;
    const Json report = report_of(twice);
    ASSERT_EQ(report["findings"].size(), 2u) << report.dump(1);
    EXPECT_EQ(report["findings"][0]["first_row"], 5);
    EXPECT_EQ(report["findings"][1]["first_row"], 4);
    EXPECT_EQ(report["findings"][1]["rows"], 1);
}

TEST(Validation, TheLaboratoryAsksForLessAndMostlyWarns) {
    auto data = good_dataset();
    data.obs.columns.clear();
    data.obsm.clear();
    const Json report = report_of(data, "lab");
    EXPECT_EQ(report["state"], "valid");
    EXPECT_EQ(report["warnings"], 3);
    EXPECT_EQ(profile_named(profiles(), "none").error().code, ErrorCode::not_found);
}

Element truth(bool value) {
    return Element{
        expression::Array{expression::ValueType::boolean, {}, Bytes(1, std::byte{value})}};
}

Element number(double value) {
    auto array = expression::Array::of(std::vector<double>{value});
    array.shape = {};
    return Element{std::move(array)};
}

/// One section by Visium, as the schema asks for it.
AnnotatedData visium_dataset() {
    auto data = good_dataset();
    data.obs.columns[0] = texts("assay_ontology_term_id", {"EFO:0022857"});
    data.obs.columns[7] = texts("suspension_type", {"na"});
    for (const char* name : {"array_col", "array_row", "in_tissue"})
        data.obs.columns.push_back(
            {name, expression::Array::of(std::vector<std::int64_t>{0, 1, 1, 0, 1, 0}),
             std::nullopt});
    expression::Array picture{
        expression::ValueType::uint8, {2, 2000, 3}, Bytes(2 * 2000 * 3, std::byte{7})};
    Dict library{{"images", Element{Dict{{"hires", Element{std::move(picture)}}}}},
                 {"scalefactors", Element{Dict{{"spot_diameter_fullres", number(89.4)},
                                               {"tissue_hires_scalef", number(0.17)}}}}};
    data.uns.emplace_back("spatial", Element{Dict{{"is_single", truth(true)},
                                                  {"heart", Element{std::move(library)}}}});
    return data;
}

Dict& spatial_of(AnnotatedData& data) { return std::get<Dict>(data.uns.back().second.value); }

TEST(Validation, OneVisiumSectionBringsItsPictureAndItsSpots) {
    auto good = visium_dataset();
    EXPECT_EQ(report_of(good)["state"], "valid") << report_of(good).dump(1);

    auto without = visium_dataset();
    without.uns.pop_back();
    EXPECT_EQ(only(report_of(without))["column"], "spatial/is_single");

    auto bare = visium_dataset();
    spatial_of(bare).pop_back();
    EXPECT_EQ(only(report_of(bare))["column"], "spatial");

    auto several = visium_dataset();
    spatial_of(several)[0].second = truth(false);
    EXPECT_EQ(only(report_of(several))["column"], "spatial") << "no picture of several sections";

    auto wrong = visium_dataset();
    Dict& library = std::get<Dict>(spatial_of(wrong)[1].second.value);
    std::get<Dict>(library[0].second.value).emplace_back("lowres", number(1));
    std::get<Dict>(library[1].second.value)[0].second = number(-1);
    const Json found = report_of(wrong)["findings"];
    ASSERT_EQ(found.size(), 2u) << found.dump(1);
    EXPECT_EQ(found[0]["column"], "spatial/heart/images/lowres");
    EXPECT_EQ(found[1]["column"], "spatial/heart/scalefactors/spot_diameter_fullres");

    auto elsewhere = visium_dataset();
    elsewhere.obs.columns.back().values =
        expression::Array::of(std::vector<std::int64_t>{0, 1, 2, 0, 1, 0});
    const Json spots = only(report_of(elsewhere));
    EXPECT_EQ(spots["column"], "in_tissue");
    EXPECT_EQ(spots["first_row"], 2);

    auto other = good_dataset();
    other.uns.emplace_back("spatial", Element{Dict{{"is_single", truth(true)}}});
    EXPECT_EQ(only(report_of(other))["column"], "spatial") << "a dissociated assay has none";
}

/// As much of the Cell Ontology as the tests need, as if it were all.
const ontology::Terms& cell_ontology() {
    static const ontology::Terms terms(
        {{"CL:0000236", "B cell", {}, {}, {}, false, "", false},
         {"CL:0000003", "obsolete native cell", {}, {}, {}, true, "CL:0000236", false},
         {"EFO:0010183", "single cell library construction", {}, {}, {}, false, "", false},
         {"EFO:0009922", "10x 3' v3", {}, {}, {"EFO:0010183"}, false, "", false},
         {"EFO:0000001", "experimental factor", {}, {}, {}, false, "", false}},
        {{"CL", "releases/2025-07-30"}, {"EFO", "3.82.0"}});
    return terms;
}

void put(AnnotatedData& data, std::string_view column, std::vector<std::string> values) {
    for (Column& one : data.obs.columns)
        if (one.name == column) one = texts(std::string(column), std::move(values));
}

TEST(Validation, TermsAreLookedUpInTheOntologiesThatAreHere) {
    auto data = good_dataset();
    put(data, "cell_type_ontology_term_id", {"CL:0000236"});
    put(data, "assay_ontology_term_id", {"EFO:0009922"});
    const Json good = report_of(data, "cellxgene", cell_ontology());
    EXPECT_EQ(good["state"], "valid") << good.dump(1);
    EXPECT_EQ(good["terms"]["checked"][0]["ontology"], "CL");
    EXPECT_EQ(good["terms"]["checked"][0]["version"], "releases/2025-07-30");
    EXPECT_EQ(good["terms"]["by_form"].front(), "HANCESTRO") << "it isn't here: said so";

    put(data, "cell_type_ontology_term_id", {"CL:0000236", "CL:7654321"});
    const Json unknown = only(report_of(data, "cellxgene", cell_ontology()));
    EXPECT_EQ(unknown["message"], "'CL:7654321' is no term of CL (releases/2025-07-30)");
    EXPECT_EQ(unknown["rows"], 3);
    EXPECT_EQ(report_of(data)["state"], "valid") << "by its form it could be one";

    put(data, "cell_type_ontology_term_id", {"CL:0000003"});
    const Json deprecated = only(report_of(data, "cellxgene", cell_ontology()));
    EXPECT_EQ(deprecated["message"], "'CL:0000003' is deprecated: use CL:0000236 (B cell)");

    put(data, "cell_type_ontology_term_id", {"CL:0000236"});
    put(data, "assay_ontology_term_id", {"EFO:0000001"});
    const Json elsewhere = only(report_of(data, "cellxgene", cell_ontology()));
    EXPECT_EQ(elsewhere["message"],
              "'EFO:0000001' (experimental factor) is not below 'EFO:0002772', 'EFO:0010183'");
}

class SiteProfiles : public ::testing::Test {
protected:
    SiteProfiles() {
        std::string name = (fs::temp_directory_path() / "stroma_profiles_XXXXXX").string();
        folder = ::mkdtemp(name.data());
    }
    ~SiteProfiles() override { fs::remove_all(folder); }
    Result<std::vector<Profile>> read(std::string_view text) {
        std::ofstream(folder / "own.json") << text;
        return read_profiles(folder);
    }
    fs::path folder;
};

constexpr std::string_view own = R"({"name": "lab", "title": "Ours", "version": "7", "rules": [
    {"check": "column", "where": "obs", "column": "plate", "pattern": "P[0-9]+", "fix": "Name it."}
]})";

TEST_F(SiteProfiles, AnOwnOneTakesABuiltInsPlace) {
    const auto all = read(own);
    ASSERT_TRUE(all) << all.error().message;
    ASSERT_EQ(all->size(), 2u);
    const Profile& lab = *profile_named(*all, "lab");
    EXPECT_EQ(lab.title, "Ours");
    auto data = good_dataset();
    const auto sealed = expression::SealedDataset::open(
        expression::samples::reader_of(expression::samples::seal(data)));
    const Json report = *parse_json(*validate(**sealed, lab, {{}, {}}, {}));
    EXPECT_EQ(only(report)["column"], "plate");
}

TEST_F(SiteProfiles, OneThatMakesNoSenseIsRefusedWithItsFileAndRule) {
    const std::pair<std::string, std::string> wrong[] = {
        {"{", "own.json"},
        {R"({"name": "a b", "title": "t", "version": "1", "rules": [{}]})", "'name'"},
        {R"({"name": "a", "title": "t", "version": "1", "rules": []})", "'rules'"},
        {R"({"name": "a", "title": "t", "version": "1", "rules": [{"check": "no", "fix": "x"}]})",
         "rule 1: there is no check 'no'"},
        {R"({"name": "a", "title": "t", "version": "1", "rules": [
            {"check": "empty_cells", "fix": "x"},
            {"check": "column", "where": "obs", "fix": "x"}]})",
         "rule 2: 'column'"},
        {R"({"name": "a", "title": "t", "version": "1", "rules": [
            {"check": "column", "where": "obs", "column": "c", "pattern": "[", "fix": "x"}]})",
         "'pattern' is no regular expression"},
        {R"({"name": "a", "title": "t", "version": "1", "rules": [
            {"check": "ids", "where": "obs", "fix": "x", "when": {"is": ["y"]}}]})",
         "'when' needs"},
    };
    for (const auto& [text, said] : wrong) {
        const auto read_in = read(text);
        ASSERT_FALSE(read_in) << text;
        EXPECT_EQ(read_in.error().code, ErrorCode::invalid_input);
        EXPECT_NE(read_in.error().message.find(said), std::string::npos) << read_in.error().message;
    }
}

}  // namespace
}  // namespace stroma::portal
