#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "sql/duckdb/duckdb_database.h"
#include "sql/faulty/faulty_database.h"
#include "warehouse/demo_warehouse.h"
#include "warehouse/loading/load_line.h"
#include "warehouse/loading/packed_rows.h"
#include "warehouse/state.h"
#include "warehouse/tables.h"

namespace stroma::warehouse {
namespace {

using testing::DemoWarehouse;

/// The first value of a statement run beside the fence.
std::string stored(sql::Database& database, const std::string& statement) {
    const auto connection = database.connect().value();
    const auto rows = connection->execute(statement);
    if (!rows || !(*rows)->next().value()) return "nothing";
    return std::to_string((*rows)->integer(0));
}

std::string tables_of_datasets(DemoWarehouse& demo) {
    return stored(*demo.database,
                  "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'store' AND "
                  "regexp_matches(table_name, '^(cells|var)_[0-9]+$')");
}

TEST(Loading, ADatasetThatHasArrivedIsSeenAfterARestart) {
    const fs::path file = fs::temp_directory_path() / fmt::format("loading-{}.duckdb", ::getpid());
    DemoWarehouse demo;
    const auto restart = [&] {
        demo.warehouse.reset();
        demo.database.reset();
        demo.database = *sql::open_duckdb({.file = file});
        demo.reopen();
    };
    restart();
    demo.load("ds1", "r1", 1);
    EXPECT_EQ(stored(*demo.database, "SELECT count(*) FROM store.arrived"), "1");
    restart();
    EXPECT_TRUE(*demo.warehouse->has_revision("r1"));
    EXPECT_TRUE(demo.load("ds1", "r1", 1).already_loaded);
    EXPECT_EQ(demo.text("SELECT count(*), count(score) FROM obs"), "40|40");
    EXPECT_EQ(stored(*demo.database, "SELECT count(*) FROM store.arrived"), "0");
    restart();
    EXPECT_EQ(demo.text("SELECT count(*) FROM obs"), "40");
    fs::remove(file);
    fs::remove(fs::path(file) += ".wal");
}

TEST(Loading, ADatasetThatWaitsIsReplacedAndRemovedLikeAnyOther) {
    DemoWarehouse demo;
    demo.load("ds1", "r1", 1);
    demo.load("ds1", "r2", 2);
    demo.load("ds1", "r0", 0);  // late
    EXPECT_EQ(demo.text("SELECT count(*), min(revision), max(revision) FROM obs"), "40|r2|r2");
    demo.load("ds2", "r3", 1);
    ASSERT_TRUE(demo.warehouse->remove("r3"));
    EXPECT_EQ(demo.text("SELECT string_agg(DISTINCT dataset) FROM cells"), "ds1");
    demo.load("ds2", "r4", 2);
    EXPECT_EQ(demo.text("SELECT count(*) FROM cells WHERE dataset = 'ds2'"), "40");
}

TEST(Loading, DatasetsOfOneShapeShareTablesWhichGoWithTheLastOfThem) {
    DemoWarehouse demo;
    demo.load("ds1", "r1", 1);
    demo.load("ds2", "r2", 1);
    demo.load("ds3", "r3", 1, true);  // its score is text
    EXPECT_EQ(demo.text("SELECT dataset, count(*), count(DISTINCT cellkey) FROM cells GROUP BY "
                        "dataset ORDER BY dataset"),
              "ds1|40|40\nds2|40|40\nds3|40|40");
    EXPECT_EQ(demo.text("SELECT count(*) FROM var"), "36");
    EXPECT_EQ(tables_of_datasets(demo), "3");  // two of cells, one of genes
    Scope only;
    only.datasets = {"ds2"};
    EXPECT_EQ(demo.text("SELECT string_agg(DISTINCT dataset), count(*) FROM obs", only), "ds2|40");
    EXPECT_EQ(demo.text("SELECT string_agg(DISTINCT dataset), count(*) FROM var", only), "ds2|12");
    only.datasets = {"ds1", "ds3"};
    EXPECT_EQ(demo.text("SELECT count(*) FROM cells", only), "80");
    EXPECT_EQ(demo.text("SELECT string_agg(DISTINCT dataset, ',' ORDER BY dataset) FROM var", only),
              "ds1,ds3");

    demo.load("ds1", "r4", 2, true);  // moves to the other table
    EXPECT_EQ(demo.text("SELECT count(*) FROM obs WHERE score = 'high'"), "40");
    for (const auto* revision : {"r4", "r2", "r3"}) ASSERT_TRUE(demo.warehouse->remove(revision));
    EXPECT_EQ(demo.text("SELECT count(*) FROM cells"), "0");
    EXPECT_EQ(tables_of_datasets(demo), "0");
    for (const auto* list : {"table_column", "shared_table", "dataset"})
        EXPECT_EQ(stored(*demo.database, std::string("SELECT count(*) FROM store.") + list), "0");
}

TEST(Loading, KeysOfWhatObsTellsAreTheSameInEveryVersionOfTheProgram) {
    DemoWarehouse demo;
    demo.load("ds1", "r1", 1);
    EXPECT_EQ(
        demo.text("SELECT count(*) FROM cells JOIN obs USING (cellkey) WHERE "
                  "\"donor_organism.provenance.document_id\" = md5('ds1/donor' || chr(31) || "
                  "obs.donor_id || chr(31) || chr(31) || "
                  "obs.self_reported_ethnicity_ontology_term_id || chr(31) || obs.disease || "
                  "chr(31) || obs.disease_ontology_term_id || chr(31) || chr(31) || chr(31) || "
                  "obs.sex) AND \"specimen_from_organism.provenance.document_id\" = "
                  "md5('ds1/specimen' || chr(31) || \"donor_organism.provenance.document_id\" || "
                  "chr(31) || obs.tissue || chr(31)) AND "
                  "\"cell_suspension.provenance.document_id\" = md5('ds1/suspension' || chr(31) || "
                  "\"specimen_from_organism.provenance.document_id\" || chr(31) || chr(31)) AND "
                  "obs.cellkey = md5('ds1/' || obs.cell_id)"),
        "40");
}

TEST(Loading, AStoreOfAnOlderProgramIsTakenOver) {
    DemoWarehouse demo;
    const auto older = *sql::open_duckdb({});
    ASSERT_TRUE(sql::migrate(*older, "warehouse", warehouse_migrations().first(2)));
    const auto connection = older->connect().value();
    ASSERT_TRUE(connection->run_script(R"sql(
        INSERT INTO store.dataset VALUES
            (3, 'old', 'old', 'r9', 1, NULL, NULL, 2, 1, 7, false);
        INSERT INTO store.stl_load_commits VALUES (7, 'apply', 'old', 'old', 'r9', 1, '', '', '',
            '', 2, now()::TIMESTAMP);
        INSERT INTO store.frame_column VALUES (3, 'obs', 0, 'colour', 'colour', 'VARCHAR');
        CREATE TABLE store.cells_7 AS SELECT 0::INTEGER AS cell_index, 'c' AS cell_id,
            'k' AS cellkey, 's' AS cellsuspensionkey, 'p' AS projectkey, 'l' AS librarykey,
            'a' AS analysiskey, 'f' AS file_uuid, '1' AS file_version, 'AC' AS barcode,
            5::BIGINT AS genes_detected, 9::BIGINT AS total_umis,
            true AS emptydrops_is_cell, true AS called, 'red' AS o0;
        CREATE TABLE store.var_7 AS SELECT 0::INTEGER AS gene_index, 'g' AS gene_id,
            'g' AS featurekey;
    )sql"));
    demo.warehouse.reset();
    demo.database = older;
    demo.reopen();
    EXPECT_EQ(demo.text("SELECT cell_id, colour, dataset FROM obs"), "c|red|old");
    demo.load("ds1", "r1", 1);
    EXPECT_EQ(demo.text("SELECT count(*), count(colour), count(stable_cellkey) FROM cells"),
              "41|1|40");
    demo.load("old", "r10", 2);
    EXPECT_EQ(demo.text("SELECT count(*), count(DISTINCT dataset) FROM cells"), "80|2");
    EXPECT_EQ(demo.text("SELECT max(load_id) FROM stl_load_commits"), "9");
}

/// Two cells of one gene, as the revision and dataset of that name.
struct SmallLoad {
    explicit SmallLoad(const std::string& name) {
        obs.index = {"c1", "c2"};
        var.index = {"g1"};
        rows.dataset = rows.dataset_name = rows.revision = name;
        rows.obs = &obs;
        rows.var = &var;
    }
    expression::Frame obs, var;
    RevisionRows rows;
};

/// Applies them at the same time; they find the line busy, so that they are written together.
std::vector<Result<LoadReport>> apply_together(Warehouse& warehouse,
                                               const std::vector<RevisionRows>& all) {
    LoadLine& line = *warehouse.state().line;
    SmallLoad other("other");
    Load first{other.rows, {}};
    std::atomic<bool> is_busy{false};
    std::vector<Result<LoadReport>> reports(all.size());
    std::vector<std::thread> threads;
    threads.emplace_back([&] {
        line.pass(first, [&](auto) {
            is_busy = true;
            while (line.waiting() < all.size()) std::this_thread::yield();
        });
    });
    while (!is_busy) std::this_thread::yield();
    for (std::size_t at = 0; at < all.size(); ++at)
        threads.emplace_back([&, at] { reports[at] = warehouse.apply(all[at]); });
    for (auto& thread : threads) thread.join();
    return reports;
}

TEST(Loading, LoadsThatComeWhileAnotherIsWrittenAreWrittenTogether) {
    LoadLine line;
    SmallLoad some("some");
    Load first{some.rows, {}}, second{some.rows, {}}, third{some.rows, {}};
    std::vector<std::size_t> sizes;
    const auto note = [&](auto loads) { sizes.push_back(loads.size()); };
    std::vector<std::thread> others;
    line.pass(first, [&](auto loads) {
        note(loads);
        for (Load* load : {&second, &third})
            others.emplace_back([&, load] { line.pass(*load, note); });
        while (line.waiting() < 2) std::this_thread::yield();
    });
    for (auto& other : others) other.join();
    EXPECT_EQ(sizes, (std::vector<std::size_t>{1, 2}));
}

TEST(Loading, EachOfTheLoadsThatAreWrittenTogetherIsThereWhenItIsAcknowledged) {
    DemoWarehouse demo;
    const SmallLoad a("a"), b("b"), b_again("b"), c("c");
    SmallLoad c_newer("c");
    c_newer.rows.revision = "c2";
    c_newer.rows.revision_number = 2;
    const auto reports =
        apply_together(*demo.warehouse, {a.rows, b.rows, b_again.rows, c.rows, c_newer.rows});
    int already_loaded = 0;
    for (const auto& report : reports) {
        ASSERT_TRUE(report.has_value()) << report.error().message;
        already_loaded += report->already_loaded;
    }
    EXPECT_EQ(already_loaded, 1);
    EXPECT_EQ(demo.text("SELECT dataset, revision, count(*) FROM obs GROUP BY ALL ORDER BY ALL"),
              "a|a|2\nb|b|2\nc|c2|2");
    EXPECT_EQ(demo.text("SELECT count(*), count(DISTINCT load_id) FROM stl_load_commits"), "4|4");
}

/// An embedded engine whose connections fail by plan.
class FaultyEngine final : public sql::EmbeddedDatabase {
public:
    explicit FaultyEngine(std::shared_ptr<sql::Database> database)
        : kept_(std::move(database)),
          engine_(dynamic_cast<sql::EmbeddedDatabase&>(*kept_)),
          twin_(*kept_) {}
    CallFaults& faults() { return twin_.faults(); }

    Result<std::unique_ptr<sql::Connection>> connect() override { return twin_.connect(); }
    sql::Abilities abilities() const override { return engine_.abilities(); }
    Result<void> add_table_function(const std::string& name, sql::TableFunction function) override {
        return engine_.add_table_function(name, std::move(function));
    }
    Result<std::unique_ptr<sql::Rows>> execute_named(sql::Connection& connection,
                                                     std::string_view statement,
                                                     const sql::NamedValues& values) override {
        return engine_.execute_named(connection, statement, values);
    }
    Result<void> checkpoint() override { return engine_.checkpoint(); }
    Result<void> backup_to(const fs::path& path) override { return engine_.backup_to(path); }
    Result<void> verify() override { return engine_.verify(); }
    Result<std::uint64_t> write_parquet(std::shared_ptr<sql::TableScan> rows,
                                        const std::vector<std::string>& names,
                                        const std::vector<std::string>& engine_types,
                                        const fs::path& path) override {
        return engine_.write_parquet(std::move(rows), names, engine_types, path);
    }
    std::shared_ptr<void> without_helpers() override { return engine_.without_helpers(); }
    std::optional<double> progress(sql::Connection& connection) override {
        return engine_.progress(connection);
    }

private:
    std::shared_ptr<sql::Database> kept_;
    sql::EmbeddedDatabase& engine_;
    sql::FaultyDatabase twin_;
};

/// Three loads written together over an engine that fails by plan.
struct FaultyGroup {
    FaultyGroup() : engine(std::make_shared<FaultyEngine>(*sql::open_duckdb({}))) {
        demo.warehouse.reset();
        demo.database = engine;
        demo.reopen();
    }

    std::vector<Result<LoadReport>> apply() {
        return apply_together(*demo.warehouse, {a.rows, b.rows, c.rows});
    }
    /// "revisions that have arrived|lines of the ledger|lines of different revisions".
    std::string kept() {
        engine->faults().before_each_call({});
        engine->faults().plan({});
        return stored(*engine, "SELECT count(DISTINCT revision) FROM store.arrived") + "|" +
               stored(*engine, "SELECT count(*) FROM store.stl_load_commits") + "|" +
               stored(*engine, "SELECT count(DISTINCT revision) FROM store.stl_load_commits");
    }

    DemoWarehouse demo;
    std::shared_ptr<FaultyEngine> engine;
    const SmallLoad a{"a"}, b{"b"}, c{"c"};
};

TEST(Loading, AFailedGroupIsTriedOneByOneWhicheverCallFailed) {
    for (const auto kind : {CallFault::Kind::fail_before, CallFault::Kind::fail_after}) {
        for (std::uint64_t at = 1;; ++at) {
            FaultyGroup group;
            group.engine->faults().plan({.at = at, .kind = kind});
            const auto reports = group.apply();
            const bool met = group.engine->faults().calls_made() >= at;
            for (const auto& report : reports)
                EXPECT_TRUE(report.has_value()) << "call " << at << ": " << report.error().message;
            EXPECT_EQ(group.kept(), "3|3|3") << "call " << at;
            if (!met) break;
            ASSERT_LT(at, 100u);
        }
    }
}

TEST(Loading, OneThatFailsByItselfTooIsTheOnlyOneLeftOut) {
    FaultyGroup group;
    CallFaults& faults = group.engine->faults();
    int transactions = 0;
    faults.before_each_call([&](std::string_view call) {
        if (call != "begin") return;
        ++transactions;
        // The group's, and that of the second load by itself.
        faults.plan({.at = transactions == 1 || transactions == 3 ? 1u : 0u});
    });
    const auto reports = group.apply();
    std::vector<const Error*> failed;
    for (const auto& report : reports)
        if (!report) failed.push_back(&report.error());
    ASSERT_EQ(failed.size(), 1u);
    EXPECT_NE(failed[0]->message.find("planned fault"), std::string::npos) << failed[0]->message;
    EXPECT_EQ(group.kept(), "2|2|2");
    for (const auto* load : {&group.a, &group.b, &group.c})
        EXPECT_TRUE(group.demo.warehouse->apply(load->rows).has_value());
    EXPECT_EQ(group.kept(), "3|3|3");
}

TEST(Loading, PackedRowsComeBackAndDamagedOnesAreRefused) {
    expression::Frame obs, var;
    obs.index = {"c1", "c2"};
    obs.columns.push_back({"depth", expression::Array::of(std::vector<double>{1, 2.5}), {}});
    obs.columns.push_back(
        {"group", expression::Categorical{{0, -1}, expression::TextArray{"a"}, false}, {}});
    obs.columns.push_back({"note", expression::TextArray{"x", ""}, std::vector<bool>{false, true}});
    var.index = {"g1"};
    RevisionRows rows;
    rows.dataset = rows.dataset_name = rows.revision = "ds1";
    rows.obs = &obs;
    rows.var = &var;
    rows.cell_totals = {7, 8};
    rows.cell_columns["barcode"] = {std::string("AC"), {}};
    const RevisionTables tables = tables_of(rows);
    const std::string packed = pack(tables);
    const auto back = unpack(packed);
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(pack(*back).size(), packed.size());
    EXPECT_EQ(back->cells.shape, tables.cells.shape);
    EXPECT_EQ(back->genes.shape, tables.genes.shape);
    for (std::size_t size = 0; size < packed.size(); ++size)
        EXPECT_FALSE(unpack(std::string_view(packed).substr(0, size)).has_value()) << size;
    for (std::size_t at = 0; at < packed.size(); ++at) {
        std::string damaged = packed;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x81);
        const auto read = unpack(damaged);  // may be another text, never another shape
        if (read) {
            EXPECT_EQ(pack(*read).size(), damaged.size()) << at;
        }
    }
}

}  // namespace
}  // namespace stroma::warehouse
