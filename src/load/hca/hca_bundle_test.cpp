#include "load/hca/hca_bundle.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "base/digest.h"
#include "base/file.h"
#include "expression/input_files.h"

namespace stroma::loading {
namespace {

using namespace expression;

/// data/hca-bundles of the shared folder, "" when it isn't there.
fs::path bundles() {
    for (const char* root : {static_cast<const char*>(std::getenv("STROMA_SHARED")), "../shared"})
        if (root != nullptr && fs::exists(fs::path(root) / "data/hca-bundles/SOURCES.txt"))
            return fs::path(root) / "data/hca-bundles";
    return {};
}

class HcaBundles : public testing::Test {
protected:
    void SetUp() override {
        if (!bundles().empty()) return;
        std::cerr << "NOT TESTED: set STROMA_SHARED to the folder that holds data/hca-bundles\n";
        GTEST_SKIP() << "the shared data are absent; STROMA_SHARED names their folder";
    }
    void TearDown() override {
        std::error_code ignored;
        if (!scratch_.empty()) fs::remove_all(scratch_, ignored);
    }
    fs::path scratch() {
        if (scratch_.empty()) {
            std::string name = (fs::temp_directory_path() / "hca-XXXXXX").string();
            scratch_ = ::mkdtemp(name.data());
        }
        return scratch_;
    }
    /// Opens the folder and reads it with the manifest that find_hca_manifest finds.
    Result<HcaBundle> read(const fs::path& folder, HcaBundleOptions options = {}) {
        files_ = TRY(open_input(folder));
        if (!options.manifest) options.manifest = TRY(find_hca_manifest(folder));
        options.labels = OntologyLabels::shipped();
        return read_hca_bundle(*files_, options);
    }
    /// The Optimus bundle with its two uncut files, named by its FQID, its manifest beside it.
    fs::path whole_optimus() {
        const fs::path folder = scratch() / optimus_fqid;
        const fs::path cut = bundles() / "matrix-service/etl/optimus_bundle.version";
        const fs::path original = bundles() / "matrix-service-history/optimus-original";
        fs::copy(cut, folder);
        const auto overwrite = fs::copy_options::overwrite_existing;
        fs::copy_file(original / "empty_drops_result.csv", folder / "empty_drops_result.csv",
                      overwrite);
        fs::copy_file(original / "cell_id.zarray",
                      folder / "493a6adc-54b5-4388-ba11-c37686562127.zarr!cell_id!.zarray",
                      overwrite);
        fs::copy_file(bundles() / "matrix-service/etl/optimus_bundle_manifest.json",
                      scratch() / (optimus_fqid + ".json"), overwrite);
        return folder;
    }
    static const std::string optimus_fqid;
    std::unique_ptr<InputFiles> files_;
    fs::path scratch_;
};
const std::string HcaBundles::optimus_fqid =
    "4d1c82f4-fa08-4ed2-b90d-995b13cc3d8c.2019-05-08T155313.632000Z";

std::string text(const sql::Value& value) {
    const auto* found = std::get_if<std::string>(&value);
    return found ? *found : "(none)";
}
std::int64_t whole(const sql::Value& value) {
    const auto* found = std::get_if<std::int64_t>(&value);
    return found ? *found : -1;
}
std::size_t row_of(const HcaBundle& bundle, std::string_view id) {
    for (std::size_t i = 0; i < bundle.data.obs.row_count(); ++i)
        if (bundle.data.obs.index[i] == id) return i;
    ADD_FAILURE() << "no cell " << id;
    return 0;
}

struct Totals {
    std::uint64_t nonzeros = 0;
    double sum = 0, max = 0;
    std::map<std::uint32_t, double> genes;
};
Totals totals_of(MatrixSource& source, const std::vector<bool>& cells = {}) {
    Totals totals;
    LineBlock block;
    Array values{source.value_type(), {}, {}};
    for (std::uint64_t first = 0; first < source.line_count();) {
        const auto count = std::min(source.lines_per_read(), source.line_count() - first);
        const auto read = source.read_lines(first, count, block);
        if (!read) {
            ADD_FAILURE() << read.error().message;
            return totals;
        }
        values.bytes = block.values;
        for (std::uint64_t line = 0; line < count; ++line) {
            if (!cells.empty() && !cells[first + line]) continue;
            for (auto i = block.starts[line]; i < block.starts[line + 1]; ++i) {
                ++totals.nonzeros;
                totals.sum += values.number(i);
                totals.max = std::max(totals.max, values.number(i));
                totals.genes[block.places[i]] += values.number(i);
            }
        }
        first += count;
    }
    return totals;
}

TEST_F(HcaBundles, TheWholeOptimusBundleHasItsGoldenValues) {
    HcaBundleOptions options;
    const auto genes =
        open_input(bundles() / "matrix-service-history/etl/cellranger_bundle.version/genes.tsv");
    options.ensembl_of_symbol = read_symbol_table(**genes, "genes.tsv").value();
    auto bundle = read(whole_optimus(), options);
    ASSERT_TRUE(bundle) << bundle.error().message;
    EXPECT_EQ(bundle->fqid, optimus_fqid);
    EXPECT_EQ(bundle->protocol, HcaProtocol::optimus);
    EXPECT_EQ(bundle->files->summary(), "49 match, 45 differ, 9 absent of 103");
    EXPECT_EQ(bundle->data.obs.row_count(), 11134u);
    EXPECT_EQ(bundle->data.var.row_count(), 56648u);
    MatrixSource& x = *bundle->data.matrices[0].source;
    const Totals all = totals_of(x);
    EXPECT_EQ(all.nonzeros, 103445u);
    EXPECT_EQ(all.sum, 109278);
    EXPECT_EQ(all.max, 67);
    EXPECT_EQ(all.genes.size(), 9030u);
    std::vector<bool> big(11134);
    std::size_t cells = 0;
    for (std::size_t i = 0; i < big.size(); ++i) {
        big[i] = whole(bundle->cell_columns["total_umis"][i]) >= 100;
        EXPECT_EQ(std::get<bool>(bundle->cell_columns["emptydrops_is_cell"][i]), big[i]);
        cells += big[i] ? 1 : 0;
    }
    EXPECT_EQ(cells, 16u);
    const Totals kept = totals_of(x, big);
    EXPECT_EQ(kept.nonzeros, 1641u);
    EXPECT_EQ(kept.sum, 2006);
    const std::size_t top = row_of(*bundle, "GGATTACCATAGGATA");
    EXPECT_EQ(text(bundle->cell_columns["cellkey"][top]), "7eb8939da16beea3e4d60b8cc009bf72");
    EXPECT_EQ(whole(bundle->cell_columns["genes_detected"][top]), 171);
    EXPECT_EQ(whole(bundle->cell_columns["total_umis"][top]), 277);
    EXPECT_EQ(text(bundle->cell_columns["cellkey"][row_of(*bundle, "CTGCTGTGTTACGTCA")]),
              "c1899d5279195314031a6a5a052a405b");
    std::map<std::string, double> by_name;
    for (const auto& [gene, sum] : all.genes)
        by_name[std::string(bundle->data.var.index[gene])] = sum;
    EXPECT_EQ(by_name["TMSB4X"], 2083);
    EXPECT_EQ(by_name["B2M"], 2082);
    EXPECT_EQ(by_name["RPL13"], 1408);
    bool says_share = false;
    for (const std::string& note : bundle->data.notes)
        says_share |= note.find("33467 of 56648") != std::string::npos &&
                      note.find("97.9 %") != std::string::npos;
    EXPECT_TRUE(says_share) << testing::PrintToString(bundle->data.notes);
}

TEST_F(HcaBundles, ADataFileWithOneFlippedByteIsRefusedByItsNameAndHashes) {
    const fs::path folder = whole_optimus();
    const fs::path chunk = folder / "493a6adc-54b5-4388-ba11-c37686562127.zarr!expression!0.3";
    std::string bytes = read_file(chunk).value();
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    ASSERT_TRUE(replace_file(chunk, as_bytes(bytes)));
    const auto bundle = read(folder);
    ASSERT_FALSE(bundle);
    EXPECT_EQ(bundle.error().code, ErrorCode::invalid_input);
    EXPECT_NE(bundle.error().message.find("expression!0.3"), std::string::npos);
    EXPECT_NE(bundle.error().message.find(sha256_hex(bytes)), std::string::npos);
    fs::remove(chunk);
    const auto lost = read(folder);
    ASSERT_FALSE(lost);
    EXPECT_NE(lost.error().message.find("expression!0.3' of bundle"), std::string::npos)
        << lost.error().message;
}

TEST_F(HcaBundles, StrictReadingRefusesMetadataThatDiffers) {
    HcaBundleOptions options;
    options.strict = true;
    const auto bundle = read(whole_optimus(), options);
    ASSERT_FALSE(bundle);
    EXPECT_NE(bundle.error().message.find(".json' has sha256"), std::string::npos);
}

TEST_F(HcaBundles, TheCutOptimusFixtureHasItsFiveCells) {
    auto bundle = read(bundles() / "matrix-service/etl/optimus_bundle.version");
    ASSERT_TRUE(bundle) << bundle.error().message;
    ASSERT_EQ(bundle->data.obs.row_count(), 5u);
    struct Golden {
        const char *barcode, *key;
        std::int64_t genes, umis;
        bool is_cell;
    };
    const Golden cells[] = {
        {"AGTGGGAGTACAGACG", "5469c35c54d5b403cb00da7d9ea16879", 12, 142, false},
        {"ACTGAGTGTGACCAAG", "1b58704540a7db2a34227dea6d02ffdb", 17, 143, false},
        {"CGCTATCCACGTGAGA", "1591eb3e178e5e3805fba76d1a3a492b", 20, 144, false},
        {"GTGAAGGAGCCAGAAC", "0b47d9d58a08a78a546037ae418e48b0", 54, 145, false},
        {"GTCGGGTTCACGGTTA", "36869a0498c645a062a4e9c79371c099", 71, 146, true}};
    for (const Golden& cell : cells) {
        const std::size_t row = row_of(*bundle, cell.barcode);
        EXPECT_EQ(text(bundle->cell_columns["cellkey"][row]), cell.key);
        EXPECT_EQ(whole(bundle->cell_columns["genes_detected"][row]), cell.genes);
        EXPECT_EQ(whole(bundle->cell_columns["total_umis"][row]), cell.umis);
        EXPECT_EQ(std::get<bool>(bundle->cell_columns["emptydrops_is_cell"][row]), cell.is_cell);
    }
    EXPECT_EQ(totals_of(*bundle->data.matrices[0].source).nonzeros, 174u);
    EXPECT_EQ(bundle->data.obs.find("donor_organism.sex")->text(0), "male");
    EXPECT_EQ(bundle->data.obs.find("project.project_core.project_short_name")->text(4),
              "Synthetic Optimus Pipeline Testing Dataset 4kpbmc 200K");
    EXPECT_GE(bundle->data.obs.columns.size(), 43u + 32u);
    EXPECT_EQ(bundle->data.var.columns.size(), 27u);
}

TEST_F(HcaBundles, TheSmartSeq2FixtureBringsTheTpmOfItsZarr) {
    auto bundle = read(bundles() / "matrix-service/etl/ss2_bundle.version");
    ASSERT_TRUE(bundle) << bundle.error().message;
    EXPECT_EQ(bundle->files->summary(), "63 match, 3 differ, 19 absent of 85");
    ASSERT_EQ(bundle->data.obs.row_count(), 1u);
    EXPECT_EQ(text(bundle->cell_columns["cellkey"][0]), "635badd5-7d62-4db3-b509-f290a12a1336");
    EXPECT_EQ(whole(bundle->cell_columns["genes_detected"][0]), 3859);
    const Totals totals = totals_of(*bundle->data.matrices[0].source);
    EXPECT_EQ(totals.nonzeros, 3863u);
    EXPECT_NEAR(totals.sum, 999999.8546705842, 1e-6);
    EXPECT_NEAR(totals.max, 47191.98046875, 1e-6);
    std::set<std::string_view> cut;
    std::size_t par_y = 0;
    const auto& ids = std::get<TextArray>(bundle->data.var.find("ensembl_id")->values);
    for (std::size_t i = 0; i < ids.size(); ++i) {
        cut.insert(ids[i]);
        par_y += bundle->data.var.index[i].ends_with("_PAR_Y") ? 1 : 0;
    }
    EXPECT_EQ(cut.size(), 58302u);
    EXPECT_EQ(par_y, 45u);
    EXPECT_EQ(bundle->data.matrices[0].unit, Unit::tpm);
}

TEST_F(HcaBundles, TheCellRangerFixtureKeepsAllItsBarcodes) {
    auto bundle = read(bundles() / "matrix-service-history/etl/cellranger_bundle.version");
    ASSERT_TRUE(bundle) << bundle.error().message;
    EXPECT_EQ(bundle->files->summary(), "1 match, 33 differ, 13 absent of 47");
    EXPECT_EQ(bundle->data.obs.row_count(), 4394u);
    EXPECT_EQ(bundle->data.var.row_count(), 33529u);
    const Totals totals = totals_of(*bundle->data.matrices[0].source);
    EXPECT_EQ(totals.nonzeros, 299u);
    EXPECT_EQ(totals.sum, 375);
    const std::size_t row = row_of(*bundle, "AAACCTGAGCGCCTCA-1");
    EXPECT_EQ(text(bundle->cell_columns["cellkey"][row]), "6aa7c3ef80f5f8edfbf4e940df2aa7a9");
    EXPECT_EQ(whole(bundle->cell_columns["genes_detected"][row]), 58);
}

TEST_F(HcaBundles, TheRealBundlesLoadAsBiologyWithoutCells) {
    struct Golden {
        const char *folder, *files;
    };
    const Golden all[] = {
        {"cell_line_bundle.version", "16 match, 0 differ, 434 absent of 450"},
        {"multiple_ethnicity_bundle.version", "16 match, 0 differ, 416 absent of 432"},
        {"organoid_bundle.version", "40 match, 0 differ, 662 absent of 702"},
        {"dendritic/cell_line.version", "17 match, 0 differ, 506 absent of 523"},
        {"dendritic/specimen.version", "14 match, 0 differ, 562 absent of 576"}};
    for (const Golden& golden : all) {
        const fs::path folder = bundles() / "matrix-service/etl" / golden.folder;
        if (!fs::exists(folder)) {
            std::cerr << "NOT TESTED: no " << golden.folder << "\n";
            continue;
        }
        auto bundle = read(folder);
        ASSERT_TRUE(bundle) << bundle.error().message;
        EXPECT_EQ(bundle->files->summary(), golden.files);
        EXPECT_EQ(bundle->data.obs.row_count(), 0u);
        EXPECT_FALSE(bundle->links.empty());
        auto& view = bundle->compatibility;
        if (folder.filename() == "cell_line_bundle.version") {
            EXPECT_EQ(text(view["cell_suspension"]["derived_organ_ontology"]),
                      "UBERON:0002390 (cell line)");
            EXPECT_EQ(text(view["cell_suspension"]["derived_organ_parts_ontology"]), "");
            EXPECT_EQ(text(view["cell_suspension"]["genus_species_label"]), "Homo sapiens");
        }
        if (folder.filename() == "organoid_bundle.version") {
            EXPECT_EQ(text(view["cell_suspension"]["derived_organ_ontology"]),
                      "UBERON:0000955 (organoid)");
            EXPECT_TRUE(text(view["donor"]["donorkey"]).starts_with("1399aa16"));
            EXPECT_EQ(text(view["donor"]["ethnicity_ontology"]), "");
            EXPECT_EQ(text(view["donor"]["sex"]), "");
            EXPECT_EQ(bundle->biology["donor"].size(), 4u);
        }
        if (folder.filename() == "multiple_ethnicity_bundle.version") {
            EXPECT_EQ(text(view["donor"]["ethnicity_ontology"]), "HANCESTRO:0568;HANCESTRO:0014");
        }
    }
}

TEST_F(HcaBundles, NamesWithTheOldLevelAndNestedFoldersAreReadAlike) {
    const fs::path flat = whole_optimus();
    const fs::path nested = scratch() / "nested";
    fs::create_directory(nested);
    for (const auto& entry : fs::directory_iterator(flat)) {
        std::string name = entry.path().filename().string();
        if (const std::size_t at = name.find(".zarr!"); at != std::string::npos) {
            name.replace(at, 6, ".zarr/expression_matrix/");
            std::replace(name.begin(), name.end(), '!', '/');
            if (name.ends_with("expression_matrix/.zattrs") ||
                name.ends_with("expression_matrix/.zgroup"))
                name.erase(name.find("expression_matrix/"), 18);
        }
        fs::create_directories((nested / name).parent_path());
        fs::create_symlink(entry.path(), nested / name);
        fs::remove(nested / name);
        fs::create_hard_link(entry.path(), nested / name);
    }
    HcaBundleOptions options;
    options.manifest = FoundManifest{
        read_file(bundles() / "matrix-service/etl/optimus_bundle_manifest.json").value(), "given",
        true};
    auto bundle = read(nested, options);
    ASSERT_TRUE(bundle) << bundle.error().message;
    EXPECT_EQ(bundle->files->summary(), "49 match, 45 differ, 9 absent of 103");
    EXPECT_EQ(bundle->data.obs.row_count(), 11134u);
    EXPECT_EQ(totals_of(*bundle->data.matrices[0].source).nonzeros, 103445u);
}

}  // namespace
}  // namespace stroma::loading
