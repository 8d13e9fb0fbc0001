#include <gtest/gtest.h>

#include "redshift/engine.h"
#include "redshift/folder_lake.h"
#include "sql/sqlite/sqlite_database.h"
#include "statement/sql_text.h"
#include "statement/statements.h"

namespace stroma::statement {
namespace {

constexpr Milliseconds long_enough{60'000};

class StatementsTest : public testing::Test {
protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "statement_XXXXXX";
        folder = ::mkdtemp(name.data());
        open();
    }
    void TearDown() override {
        close();
        fs::remove_all(folder);
    }
    void open(bool starts = true) {
        redshift::EngineOptions options;
        options.folder = folder / "redshift";
        options.memory_bytes = 256u << 20;
        options.lake = std::make_shared<redshift::FolderLake>(folder / "lake");
        engine = redshift::Engine::open(std::move(options)).value();
        database = sql::SqliteDatabase::open(folder / "rows.sqlite").value();
        writes = std::make_unique<sql::WriteGroup>(*database);
        StatementsOptions made;
        made.folder = folder / "results";
        made.page_bytes = 1000;
        made.active_max = 20;
        made.tell = [this](sql::Connection&, const Statement& statement) -> Result<void> {
            const std::lock_guard lock(mutex);
            told.push_back(statement.id + " " + std::string(name_of(statement.status)));
            return {};
        };
        made.marks = [this] { return engine->marks(); };
        made.drop_marks = [this](const auto& names) { return engine->drop_marks(names); };
        const auto connect = [this](redshift::SessionOptions asked)
            -> redshift::Answer<std::unique_ptr<redshift::Session>> {
            auto session = engine->connect(std::move(asked));
            if (!session) return redshift::refuse("57P03", session.error().message);
            return std::move(*session);
        };
        statements =
            Statements::open(*writes, connect, system_clock(), ids, std::move(made)).value();
        if (starts) statements->start();
    }
    void close() {
        if (statements) statements->stop();
        if (engine) engine->stop();
        statements.reset();
        writes.reset();
        database.reset();
        engine.reset();
    }
    static Order order(std::vector<std::string> sqls) {
        Order made;
        made.principal = catalog::local_administrator();
        made.is_batch = sqls.size() > 1;
        made.sqls = std::move(sqls);
        made.target.database = "dev";
        return made;
    }
    Statement run(Order asked) {
        const auto made = statements->submit(std::move(asked));
        EXPECT_TRUE(made.has_value()) << made.error().message;
        return over(made->id);
    }
    Statement over(const std::string& id) {
        return statements->wait(id, long_enough, {}).value().value();
    }
    std::string rows(const Statement& statement, std::size_t part = 1) {
        const auto page = statements->page(statement, part, 0);
        return page ? page->rows : page.error().message;
    }
    Statement run(const std::string& sql) { return run(order({sql})); }

    fs::path folder;
    std::unique_ptr<redshift::Engine> engine;
    std::unique_ptr<sql::SqliteDatabase> database;
    std::unique_ptr<sql::WriteGroup> writes;
    IdSource ids;
    std::mutex mutex;
    std::vector<std::string> told;
    std::unique_ptr<Statements> statements;
};

TEST_F(StatementsTest, AStatementRunsByItselfAndItsRowsAreKept) {
    const Statement done = run("SELECT 1 a, 2.5 b, 'x' c, NULL d, true e, 1.5::real f");
    EXPECT_EQ(done.status, Status::finished) << done.error;
    EXPECT_EQ(rows(done),
              R"([[{"longValue":1},{"stringValue":"2.5"},{"stringValue":"x"},{"isNull":true},)"
              R"({"booleanValue":true},{"doubleValue":1.5}]])");
    EXPECT_EQ(done.parts[0].rows, 1);
    const Statement wrong = run("SELECT * FROM nowhere");
    EXPECT_EQ(wrong.status, Status::failed);
    EXPECT_TRUE(wrong.error.starts_with("ERROR: relation \"nowhere\" does not exist"))
        << wrong.error;
    EXPECT_EQ(told.size(), 2u);
}

TEST_F(StatementsTest, PagesTogetherAreTheWholeResult) {
    const Statement done = run("SELECT g FROM generate_series(1, 1000) AS t(g)");
    ASSERT_EQ(done.status, Status::finished) << done.error;
    std::size_t values = 0, pages = 0;
    std::uint64_t at = 0;
    do {
        const Page page = statements->page(done, 1, at).value();
        for (std::size_t place = 0; (place = page.rows.find("longValue", place)) != page.rows.npos;
             ++place)
            ++values;
        at = page.next;
        ++pages;
    } while (at != 0);
    EXPECT_EQ(values, 1000u);
    EXPECT_GT(pages, 10u);
    EXPECT_FALSE(statements->page(done, 1, 17).has_value());
    EXPECT_FALSE(statements->page(done, 2, 0).has_value());
}

TEST_F(StatementsTest, ABatchIsOneTransaction) {
    EXPECT_EQ(run("CREATE TABLE t(a INTEGER)").status, Status::finished);
    const Statement broken =
        run(order({"INSERT INTO t VALUES(1)", "INSERT INTO t VALUES('x')", "SELECT 1"}));
    EXPECT_EQ(broken.status, Status::failed);
    EXPECT_EQ(broken.parts[0].status, Status::finished);
    EXPECT_EQ(broken.parts[1].status, Status::failed);
    EXPECT_EQ(broken.parts[2].status, Status::aborted);
    EXPECT_TRUE(broken.error.starts_with("Query #2 failed with ERROR: ")) << broken.error;
    EXPECT_EQ(rows(run("SELECT count(*) FROM t")), R"([[{"longValue":0}]])");
    const Statement whole = run(order({"INSERT INTO t VALUES(1)", "SELECT a FROM t"}));
    EXPECT_EQ(whole.status, Status::finished) << whole.error;
    EXPECT_EQ(rows(whole, 2), R"([[{"longValue":1}]])");
    EXPECT_EQ(run("SELECT count(*) FROM t").parts[0].rows, 1);
}

TEST_F(StatementsTest, TheSameTokenIsTheSameStatement) {
    run("CREATE TABLE t(a INTEGER)");
    auto once = order({"INSERT INTO t VALUES(1)"});
    once.token = "token";
    const Statement first = run(once), second = run(once);
    EXPECT_EQ(first.id, second.id);
    EXPECT_EQ(rows(run("SELECT count(*) FROM t")), R"([[{"longValue":1}]])");
}

TEST_F(StatementsTest, ParametersAreValuesNeverSql) {
    auto asked = order({"SELECT :a || :b, :a, ':a'"});
    asked.parameters = {{"a", "it's"}, {"b", "1; DROP TABLE t"}};
    EXPECT_EQ(rows(run(asked)), R"([[{"stringValue":"it's1; DROP TABLE t"},)"
                                R"({"stringValue":"it's"},{"stringValue":":a"}]])");
    asked.parameters.emplace_back("c", "x");
    const auto refused = statements->submit(asked);
    ASSERT_FALSE(refused.has_value());
    EXPECT_NE(refused.error().message.find("Unused parameters: [c]"), std::string::npos);
    const Bound bound = bind_parameters("SELECT x::int, :n + :n", {{"n", "1"}}).value();
    EXPECT_EQ(bound.sql, "SELECT x::int, $1 + $1");
}

TEST_F(StatementsTest, ASessionKeepsWhatBelongsToIt) {
    auto first = order({"CREATE TEMP TABLE own(a INTEGER)"});
    first.keep_session_s = 600;
    const Statement made = run(first);
    ASSERT_EQ(made.status, Status::finished) << made.error;
    ASSERT_FALSE(made.session.empty());
    auto later = order({"INSERT INTO own VALUES(5)"});
    later.session = made.session;
    EXPECT_EQ(run(later).status, Status::finished);
    later.sqls = {"SELECT a FROM own"};
    EXPECT_EQ(rows(run(later)), R"([[{"longValue":5}]])");
    EXPECT_EQ(run("SELECT a FROM own").status, Status::failed);
    later.session = "another";
    EXPECT_FALSE(statements->submit(later).has_value());
}

TEST_F(StatementsTest, WhatRunsAndWhatWaitsCanBeCalledOff) {
    const std::string slow =
        "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b";
    std::vector<std::string> begun;
    for (int n = 0; n < 6; ++n) begun.push_back(statements->submit(order({slow})).value().id);
    // At once where it waits; where it runs, asking again does no harm.
    for (const std::string& id : begun)
        while (statements->cancel(id).value() &&
               !is_over(statements->wait(id, Milliseconds{100}, {}).value()->status)) {
        }
    for (const std::string& id : begun) EXPECT_EQ(over(id).status, Status::aborted);
    EXPECT_FALSE(statements->cancel(begun[0]).value());
    EXPECT_FALSE(statements->cancel("nothing").value());
}

TEST_F(StatementsTest, NoMoreAreTakenThanMayBeActive) {
    close();
    open(false);
    for (int n = 0; n < 20; ++n) ASSERT_TRUE(statements->submit(order({"SELECT 1"})).has_value());
    const auto refused = statements->submit(order({"SELECT 1"}));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::exhausted);
}

TEST_F(StatementsTest, WhatHadNotBegunRunsAfterARestart) {
    run("CREATE TABLE t(a INTEGER)");
    close();
    open(false);
    const std::string id = statements->submit(order({"INSERT INTO t VALUES(7)"})).value().id;
    close();
    open();
    EXPECT_EQ(over(id).status, Status::finished) << over(id).error;
    EXPECT_EQ(rows(run("SELECT a FROM t")), R"([[{"longValue":7}]])");
}

TEST_F(StatementsTest, AfterACrashItIsKnownWhetherAStatementTookEffect) {
    run("CREATE TABLE t(a INTEGER)");
    const Statement kept = run("INSERT INTO t VALUES(1)");
    close();
    // As a crash right before, and right after, the change was committed leaves them.
    database = sql::SqliteDatabase::open(folder / "rows.sqlite").value();
    {
        const auto rows = database->connect().value();
        ASSERT_TRUE(rows->change("UPDATE statements SET status = 'STARTED' WHERE id = ?", {kept.id})
                        .has_value());
        ASSERT_TRUE(rows->change("INSERT INTO statements(id, owner, name, status, token, "
                                 "created_ms, expires_ms, record) SELECT 'lost', owner, name, "
                                 "'STARTED', '', created_ms, expires_ms, replace(record, id, "
                                 "'lost') FROM statements WHERE id = ?",
                                 {kept.id})
                        .has_value());
    }
    database.reset();
    open();
    EXPECT_EQ(over(kept.id).status, Status::finished) << over(kept.id).error;
    // As a backup has it whose tables are of a later moment than its statements.
    const Statement second = run("INSERT INTO t VALUES(2)");
    close();
    database = sql::SqliteDatabase::open(folder / "rows.sqlite").value();
    {
        const auto rows = database->connect().value();
        ASSERT_TRUE(
            rows->change("UPDATE statements SET status = 'SUBMITTED' WHERE id = ?", {second.id})
                .has_value());
    }
    database.reset();
    open();
    EXPECT_EQ(over(second.id).status, Status::finished) << over(second.id).error;
    EXPECT_EQ(rows(run("SELECT count(*) FROM t")), R"([[{"longValue":2}]])");
    const Statement lost = over("lost");
    EXPECT_EQ(lost.status, Status::failed);
    EXPECT_NE(lost.error.find("nothing of it was kept"), std::string::npos);
}

TEST(StatementText, WhatAuthorisesACopyIsBlanked) {
    EXPECT_EQ(without_secrets("copy t from 's3://b/k' IAM_ROLE 'arn:aws:iam::1:role/x' csv"),
              "copy t from 's3://b/k' IAM_ROLE '' csv");
    EXPECT_EQ(without_secrets("copy t from 's3://b' credentials as 'aws_access_key_id=A' gzip"),
              "copy t from 's3://b' credentials as '' gzip");
    EXPECT_EQ(without_secrets("copy t from 's3://b' access_key_id 'A' secret_access_key 'B'"),
              "copy t from 's3://b' access_key_id '' secret_access_key ''");
    EXPECT_EQ(without_secrets("copy t from 's3://b' iam_role default"),
              "copy t from 's3://b' iam_role default");
    EXPECT_EQ(without_secrets("select 'iam_role', 'x'"), "select 'iam_role', 'x'");
}

}  // namespace
}  // namespace stroma::statement
