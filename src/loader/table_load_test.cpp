#include "loader/table_load.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "loader/loader_rows.h"
#include "redshift/folder_lake.h"
#include "redshift/load/row_text.h"

namespace stroma::loader {
namespace {

using redshift::Answer;

class Loading : public testing::Test {
protected:
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
        loading = std::make_unique<TableLoad>(LoadParts{*engine, system_clock(), ids, {}, step});
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
        session.reset();
        engine.reset();
        fs::remove_all(folder);
    }
    std::string sql(const std::string& text) {
        std::string shown;
        const auto statements = redshift::split(text);
        for (const auto& statement : *statements) {
            const auto cursor = session->run(statement);
            EXPECT_TRUE(cursor) << (cursor ? "" : cursor.error().message);
            if (!cursor) return "";
            while ((*cursor)->next().value_or(false))
                for (std::size_t at = 0; at < (*cursor)->columns().size(); ++at) {
                    const sql::Value value = (*cursor)->value(at);
                    shown += at > 0 ? "," : shown.empty() ? "" : " ";
                    shown += std::holds_alternative<std::monostate>(value)
                                 ? "-"
                                 : redshift::text_of(value);
                }
        }
        return shown;
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
    std::unique_ptr<TableLoad> loading;
    LoadOrder order;
    std::function<Answer<void>(std::string_view)> at_step;
};

TEST_F(Loading, TheLatestRowOfAKeyStaysInWhateverOrderFilesCome) {
    std::vector<Notice> notices = {put("a", "1,2026-01-01,old\n2,2026-01-05,two\n"),
                                   put("b", "1,2026-01-03,new\n"), put("c", "1,2026-01-02,mid\n")};
    std::sort(notices.begin(), notices.end(),
              [](const Notice& a, const Notice& b) { return a.key < b.key; });
    do {
        sql("DELETE FROM orders");
        ASSERT_TRUE(engine->database().connect().value()->run_script(
            "DELETE FROM stroma_system.load_ledger"));
        for (const Notice& notice : notices) ASSERT_TRUE(load({notice}));
        EXPECT_EQ(rows(), "1,new 2,two");
    } while (std::next_permutation(notices.begin(), notices.end(),
                                   [](const Notice& a, const Notice& b) { return a.key < b.key; }));
}

TEST_F(Loading, OfEqualTimestampsTheGreatestRowWinsAndNoKeyIsThereTwice) {
    ASSERT_TRUE(load({put("a", "1,2026-01-01,b\n1,2026-01-01,c\n1,2026-01-01,c\n")}));
    EXPECT_EQ(rows(), "1,c");
    ASSERT_TRUE(load({put("b", "1,2026-01-01,a\n")}));
    EXPECT_EQ(rows(), "1,c");
    ASSERT_TRUE(load({put("c", "1,2026-01-01,d\n")}));
    EXPECT_EQ(rows(), "1,d");
}

TEST_F(Loading, ARowWithoutTimeLosesAndOneWithoutKeyIsRefusedByName) {
    const auto report = load(
        {put("a", "1,,never\n,2026-01-01,nobody\n2,,alone\n"), put("b", "1,2026-01-01,dated\n")});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(rows(), "1,dated 2,alone");
    EXPECT_EQ(report->counts.rejected, 1);
    EXPECT_EQ(sql("SELECT filename, line_number, colname, err_code FROM stl_load_errors"),
              "s3://lake/in/a,2,id,1213");
}

TEST_F(Loading, AKeyOfSeveralColumnsAndOddNames) {
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

TEST_F(Loading, HistoryKeepsEveryVersionOnce) {
    order.merge.mode = LoadMode::history;
    ASSERT_TRUE(load({put("a", "1,2026-01-01,a\n1,2026-01-02,b\n1,2026-01-02,b\n")}));
    ASSERT_TRUE(load({put("b", "1,2026-01-02,b\n1,2026-01-03,c\n1,,none\n")}));
    EXPECT_EQ(sql("SELECT what FROM orders ORDER BY at"), "a b c none");
}

TEST_F(Loading, LateRowsAreCountedAndKept) {
    sql("CREATE TABLE late(id INTEGER, at TIMESTAMP, what VARCHAR(20))");
    order.merge.late_table = "late";
    ASSERT_TRUE(load({put("a", "1,2026-02-01,now\n")}));
    const auto report = load({put("b", "1,2026-01-01,late\n")});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->counts.late, 1);
    EXPECT_EQ(rows(), "1,now");
    EXPECT_EQ(sql("SELECT what FROM late"), "late");
}

TEST_F(Loading, ACrashAtAnyStepAndARepeatGiveTheSameRows) {
    for (const LoadMode mode : {LoadMode::append, LoadMode::latest}) {
        order.merge.mode = mode;
        for (const std::string crash :
             {"locked", "manifest", "copied", "merged", "commit", "committed"}) {
            sql("DELETE FROM orders");
            ASSERT_TRUE(engine->database().connect().value()->run_script(
                "DELETE FROM stroma_system.load_ledger"));
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

TEST_F(Loading, AConflictIsRepeatedWithinABoundAndNothingElseIs) {
    int failures = 2, seen = 0;
    std::string state = "40001";
    at_step = [&](std::string_view step) -> Answer<void> {
        if (step != "merged") return {};
        ++seen;
        if (failures-- <= 0) return {};
        return redshift::refuse(state, "1023: Serializable isolation violation on table - 1");
    };
    const auto notice = put("a", "1,2026-01-01,a\n");
    const auto report = load({notice});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->retries, 2);
    EXPECT_EQ(seen, 3);
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

TEST_F(Loading, PoisonDoesNotKeepTheOthersAndSaysWhy) {
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

TEST_F(Loading, AnObjectThatIsGoneIsNotedAndKeepsNobody) {
    const auto report = load({{"lake", "in/gone", "e", 0, true}, put("a", "1,2026-01-01,a\n")});
    ASSERT_TRUE(report);
    EXPECT_EQ(rows(), "1,a");
    EXPECT_EQ(sql("SELECT \"key\", status FROM stroma_load_ledger ORDER BY 1"),
              "in/a,loaded in/gone,missing");
}

TEST_F(Loading, DriftIsPassedOverRefusedOrTaken) {
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

TEST_F(Loading, AMissingTableIsNoFaultOfItsObjects) {
    order.table = "nowhere";
    const auto report = load({put("a", "1,2026-01-01,a\n")});
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace stroma::loader
