#include "loader/table_load.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <optional>
#include <thread>

#include "loader/ends.h"
#include "loader/loader_rows.h"
#include "redshift/folder_lake.h"
#include "redshift/load/row_text.h"
#include "sql/postgres/postgres_database.h"
#include "sql/postgres/postgres_server.h"

namespace stroma::loader {
namespace {

using redshift::Answer;

/// One server for all tests of this program; null where PostgreSQL isn't installed.
sql::PostgresServer* postgres_server() {
    static const auto server = sql::PostgresServer::start().value();
    return server.get();
}

/// The same loads into the user database and into a PostgreSQL, as the parameter says.
class Loading : public testing::TestWithParam<const char*> {
protected:
    bool is_elsewhere() const { return GetParam() == std::string_view("postgres"); }
    void open_elsewhere() {
        if (postgres_server() == nullptr) GTEST_SKIP() << "PostgreSQL isn't installed";
        const std::string place = postgres_server()->new_database();
        const auto database = sql::PostgresDatabase::open(place).value();
        const auto connection = database->connect().value();
        const auto name = place.substr(place.find("dbname=") + 7);
        ASSERT_TRUE(connection->run_script("ALTER DATABASE " + name +
                                           " SET search_path = public, stroma_system"));
        elsewhere.database =
            sql::PostgresDatabase::open(place, {.concurrent_writers = true}).value();
        elsewhere.dialect = &postgres_dialect();
        ASSERT_TRUE(make_ledger(*elsewhere.database));
        ASSERT_TRUE(make_ledger(*elsewhere.database));
        other = elsewhere.database->connect().value();
    }
    void SetUp() override {
        std::string name = testing::TempDir() + "loader_XXXXXX";
        folder = ::mkdtemp(name.data());
        redshift::EngineOptions options;
        options.folder = folder / "data";
        options.lake = std::make_shared<redshift::FolderLake>(folder / "lake");
        engine = redshift::Engine::open(std::move(options)).value();
        ASSERT_TRUE(make_tables(*engine));
        const auto step = [this](std::string_view reached) {
            return at_step ? at_step(reached) : Answer<void>{};
        };
        if (is_elsewhere()) open_elsewhere();
        if (IsSkipped() || HasFatalFailure()) return;
        const auto tell = [this](const StatementEnd& end) -> Result<void> {
            if (!can_tell) return fail(ErrorCode::unavailable, "nobody listens");
            told.push_back(end.state + " " + end.id);
            return {};
        };
        parts = std::make_unique<LoadParts>(
            LoadParts{*engine, system_clock(), ids, tell, step, elsewhere, "me"});
        loading = std::make_unique<TableLoad>(*parts);
        session = engine->connect({catalog::local_administrator()}).value();
        order.table = "orders";
        order.source = "test";
        order.manifest_bucket = "lake";
        order.manifest_prefix = "manifests/";
        order.copy_options = "CSV";
        order.database = "dev";
        order.principal = catalog::local_administrator();
        order.merge = {LoadMode::latest, {"id"}, "at", ""};
        fs::create_directories(folder / "lake/lake/in");
        sql("CREATE TABLE orders(id INTEGER, at TIMESTAMP, what VARCHAR(20))");
    }
    void TearDown() override {
        loading.reset();
        other.reset();
        session.reset();
        engine.reset();
        fs::remove_all(folder);
    }
    /// On the database that is loaded into.
    std::string sql(const std::string& text) {
        std::string shown;
        if (is_elsewhere()) {
            const auto rows = other->execute(text);
            EXPECT_TRUE(rows) << (rows ? "" : rows.error().message);
            while (rows && (*rows)->next().value_or(false))
                for (std::size_t at = 0; at < (*rows)->columns().size(); ++at)
                    add(shown, at, (*rows)->value(at));
            return shown;
        }
        const auto statements = redshift::split(text);
        for (const auto& statement : *statements) {
            const auto cursor = session->run(statement);
            EXPECT_TRUE(cursor) << (cursor ? "" : cursor.error().message);
            if (!cursor) return "";
            while ((*cursor)->next().value_or(false))
                for (std::size_t at = 0; at < (*cursor)->columns().size(); ++at)
                    add(shown, at, (*cursor)->value(at));
        }
        return shown;
    }
    static void add(std::string& shown, std::size_t at, const sql::Value& value) {
        shown += at > 0 ? "," : shown.empty() ? "" : " ";
        shown += std::holds_alternative<std::monostate>(value) ? "-" : redshift::text_of(value);
    }
    void forget_everything() {
        sql("DELETE FROM orders");
        ASSERT_TRUE(
            parts->ledger().connect().value()->change("DELETE FROM stroma_system.load_ledger"));
    }
    Notice put(const std::string& name, const std::string& text) {
        std::ofstream(folder / "lake/lake/in" / name, std::ios::binary) << text;
        return {"lake", "in/" + name, "", 0, true};
    }
    Result<LoadReport> load(const std::vector<Notice>& notices) {
        return loading->run(order, notices, {});
    }
    std::string rows() { return sql("SELECT id, what FROM orders ORDER BY id, what"); }

    fs::path folder;
    IdSource ids{7};
    std::unique_ptr<redshift::Engine> engine;
    std::unique_ptr<redshift::Session> session;
    OtherDatabase elsewhere;
    std::unique_ptr<sql::Connection> other;
    std::unique_ptr<LoadParts> parts;
    std::unique_ptr<TableLoad> loading;
    std::vector<std::string> told;
    bool can_tell = true;
    LoadOrder order;
    std::function<Answer<void>(std::string_view)> at_step;
};

INSTANTIATE_TEST_SUITE_P(Of, Loading, testing::Values("duckdb", "postgres"),
                         [](const auto& of) { return std::string(of.param); });

TEST_P(Loading, TheLatestRowOfAKeyStaysInWhateverOrderFilesCome) {
    std::vector<Notice> notices = {put("a", "1,2026-01-01,old\n2,2026-01-05,two\n"),
                                   put("b", "1,2026-01-03,new\n"), put("c", "1,2026-01-02,mid\n")};
    std::sort(notices.begin(), notices.end(),
              [](const Notice& a, const Notice& b) { return a.key < b.key; });
    do {
        forget_everything();
        for (const Notice& notice : notices) ASSERT_TRUE(load({notice}));
        EXPECT_EQ(rows(), "1,new 2,two");
    } while (std::next_permutation(notices.begin(), notices.end(),
                                   [](const Notice& a, const Notice& b) { return a.key < b.key; }));
}

TEST_P(Loading, OfEqualTimestampsTheGreatestRowWinsAndNoKeyIsThereTwice) {
    ASSERT_TRUE(load({put("a", "1,2026-01-01,b\n1,2026-01-01,c\n1,2026-01-01,c\n")}));
    EXPECT_EQ(rows(), "1,c");
    ASSERT_TRUE(load({put("b", "1,2026-01-01,a\n")}));
    EXPECT_EQ(rows(), "1,c");
    ASSERT_TRUE(load({put("c", "1,2026-01-01,d\n")}));
    EXPECT_EQ(rows(), "1,d");
}

TEST_P(Loading, ARowWithoutTimeLosesAndOneWithoutKeyIsRefusedByName) {
    const auto report = load(
        {put("a", "1,,never\n,2026-01-01,nobody\n2,,alone\n"), put("b", "1,2026-01-01,dated\n")});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(rows(), "1,dated 2,alone");
    EXPECT_EQ(report->counts.rejected, 1);
    EXPECT_EQ(sql("SELECT filename, line_number, colname, err_code FROM stl_load_errors"),
              "s3://lake/in/a,2,id,1213");
}

TEST_P(Loading, AKeyOfSeveralColumnsAndOddNames) {
    sql("CREATE TABLE odd(\"the key\" INTEGER, day DATE, at TIMESTAMP, \"a\"\"b\" VARCHAR)");
    order.table = "public.odd";
    order.merge.keys = {"the key", "day"};
    ASSERT_TRUE(load({put("a",
                          "1,2026-01-01,2026-01-01,x\n1,2026-01-02,2026-01-01,y\n"
                          "1,2026-01-01,2026-01-02,z\n")}));
    EXPECT_EQ(sql("SELECT \"the key\", day, \"a\"\"b\" FROM odd ORDER BY 2"),
              "1,2026-01-01,z 1,2026-01-02,y");
    order.merge.keys = {"id; DROP TABLE orders"};
    EXPECT_FALSE(load({put("b", "1,2026-01-01,2026-01-01,x\n")}));
    EXPECT_EQ(rows(), "");
}

TEST_P(Loading, ColumnsMayBeCalledWhatOurStatementsMightCallTheirs) {
    sql("CREATE TABLE odd(number INTEGER, url VARCHAR(9), s INTEGER, at TIMESTAMP, t VARCHAR(9), "
        "place INTEGER, is_new INTEGER, was_there INTEGER, line VARCHAR(9), staged INTEGER)");
    order.table = "public.odd";
    order.merge.keys = {"number", "url", "s"};
    const auto report = load({put("a",
                                  "1,u,1,2026-01-01,x,5,0,1,l,0\n1,u,,2026-01-01,x,5,0,1,l,0\n"
                                  "1,u,1,2026-01-02,y,6,0,0,m,0\n")});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->counts.rejected, 1);
    EXPECT_EQ(sql("SELECT number, url, s, t, place, is_new, line FROM odd"), "1,u,1,y,6,0,m");
    ASSERT_TRUE(load({put("b", "1,u,1,2026-01-03,z,7,1,1,n,0\n")}));
    EXPECT_EQ(sql("SELECT t, place, is_new FROM odd"), "z,7,1");
    EXPECT_EQ(sql("SELECT line_number, colname, err_code FROM stl_load_errors"), "2,s,1213");
}

TEST_P(Loading, HistoryKeepsEveryVersionOnce) {
    order.merge.mode = LoadMode::history;
    ASSERT_TRUE(load({put("a", "1,2026-01-01,a\n1,2026-01-02,b\n1,2026-01-02,b\n")}));
    ASSERT_TRUE(load({put("b", "1,2026-01-02,b\n1,2026-01-03,c\n1,,none\n")}));
    EXPECT_EQ(sql("SELECT what FROM orders ORDER BY at"), "a b c none");
}

TEST_P(Loading, LateRowsAreCountedAndKept) {
    sql("CREATE TABLE late(id INTEGER, at TIMESTAMP, what VARCHAR(20))");
    order.merge.late_table = "late";
    ASSERT_TRUE(load({put("a", "1,2026-02-01,now\n")}));
    const auto report = load({put("b", "1,2026-01-01,late\n")});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->counts.late, 1);
    EXPECT_EQ(rows(), "1,now");
    EXPECT_EQ(sql("SELECT what FROM late"), "late");
}

TEST_P(Loading, ACrashAtAnyStepAndARepeatGiveTheSameRows) {
    for (const LoadMode mode : {LoadMode::append, LoadMode::latest}) {
        order.merge.mode = mode;
        for (const std::string crash :
             {"locked", "manifest", "copied", "merged", "commit", "committed"}) {
            forget_everything();
            const std::vector<Notice> notices = {put("a", "1,2026-01-01,a\n"),
                                                 put("b", "2,2026-01-01,b\n")};
            at_step = [&](std::string_view step) -> Answer<void> {
                if (step == crash) return redshift::refuse("58030", "the process ends here");
                return {};
            };
            const auto killed = load(notices);
            ASSERT_FALSE(killed) << crash;
            EXPECT_EQ(killed.error().code, ErrorCode::unavailable) << crash;
            EXPECT_EQ(rows(), crash == "committed" ? "1,a 2,b" : "") << crash;
            at_step = {};
            ASSERT_TRUE(load(notices)) << crash;
            const auto again = load({notices[1], notices[0], notices[1]});
            ASSERT_TRUE(again);
            EXPECT_EQ(again->counts.files, 0);
            EXPECT_EQ(rows(), "1,a 2,b") << crash;
            EXPECT_EQ(sql("SELECT count(*) FROM stroma_load_ledger"), "2");
        }
    }
}

TEST_P(Loading, AConflictIsRepeatedWithinABoundAndNothingElseIs) {
    int failures = 2, seen = 0;
    std::string state = "40001";
    std::vector<std::chrono::steady_clock::time_point> tries;
    at_step = [&](std::string_view step) -> Answer<void> {
        if (step != "merged") return {};
        ++seen;
        tries.push_back(std::chrono::steady_clock::now());
        if (failures-- <= 0) return {};
        return redshift::refuse(state, "1023: Serializable isolation violation on table - 1");
    };
    const auto notice = put("a", "1,2026-01-01,a\n");
    const auto report = load({notice});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->retries, 2);
    EXPECT_EQ(seen, 3);
    // The pause before each is waited for, and it is a tenth of a second at least.
    for (std::size_t at = 1; at < tries.size(); ++at)
        EXPECT_GE(tries[at] - tries[at - 1], std::chrono::milliseconds(100));
    EXPECT_EQ(rows(), "1,a");
    EXPECT_EQ(sql("SELECT left(statement, 10), attempt FROM stroma_loads"), "dev/retry/,3");
    failures = 100;
    seen = 0;
    order.attempts = 3;
    const auto never = load({put("b", "2,2026-01-01,b\n")});
    ASSERT_FALSE(never);
    EXPECT_EQ(never.error().code, ErrorCode::conflict);
    EXPECT_EQ(seen, 3);
    at_step = [&](std::string_view step) -> Answer<void> {
        if (step != "merged") return {};
        ++seen;
        return redshift::refuse("53100", "the disk is full");
    };
    seen = 0;
    EXPECT_FALSE(load({put("b", "2,2026-01-01,b\n")}));
    EXPECT_EQ(seen, 1);
}

TEST_P(Loading, PoisonDoesNotKeepTheOthersAndSaysWhy) {
    std::vector<Notice> notices;
    for (int i = 0; i < 8; ++i)
        notices.push_back(put("f" + std::to_string(i), std::to_string(i) + ",2026-01-01,x\n"));
    notices.push_back(put("bad", "9,2026-01-01,x\nnine,2026-01-01,x\n"));
    notices.push_back(put("worse", "10\n"));
    const auto report = load(notices);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(sql("SELECT count(*) FROM orders"), "8");
    std::string reasons;
    for (const auto& outcome : report->objects)
        if (outcome.state == ObjectState::refused) reasons += outcome.notice.key + outcome.reason;
    EXPECT_NE(reasons.find("s3://lake/in/bad, line 2: 1207"), std::string::npos) << reasons;
    EXPECT_NE(reasons.find("in/worse"), std::string::npos) << reasons;
}

TEST_P(Loading, AnObjectThatIsGoneIsNotedAndKeepsNobody) {
    const auto report = load({{"lake", "in/gone", "e", 0, true}, put("a", "1,2026-01-01,a\n")});
    ASSERT_TRUE(report);
    EXPECT_EQ(rows(), "1,a");
    EXPECT_EQ(sql("SELECT \"key\", status FROM stroma_load_ledger ORDER BY 1"),
              "in/a,loaded in/gone,missing");
}

TEST_P(Loading, DriftIsPassedOverRefusedOrTaken) {
    order.copy_options = "CSV IGNOREHEADER 1";
    order.drift = DriftPolicy::quarantine;
    const auto swapped = put("swapped", "what,id,at\nx,1,2026-01-01\n");
    const auto wider = put("wider", "id,at,what,price\n2,2026-01-01,y,1.5\n");
    auto report = load({swapped, wider});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(rows(), "1,x");
    EXPECT_EQ(std::count_if(report->objects.begin(), report->objects.end(),
                            [](const auto& o) { return o.state == ObjectState::refused; }),
              1);
    order.drift = DriftPolicy::fail;
    const auto failed = load({wider});
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().message.find("\"price\""), std::string::npos);
    order.drift = DriftPolicy::add_column;
    ASSERT_TRUE(load({wider}));
    EXPECT_EQ(sql("SELECT id, price FROM orders ORDER BY id"), "1,- 2,1.5");
    EXPECT_EQ(sql("SELECT column_name, type FROM stroma_schema_history"), "price,double precision");
    order.copy_options = "JSON 'auto'";
    ASSERT_TRUE(load({put("j", R"({"id": 3, "at": "2026-01-01", "what": "z", "tags": ["a"]})")}));
    EXPECT_EQ(sql("SELECT tags FROM orders WHERE id = 3"), "[\"a\"]");
    order.drift = DriftPolicy::ignore;
    ASSERT_TRUE(load({put("k", R"({"id": 4, "at": "2026-01-01", "what": "z", "more": 1})")}));
    EXPECT_EQ(sql("SELECT count(*) FROM orders"), "4");
}

TEST_P(Loading, AMissingTableIsNoFaultOfItsObjects) {
    order.table = "nowhere";
    const auto report = load({put("a", "1,2026-01-01,a\n")});
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::not_found);
}

TEST_P(Loading, AnEndThatNobodyHeardIsToldAtTheNextStartAndNotAgain) {
    ASSERT_TRUE(load({put("a", "1,2026-01-01,a\n")}));
    ASSERT_EQ(told.size(), 1u);
    at_step = [](std::string_view step) -> Answer<void> {
        if (step == "committed") return redshift::refuse("58030", "the process ends here");
        return {};
    };
    ASSERT_FALSE(load({put("b", "2,2026-01-01,b\n")}));
    ASSERT_EQ(told.size(), 2u);  // a FAILED of what was committed all the same
    told.clear();
    at_step = {};
    can_tell = false;
    ASSERT_TRUE(load({put("c", "3,2026-01-01,c\n")}));
    EXPECT_TRUE(told.empty());
    can_tell = true;
    loading = nullptr;
    ASSERT_TRUE(tell_left(*parts));
    EXPECT_EQ(told.size(), 2u);  // of b and c; a's was told, and its line went with the next load
    ASSERT_TRUE(tell_left(*parts));
    EXPECT_EQ(told.size(), 2u);
    EXPECT_EQ(sql("SELECT count(*) FROM stroma_loads"), "3");
}

TEST_P(Loading, ValuesOfEveryTypeAreTheFiles) {
    sql("CREATE TABLE wide(id BIGINT, small SMALLINT, real4 REAL, real8 DOUBLE PRECISION, yes "
        "BOOLEAN, day DATE, at TIMESTAMP, zoned TIMESTAMPTZ, price DECIMAL(10,2), what "
        "VARCHAR(20), code CHAR(3))");
    order.table = "wide";
    ASSERT_TRUE(load({put("a",
                          "1,-3,0.5,1e300,t,1969-12-31,1969-12-31 23:59:59.5,2026-01-01 "
                          "02:00:00+02,12.345,\"a,\"\"b\",xyz\n2,,,,,,,,,,\n")}));
    EXPECT_EQ(sql("SELECT id, small, real4, real8, yes, day, CAST(at AS VARCHAR(30)), CAST(zoned "
                  "= TIMESTAMPTZ '2026-01-01 00:00:00+00' AS VARCHAR(5)), CAST(price AS "
                  "VARCHAR(20)), what, code FROM wide WHERE id = 1"),
              "1,-3,0.5,1e+300,t,1969-12-31,1969-12-31 23:59:59.5,true,12.34,a,\"b,xyz");
    EXPECT_EQ(sql("SELECT count(*) FROM wide WHERE small IS NULL AND day IS NULL AND zoned IS NULL "
                  "AND price IS NULL"),
              "1");
}

TEST_P(Loading, ALoaderOfAnotherProcessIsWaitedForAndSeen) {
    TableLoad second(*parts);
    const auto notice = put("a", "1,2026-01-01,a\n");
    std::jthread beside;
    std::optional<Result<LoadReport>> found;
    bool is_first = true;
    at_step = [&](std::string_view step) -> Answer<void> {
        if (step != "merged" || !std::exchange(is_first, false)) return {};
        beside = std::jthread([&] { found = second.run(order, {notice}, {}); });
        return {};
    };
    ASSERT_TRUE(load({notice}));
    beside.join();
    ASSERT_TRUE(*found) << found->error().message;
    EXPECT_EQ((*found)->objects.front().state, ObjectState::known);
    EXPECT_EQ(rows(), "1,a");
}

/// What the engine's tables don't do: their keys aren't enforced, their locks have redshift_test.
class LoadingElsewhere : public Loading {};
INSTANTIATE_TEST_SUITE_P(Of, LoadingElsewhere, testing::Values("postgres"),
                         [](const auto& of) { return std::string(of.param); });

TEST_P(LoadingElsewhere, WhatTheTableForbidsGoesAsideAndTheOthersStay) {
    sql("ALTER TABLE orders ADD CHECK (what <> 'bad')");
    const auto report = load({put("a", "1,2026-01-01,good\n"), put("b", "2,2026-01-01,bad\n"),
                              put("c", "3,2026-01-01,fine\n")});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(rows(), "1,good 3,fine");
    EXPECT_EQ(std::count_if(report->objects.begin(), report->objects.end(),
                            [](const auto& o) { return o.state == ObjectState::refused; }),
              1);
}

// A real one: each waits for a row or a table that the other holds.
TEST_P(LoadingElsewhere, ADeadlockWithSomebodyElseIsRepeated) {
    sql("CREATE TABLE beside(n INTEGER)");
    const auto somebody = elsewhere.database->connect().value();
    ASSERT_TRUE(other->run_script("SET deadlock_timeout = '10s'"));
    ASSERT_TRUE(somebody->run_script("SET deadlock_timeout = '10s'"));
    order.merge.late_table = "beside";
    std::jthread holder;
    int locked = 0;
    at_step = [&](std::string_view step) -> Answer<void> {
        if (step != "locked" || locked++ > 0) return {};
        EXPECT_TRUE(somebody->begin(sql::TransactionKind::write));
        EXPECT_TRUE(somebody->run_script("LOCK TABLE stroma_system.loads"));
        holder = std::jthread([&] {
            // Waits for the table that the load has; the load comes to want what we hold.
            EXPECT_TRUE(somebody->run_script("LOCK TABLE orders IN SHARE MODE"));
            EXPECT_TRUE(somebody->commit());
        });
        return {};
    };
    const auto report = load({put("a", "1,2026-01-01,a\n")});
    holder.join();
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_GE(report->retries, 1);
    EXPECT_EQ(rows(), "1,a");
}

}  // namespace
}  // namespace stroma::loader
