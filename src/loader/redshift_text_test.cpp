#include <gtest/gtest.h>

#include <fstream>
#include <regex>

#include "loader/table_load.h"
#include "redshift/folder_lake.h"

// What a Redshift cluster would be sent: no cluster is at hand, so the texts are what is tested.

namespace stroma::loader {
namespace {

class CannedRows final : public sql::Rows {
public:
    explicit CannedRows(std::vector<std::vector<sql::Value>> rows) : rows_(std::move(rows)) {
        if (!rows_.empty()) columns_.resize(rows_.front().size());
    }
    const std::vector<sql::ColumnInfo>& columns() const override { return columns_; }
    Result<bool> next() override { return ++at_ <= rows_.size(); }
    sql::Value value(std::size_t column) const override { return rows_[at_ - 1][column]; }
    std::int64_t rows_changed() const override { return 0; }

private:
    std::vector<std::vector<sql::Value>> rows_;
    std::vector<sql::ColumnInfo> columns_;
    std::size_t at_ = 0;
};

/// Writes down what it is told, and answers what a cluster with that table would.
class Cluster final : public sql::Database {
public:
    Result<std::unique_ptr<sql::Connection>> connect() override;
    sql::Abilities abilities() const override { return {.concurrent_writers = true}; }
    std::vector<std::string> told;
    std::vector<sql::Value> ledger;  ///< values of the last line written there
    std::string fails_once;          ///< the statement that begins so ends in a conflict
};

class ClusterConnection final : public sql::Connection {
public:
    explicit ClusterConnection(Cluster& cluster) : cluster_(cluster) {}
    Result<std::unique_ptr<sql::Rows>> execute(std::string_view statement,
                                               std::span<const sql::Value> values) override {
        if (statement.starts_with("INSERT INTO stroma_system.load_ledger"))
            cluster_.ledger.assign(values.begin(), values.end());
        cluster_.told.push_back(without_ids(statement));
        if (!cluster_.fails_once.empty() && statement.starts_with(cluster_.fails_once)) {
            cluster_.fails_once.clear();
            return fail(ErrorCode::invalid_input,
                        "1023 DETAIL: Serializable isolation violation on table - 100173");
        }
        return std::make_unique<CannedRows>(answer(statement));
    }
    Result<void> run_script(std::string_view) override { return {}; }
    Result<void> begin(sql::TransactionKind) override {
        cluster_.told.emplace_back("BEGIN");
        is_open_ = true;
        return {};
    }
    Result<void> commit() override {
        cluster_.told.emplace_back("COMMIT");
        is_open_ = false;
        return {};
    }
    void rollback() override {
        if (std::exchange(is_open_, false)) cluster_.told.emplace_back("ROLLBACK");
    }
    Result<std::unique_ptr<sql::Appender>> append_to(std::string_view) override {
        return fail(ErrorCode::unsupported, "a cluster takes no rows from a client");
    }
    void interrupt() override {}

private:
    static std::string without_ids(std::string_view statement) {
        static const std::regex id("[0-9a-f]{8}-[0-9a-f-]{27}");
        return std::regex_replace(std::string(statement), id, "ID");
    }
    static std::vector<std::vector<sql::Value>> answer(std::string_view statement) {
        const auto has = [&](std::string_view part) { return statement.find(part) != part.npos; };
        if (has("svv_columns"))
            return {{"number", "bigint", {}, true, true},
                    {"id", "integer", {}, true, false},
                    {"at", "timestamp without time zone", {}, false, false},
                    {"what", "character varying(20)", "'none'", false, false}};
        if (has("stl_load_commits"))
            return {{"s3://lake/in/a      ", std::int64_t{5}},
                    {"s3://lake/in/a-longer ", std::int64_t{9}}};
        if (has("min(")) return {{"1", "4"}};
        if (has("sum(")) return {{std::int64_t{2}, std::int64_t{1}}};
        if (has("IS NULL")) return {{std::int64_t{0}}};
        if (has("SELECT count(*)")) return {{std::int64_t{3}}};
        if (has("max(\"at\")")) return {{"2026-01-03 00:00:00"}};
        return {};
    }
    Cluster& cluster_;
    bool is_open_ = false;
};

Result<std::unique_ptr<sql::Connection>> Cluster::connect() {
    return std::make_unique<ClusterConnection>(*this);
}

class RedshiftText : public testing::Test {
protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "cluster_XXXXXX";
        folder = ::mkdtemp(name.data());
        redshift::EngineOptions options;
        options.folder = folder / "data";
        options.lake = std::make_shared<redshift::FolderLake>(folder / "lake");
        engine = redshift::Engine::open(std::move(options)).value();
        fs::create_directories(folder / "lake/lake/in");
        std::ofstream(folder / "lake/lake/in/a") << "1,2026-01-01,x\n";
        order.table = "orders";
        order.database = "dev";
        order.manifest_bucket = "lake";
        order.manifest_prefix = "manifests/";
        order.copy_options = "CSV GZIP";
        order.role = "arn:aws:iam::000000000000:role/copy";
        order.principal = catalog::local_administrator();
        order.merge = {LoadMode::latest, {"id"}, "at", ""};
    }
    void TearDown() override {
        engine.reset();
        fs::remove_all(folder);
    }
    std::string told() {
        const auto step = [](std::string_view) -> redshift::Answer<void> { return {}; };
        TableLoad load({*engine, clock, ids, {}, step, {cluster, &redshift_dialect()}, "me"});
        const auto report = load.run(order, {{"lake", "in/a", "", 0, true}}, {});
        EXPECT_TRUE(report) << (report ? "" : report.error().message);
        std::string text;
        for (const std::string& one : cluster->told)
            if (one.find("svv_columns") == one.npos) text += one + "\n";
        return text;
    }

    fs::path folder;
    ManualClock clock;
    IdSource ids{7};
    std::unique_ptr<redshift::Engine> engine;
    std::shared_ptr<Cluster> cluster = std::make_shared<Cluster>();
    LoadOrder order;
};

/// test/redshift/cluster/NAME.sql
std::string expected(const std::string& name) {
    std::ifstream file(std::string(STROMA_CLUSTER_TEXTS) + "/" + name + ".sql");
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST_F(RedshiftText, AMergeIsOneTransactionThatLocksFirstAndCopiesFromTheManifest) {
    EXPECT_EQ(told(), expected("merge"));
}

TEST_F(RedshiftText, AnObjectIsCountedByItsWholeNameThoughTheClusterPadsIt) {
    order.merge = {};
    ASSERT_NE(told(), "");
    const auto& ledger = cluster->ledger;
    EXPECT_EQ(std::count(ledger.begin(), ledger.end(), sql::Value(std::int64_t{5})), 1);
    EXPECT_EQ(std::count(ledger.begin(), ledger.end(), sql::Value(std::int64_t{9})), 0);
}

TEST_F(RedshiftText, HistoryComparesTimesThatMayBeNull) {
    order.merge.mode = LoadMode::history;
    EXPECT_EQ(told(), expected("history"));
}

TEST_F(RedshiftText, RowsWithoutAKeyAreAppended) {
    order.merge = {};
    EXPECT_EQ(told(), expected("append"));
}

TEST_F(RedshiftText, ASerializableIsolationViolationIsRolledBackAndTriedAgain) {
    order.merge = {};
    cluster->fails_once = "INSERT INTO \"public\".\"orders\"";
    EXPECT_EQ(told(), expected("retry"));
}

}  // namespace
}  // namespace stroma::loader
