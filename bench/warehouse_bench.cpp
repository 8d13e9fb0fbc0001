// How long a load and the four queries of the back-end comparison take, on made-up cells:
//
//   warehouse_bench CELLS [FILE]     e.g. warehouse_bench 550000
//   warehouse_bench --json FOLDER    goal G26: commits of 100 cells x 200 genes
//
// Values come from a formula instead of a sealed file, so the times are the warehouse's own.
// Each query runs twice: the first brings the dataset's keys into memory.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "sql/duckdb/duckdb_database.h"
#include "warehouse/warehouse.h"

namespace stroma::warehouse {
namespace {

constexpr std::uint32_t genes = 33'000;

template <class T>
T must(Result<T> result) {
    if (!result) {
        fmt::print(stderr, "{}\n", result.error().message);
        std::exit(1);
    }
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}

double seconds_of(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// 700 genes a cell, each cell's starting elsewhere; every gene is in about 2 % of the cells.
class FormulaMatrix final : public expression::SealedMatrix {
public:
    explicit FormulaMatrix(std::uint32_t cells) : cells_(cells) {
        summary_.name = "X";
        summary_.unit = expression::Unit::counts;
        summary_.genes = genes;
        summary_.nonzeros = std::uint64_t{cells} * per_cell;
    }
    const expression::MatrixSummary& summary() const override { return summary_; }
    std::uint64_t cell_count() const override { return cells_; }
    std::uint32_t gene_count() const override { return genes; }
    bool was_dense() const override { return false; }
    Result<void> read_cells(std::span<const std::uint32_t> asked,
                            expression::LineBlock& out) const override {
        out.starts.assign(1, 0);
        out.places.clear();
        for (const auto cell : asked) {
            for (std::uint32_t at = 0; at < per_cell; ++at) {
                out.places.push_back((cell * 7 + at * 47) % genes);
            }
            out.starts.push_back(out.places.size());
        }
        out.values.resize(out.places.size() * sizeof(float));
        std::fill_n(out.values_as<float>(), out.places.size(), 2.0f);
        return {};
    }
    Result<void> read_gene(std::uint32_t gene, expression::GeneColumn& out) const override {
        out = {};
        for (std::uint32_t cell = gene % 47; cell < cells_; cell += 47) {
            out.cells.push_back(cell);
            out.values.push_back(2);
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
    static constexpr std::uint32_t per_cell = 700;
    static tl::unexpected<Error> unused() { return fail(ErrorCode::unsupported, "not measured"); }
    std::uint32_t cells_;
    expression::MatrixSummary summary_;
};

class FormulaDataset final : public expression::SealedDataset {
public:
    explicit FormulaDataset(std::uint32_t cells) : matrix_(std::make_shared<FormulaMatrix>(cells)) {
        summary_.matrices = {matrix_->summary()};
    }
    const expression::DatasetSummary& summary() const override { return summary_; }
    Result<std::shared_ptr<const expression::SealedMatrix>> matrix(
        std::string_view) const override {
        return std::shared_ptr<const expression::SealedMatrix>(matrix_);
    }
    Result<std::optional<expression::Frame>> raw_var() const override {
        return std::optional<expression::Frame>();
    }
    Result<expression::Frame> obs() const override { return unused(); }
    Result<expression::Frame> var() const override { return unused(); }
    std::vector<std::string> obs_column_names() const override { return {}; }
    Result<expression::Column> obs_column(std::string_view) const override { return unused(); }
    Result<expression::TextArray> cell_ids() const override { return unused(); }
    Result<expression::TextArray> gene_ids() const override { return unused(); }
    Result<expression::Dict> annotations(std::string_view) const override { return unused(); }
    Result<void> verify(const expression::Watch&) const override { return unused(); }

private:
    static tl::unexpected<Error> unused() { return fail(ErrorCode::unsupported, "not measured"); }
    std::shared_ptr<FormulaMatrix> matrix_;
    expression::DatasetSummary summary_;
};

expression::Column choice(std::string name, expression::TextArray texts, std::uint32_t cells,
                          std::uint32_t every) {
    expression::Categorical categorical;
    const auto count = static_cast<std::int32_t>(texts.size());
    categorical.categories = std::move(texts);
    for (std::uint32_t cell = 0; cell < cells; ++cell) {
        categorical.codes.push_back(static_cast<std::int32_t>(cell / every) % count);
    }
    return {std::move(name), std::move(categorical), {}};
}

expression::Frame make_obs(std::uint32_t cells) {
    expression::Frame obs;
    std::vector<double> score;
    std::vector<float> share;
    std::vector<std::int32_t> count;
    for (std::uint32_t cell = 0; cell < cells; ++cell) {
        obs.index.push_back(fmt::format("AAACCTGAGAAACC{:08}-1", cell));
        score.push_back(cell * 0.25);
        share.push_back(0.5f);
        count.push_back(static_cast<std::int32_t>(cell % 5000));
    }
    obs.columns.push_back(choice("donor_id", {"d1", "d2", "d3", "d4"}, cells, 1000));
    obs.columns.push_back(choice("sex", {"female", "male"}, cells, 1000));
    obs.columns.push_back(
        choice("disease_ontology_term_id", {"PATO:0000461", "MONDO:1"}, cells, 2000));
    obs.columns.push_back(choice("disease", {"normal", "a disease"}, cells, 2000));
    obs.columns.push_back(choice("self_reported_ethnicity_ontology_term_id",
                                 {"HANCESTRO:0005", "unknown"}, cells, 1000));
    obs.columns.push_back(choice("tissue", {"blood", "lung"}, cells, 3000));
    obs.columns.push_back(choice("assay", {"10x 3' v2", "10x 3' v3"}, cells, 4000));
    obs.columns.push_back(choice("cell_type", {"T cell", "B cell", "monocyte"}, cells, 7));
    obs.columns.push_back(choice("flag", {"yes", "no"}, cells, 3));
    obs.columns.push_back({"score", expression::Array::of(score), {}});
    obs.columns.push_back({"share", expression::Array::of(share), {}});
    obs.columns.push_back({"count", expression::Array::of(count), {}});
    return obs;
}

expression::Frame make_var(std::uint32_t count) {
    expression::Frame var;
    for (std::uint32_t gene = 0; gene < count; ++gene) {
        var.index.push_back(fmt::format("ENSG{:011}", gene));
    }
    return var;
}

std::uint64_t row_count(Warehouse& warehouse, const std::string& statement) {
    Scope scope;
    scope.everything = true;
    QueryLimits limits;
    limits.time = std::chrono::minutes(10);
    limits.rows_max = limits.bytes_max = ~std::uint64_t{0};
    const auto rows = must(warehouse.query(statement, scope, limits));
    std::uint64_t count = 0;
    while (must(rows->next())) ++count;
    return count;
}

void run(std::uint32_t cells, const fs::path& file) {
    sql::DuckDbOptions options;
    options.file = file;
    const auto database = must(sql::open_duckdb(options));
    const auto dataset = std::make_shared<FormulaDataset>(cells);
    const auto open =
        [&](std::string_view) -> Result<std::shared_ptr<const expression::SealedDataset>> {
        return dataset;
    };
    const auto warehouse = must(Warehouse::open(*database, open, system_clock()));
    std::vector<Row> features;
    for (std::uint32_t gene = 0; gene < genes; ++gene) {
        features.push_back({{"featurekey", fmt::format("ENSG{:011}", gene)},
                            {"featurename", fmt::format("GENE{}", gene)},
                            {"isgene", true}});
    }
    fmt::print("features         {:8.3f} s\n",
               seconds_of([&] { must(warehouse->load_features(features, "made up")); }));
    const auto obs = make_obs(cells), var = make_var(genes);
    RevisionRows rows;
    rows.dataset = rows.dataset_name = "immune";
    rows.revision = "r1";
    rows.obs = &obs;
    rows.var = &var;
    rows.biology["publication"] = {{{"projectkey", "immune"}, {"pub_title", "A title"}}};
    fmt::print("load             {:8.3f} s for {} cells x {} columns\n",
               seconds_of([&] { must(warehouse->apply(rows)); }), cells, obs.columns.size());
    const std::pair<const char*, const char*> queries[] = {
        {"count", "SELECT count(*) FROM cells WHERE cell_type = 'T cell'"},
        {"C",
         "SELECT avg(exrpvalue) FROM expression JOIN feature USING (featurekey) JOIN cell "
         "USING (cellkey) JOIN cell_suspension USING (cellsuspensionkey) JOIN specimen USING "
         "(specimenkey) JOIN donor d USING (donorkey) WHERE featurename = 'GENE77' AND "
         "exprtype = 'Count' AND d.diseases_ontology = 'PATO:0000461' AND "
         "d.ethnicity_ontology = 'HANCESTRO:0005'"},
        {"D",
         "SELECT DISTINCT pub_title FROM publication JOIN cell USING (projectkey) JOIN "
         "expression USING (cellkey) WHERE featurekey = 'ENSG00000000077'"},
        {"B/count",
         "SELECT count(*), sum(exrpvalue) FROM expression JOIN cells c USING (cellkey) "
         "WHERE c.\"donor_organism.diseases.ontology\" <> 'PATO:0000461' AND c.flag = "
         "'yes'"},
        {"A/count",
         "SELECT count(cellkey), max(featurekey), sum(exrpvalue) FROM expression JOIN "
         "cell USING (cellkey) JOIN project USING (projectkey) WHERE short_name = "
         "'immune'"}};
    for (const auto& [name, statement] : queries) {
        for (const char* turn : {"first", "again"}) {
            fmt::print("{:8} {:7} {:8.3f} s\n", name, turn,
                       seconds_of([&] { row_count(*warehouse, statement); }));
        }
    }
}

/// A warehouse in a file of its own, which goes with it.
class CommitWarehouse {
public:
    explicit CommitWarehouse(fs::path file) : file_(std::move(file)) {
        remove();
        sql::DuckDbOptions options;
        options.file = file_;
        database_ = must(sql::open_duckdb(options));
        const auto open =
            [](std::string_view) -> Result<std::shared_ptr<const expression::SealedDataset>> {
            return fail(ErrorCode::unsupported, "not measured");
        };
        warehouse_ = must(Warehouse::open(*database_, open, system_clock()));
    }
    ~CommitWarehouse() {
        warehouse_.reset();
        database_.reset();
        remove();
    }
    Warehouse& operator*() const { return *warehouse_; }
    void apply(std::size_t number) const {
        RevisionRows rows;
        rows.dataset = rows.dataset_name = rows.revision = fmt::format("set{:05}", number);
        rows.obs = &obs_;
        rows.var = &var_;
        must(warehouse_->apply(rows));
    }

private:
    void remove() const {
        fs::remove(file_);
        fs::remove(fs::path(file_) += ".wal");
    }
    const fs::path file_;
    const expression::Frame obs_ = make_obs(100), var_ = make_var(200);
    std::shared_ptr<sql::EmbeddedDatabase> database_;
    std::unique_ptr<Warehouse> warehouse_;
};

/// How long a commit of one small dataset takes, and how many go through in a second when eight
/// loaders bring them.
void commit_many(const fs::path& folder) {
    constexpr std::size_t commits = 300, grouped_commits = 1000, loaders = 8;
    std::vector<double> seconds;
    {
        const CommitWarehouse warehouse(folder / "commits.duckdb");
        for (std::size_t i = 0; i < commits; ++i)
            seconds.push_back(seconds_of([&] { warehouse.apply(i); }));
    }
    const CommitWarehouse warehouse(folder / "grouped.duckdb");
    // Until all of them lie in their tables, where a statement reads them.
    const double grouped = seconds_of([&] {
        std::atomic<std::size_t> next{0};
        std::vector<std::thread> threads;
        for (std::size_t loader = 0; loader < loaders; ++loader)
            threads.emplace_back([&] {
                for (std::size_t i = next++; i < grouped_commits; i = next++) warehouse.apply(i);
            });
        for (auto& thread : threads) thread.join();
        row_count(*warehouse, "SELECT count(*) FROM cells");
    });
    std::sort(seconds.begin(), seconds.end());
    const std::pair<const char*, double> measures[] = {
        {"p50_ms", 1e3 * seconds[commits / 2]},
        {"p99_ms", 1e3 * seconds[commits * 99 / 100]},
        {"grouped_ps", grouped_commits / grouped}};
    for (const auto& [name, value] : measures)
        fmt::print("{{\"goal\": \"G26\", \"measure\": \"{}\", \"value\": {:.4g}}}\n", name, value);
}

}  // namespace
}  // namespace stroma::warehouse

int main(int count, char** words) {
    if (count == 3 && std::string_view(words[1]) == "--json") {
        stroma::warehouse::commit_many(words[2]);
        return 0;
    }
    stroma::warehouse::run(count > 1 ? static_cast<std::uint32_t>(std::atoi(words[1])) : 100'000,
                           count > 2 ? words[2] : "");
    return 0;
}
