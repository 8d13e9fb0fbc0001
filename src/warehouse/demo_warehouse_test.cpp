#include "warehouse/demo_warehouse.h"

#include <gtest/gtest.h>

#include "sql/duckdb/duckdb_database.h"

namespace stroma::warehouse::testing {

namespace {

using expression::Array;
using expression::Categorical;
using expression::Column;
using expression::Frame;
using expression::TextArray;

constexpr std::uint32_t cells = 40, genes = 12;

/// Answers the two reads that the warehouse makes; the rest of the interface is not for it.
class DemoSealedMatrix final : public expression::SealedMatrix {
public:
    explicit DemoSealedMatrix(const DemoMatrix& matrix) : matrix_(matrix) {
        summary_.name = "X";
        summary_.unit = expression::Unit::counts;
        summary_.type = expression::ValueType::int32;
        summary_.genes = genes;
        summary_.nonzeros = matrix.values.size();
    }
    const expression::MatrixSummary& summary() const override { return summary_; }
    std::uint64_t cell_count() const override { return cells; }
    std::uint32_t gene_count() const override { return genes; }
    bool was_dense() const override { return false; }
    Result<void> read_cells(std::span<const std::uint32_t> asked,
                            expression::LineBlock& out) const override {
        out.starts.assign(1, 0);
        out.places.clear();
        std::vector<std::int32_t> values;
        for (const auto cell : asked) {
            for (std::size_t at = 0; at < matrix_.values.size(); ++at) {
                if (matrix_.cells[at] != cell) continue;
                out.places.push_back(matrix_.genes[at]);
                values.push_back(static_cast<std::int32_t>(matrix_.values[at]));
            }
            out.starts.push_back(out.places.size());
        }
        const auto bytes = std::as_bytes(std::span(values));
        out.values.assign(bytes.begin(), bytes.end());
        return {};
    }
    Result<void> read_gene(std::uint32_t gene, expression::GeneColumn& out) const override {
        out = {};
        for (std::size_t at = 0; at < matrix_.values.size(); ++at) {
            if (matrix_.genes[at] != gene) continue;
            out.cells.push_back(matrix_.cells[at]);
            out.values.push_back(static_cast<double>(matrix_.values[at]));
        }
        return {};
    }
    Result<std::vector<std::uint32_t>> cell_lengths() const override { return unused(); }
    Result<std::vector<double>> cell_totals() const override { return unused(); }
    Result<void> read_gene_dense(std::uint32_t, std::span<float>) const override {
        return unused();
    }
    Result<void> read_gene_set_mean(std::span<const std::uint32_t>,
                                    std::span<float>) const override {
        return unused();
    }
    Result<expression::GeneSums> totals() const override { return unused(); }
    Result<expression::GeneSums> sums(std::span<const std::uint32_t>) const override {
        return unused();
    }

private:
    static tl::unexpected<Error> unused() {
        return fail(ErrorCode::unsupported, "not part of this test");
    }
    const DemoMatrix& matrix_;
    expression::MatrixSummary summary_;
};

class DemoSealedDataset final : public expression::SealedDataset {
public:
    explicit DemoSealedDataset(const DemoMatrix& matrix)
        : matrix_(std::make_shared<DemoSealedMatrix>(matrix)) {
        summary_.cells = cells;
        summary_.genes = genes;
        summary_.matrices = {matrix_->summary()};
    }
    const expression::DatasetSummary& summary() const override { return summary_; }
    Result<std::shared_ptr<const expression::SealedMatrix>> matrix(
        std::string_view) const override {
        return std::shared_ptr<const expression::SealedMatrix>(matrix_);
    }
    Result<std::optional<Frame>> raw_var() const override { return std::optional<Frame>(); }
    Result<Frame> obs() const override { return unused(); }
    Result<Frame> var() const override { return unused(); }
    std::vector<std::string> obs_column_names() const override { return {}; }
    Result<Column> obs_column(std::string_view) const override { return unused(); }
    Result<TextArray> cell_ids() const override { return unused(); }
    Result<TextArray> gene_ids() const override { return unused(); }
    Result<expression::Dict> annotations(std::string_view) const override { return unused(); }
    Result<void> verify(const expression::Watch&) const override { return unused(); }

private:
    static tl::unexpected<Error> unused() {
        return fail(ErrorCode::unsupported, "not part of this test");
    }
    std::shared_ptr<DemoSealedMatrix> matrix_;
    expression::DatasetSummary summary_;
};

DemoMatrix make_matrix(std::uint32_t seed) {
    DemoMatrix matrix;
    for (std::uint32_t cell = 0; cell < cells; ++cell) {
        for (std::uint32_t gene = 0; gene < genes; ++gene) {
            const std::uint32_t mixed = cell * 7 + gene * 13 + seed;
            if (mixed % 3 != 0) continue;
            matrix.cells.push_back(cell);
            matrix.genes.push_back(gene);
            matrix.values.push_back(1 + mixed % 11 + cell);
        }
    }
    return matrix;
}

std::string ensembl(std::uint32_t gene, bool versioned) {
    std::string number = std::to_string(gene);
    number.insert(0, 11 - number.size(), '0');
    return "ENSG" + number + (versioned ? ".7" : "");
}

Column choice(std::string name, TextArray categories, std::uint32_t every) {
    Categorical categorical;
    categorical.categories = std::move(categories);
    for (std::uint32_t cell = 0; cell < cells; ++cell) {
        categorical.codes.push_back(cell % every == 0 ? 0 : 1);
    }
    return {std::move(name), std::move(categorical), {}};
}

Frame make_obs(bool text_scores) {
    Frame obs;
    std::vector<double> scores;
    std::vector<bool> unused;
    Array flags{expression::ValueType::boolean, {cells}, Bytes(cells)};
    for (std::uint32_t cell = 0; cell < cells; ++cell) {
        obs.index.push_back("cell-" + std::to_string(cell));
        scores.push_back(cell * 0.5);
        flags.bytes[cell] = cell % 3 == 0 ? std::byte{1} : std::byte{0};
    }
    obs.columns.push_back(choice("donor_id", {"a", "b"}, 2));
    obs.columns.push_back(choice("sex", {"female", "male"}, 2));
    obs.columns.push_back(choice("disease_ontology_term_id", {"MONDO:1", "PATO:0000461"}, 4));
    obs.columns.push_back(choice("disease", {"a disease", "normal"}, 4));
    obs.columns.push_back(choice("self_reported_ethnicity_ontology_term_id",
                                 {"HANCESTRO:0005", "HANCESTRO:0005"}, 2));
    obs.columns.push_back(choice("tissue", {"blood", "lung"}, 5));
    if (text_scores) {
        obs.columns.push_back(choice("score", {"high", "low"}, 2));
    } else {
        obs.columns.push_back({"score", Array::of(scores), {}});
    }
    obs.columns.push_back({"flag", std::move(flags), {}});
    return obs;
}

Frame make_var() {
    Frame var;
    Column names{"gene_name", TextArray(), {}};
    for (std::uint32_t gene = 0; gene < genes; ++gene) {
        var.index.push_back(ensembl(gene, true));
        std::get<TextArray>(names.values).push_back("GENE" + std::to_string(gene));
    }
    var.columns.push_back(std::move(names));
    return var;
}

std::map<std::string, std::vector<Row>> bundle_biology(const std::string& uuid) {
    return {
        {"donor", {{{"donorkey", "donor-1"}, {"sex", "female"}}}},
        {"specimen",
         {{{"specimenkey", "specimen-1"}, {"donorkey", "donor-1"}, {"organ_label", "blood"}}}},
        {"cell_suspension",
         {{{"cellsuspensionkey", "suspension-1"}, {"specimenkey", "specimen-1"}}}},
        {"library_preparation", {{{"librarykey", "library-1"}, {"end_bias", "3 prime tag"}}}},
        {"project", {{{"projectkey", "project-1"}, {"short_name", "Demo"}, {"title", "A demo"}}}},
        {"publication", {{{"projectkey", "project-1"}, {"pub_title", "A demo, published"}}}},
        {"analysis",
         {{{"analysiskey", "analysis-" + uuid},
           {"bundle_uuid", uuid},
           {"bundle_version", "v1"},
           {"bundle_fqid", uuid + ".v1"},
           {"protocol", "optimus_v1.0.0"}}}},
        {"document",
         {{{"document_id", "donor-1"},
           {"document_type", "donor_organism"},
           {"content", R"({"sex": "female"})"}}}}};
}

}  // namespace

std::int64_t DemoMatrix::sum() const {
    std::int64_t total = 0;
    for (const auto value : values) total += value;
    return total;
}

std::int64_t DemoMatrix::sum_of_gene(std::uint32_t gene) const {
    std::int64_t total = 0;
    for (std::size_t at = 0; at < values.size(); ++at) total += genes[at] == gene ? values[at] : 0;
    return total;
}

std::int64_t DemoMatrix::product_of_genes(std::uint32_t a, std::uint32_t b) const {
    std::int64_t total = 0;
    for (std::size_t left = 0; left < values.size(); ++left) {
        for (std::size_t right = 0; right < values.size(); ++right) {
            if (cells[left] != cells[right] || genes[left] != a || genes[right] != b) continue;
            total += values[left] * values[right];
        }
    }
    return total;
}

DemoWarehouse::DemoWarehouse() {
    everything.everything = true;
    database = *sql::open_duckdb({});
    reopen();
    std::vector<Row> features;
    for (std::uint32_t gene = 0; gene < genes; ++gene) {
        features.push_back({{"featurekey", ensembl(gene, false)},
                            {"featurename", "GENE" + std::to_string(gene)},
                            {"isgene", true}});
    }
    const auto loaded = warehouse->load_features(features, "demo annotation");
    EXPECT_TRUE(loaded.has_value()) << (loaded ? "" : loaded.error().message);
}

void DemoWarehouse::reopen() {
    warehouse.reset();
    auto opened = Warehouse::open(
        *database,
        [this](
            std::string_view revision) -> Result<std::shared_ptr<const expression::SealedDataset>> {
            return std::make_shared<DemoSealedDataset>(matrices_.at(std::string(revision)));
        },
        clock);
    EXPECT_TRUE(opened.has_value()) << (opened ? "" : opened.error().message);
    warehouse = std::move(*opened);
}

LoadReport DemoWarehouse::load(const std::string& dataset, const std::string& revision,
                               std::int64_t number, bool text_scores) {
    matrices_.emplace(revision, make_matrix(static_cast<std::uint32_t>(number)));
    const Frame obs = make_obs(text_scores), var = make_var();
    RevisionRows rows;
    rows.dataset = dataset;
    rows.dataset_name = dataset;
    rows.revision = revision;
    rows.revision_number = number;
    rows.obs = &obs;
    rows.var = &var;
    auto report = warehouse->apply(rows);
    EXPECT_TRUE(report.has_value()) << (report ? "" : report.error().message);
    return report ? *report : LoadReport();
}

LoadReport DemoWarehouse::load_bundle(const std::string& uuid, const std::string& revision) {
    matrices_.emplace(revision, make_matrix(1));
    const auto& matrix = matrices_.at(revision);
    const Frame obs = make_obs(false), var = make_var();
    RevisionRows rows;
    rows.dataset = uuid;
    rows.dataset_name = uuid;
    rows.revision = revision;
    rows.revision_number = 1;
    rows.bundle_uuid = uuid;
    rows.bundle_version = "v1";
    rows.obs = &obs;
    rows.var = &var;
    rows.cell_totals.assign(cells, 0);
    rows.genes_detected.assign(cells, 0);
    for (std::size_t at = 0; at < matrix.values.size(); ++at) {
        rows.cell_totals[matrix.cells[at]] += static_cast<double>(matrix.values[at]);
        ++rows.genes_detected[matrix.cells[at]];
    }
    rows.biology = bundle_biology(uuid);
    auto report = warehouse->apply(rows);
    EXPECT_TRUE(report.has_value()) << (report ? "" : report.error().message);
    return report ? *report : LoadReport();
}

bool DemoWarehouse::try_load_with_unknown_column(const std::string& dataset,
                                                 const std::string& revision) {
    const Frame obs = make_obs(false), var = make_var();
    RevisionRows rows;
    rows.dataset = dataset;
    rows.revision = revision;
    rows.obs = &obs;
    rows.var = &var;
    rows.biology["donor"] = {{{"donorkey", "d"}, {"shoe_size", "44"}}};
    return warehouse->apply(rows).has_value();
}

namespace {
std::string shown(const sql::Value& value) {
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
    if (const auto* real = std::get_if<double>(&value)) return std::to_string(*real);
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    return "NULL";
}
}  // namespace

std::string DemoWarehouse::text(const std::string& statement, const Scope& scope) {
    auto rows = warehouse->query(statement, scope, {});
    if (!rows) return "error: " + rows.error().message;
    std::string result;
    while (true) {
        const auto more = (*rows)->next();
        if (!more) return "error: " + more.error().message;
        if (!*more) return result;
        if (!result.empty()) result += "\n";
        for (std::size_t column = 0; column < (*rows)->columns().size(); ++column) {
            result += (column == 0 ? "" : "|") + shown((*rows)->value(column));
        }
    }
}

Error DemoWarehouse::error_of(const std::string& statement, const QueryLimits& limits) {
    auto rows = warehouse->query(statement, everything, limits);
    if (!rows) return rows.error();
    while (true) {
        const auto more = (*rows)->next();
        if (!more) return more.error();
        if (!*more) return Error{ErrorCode::corrupt, "no error"};
    }
}

}  // namespace stroma::warehouse::testing
