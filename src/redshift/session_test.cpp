#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "redshift/engine.h"
#include "redshift/folder_lake.h"
#include "redshift/load/row_text.h"

namespace stroma::redshift {
namespace {

class RedshiftSession : public testing::Test {
protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "redshift_XXXXXX";
        folder = ::mkdtemp(name.data());
        open();
    }
    void TearDown() override {
        engine.reset();
        fs::remove_all(folder);
    }
    void open() {
        engine.reset();
        EngineOptions options;
        options.folder = folder / "data";
        options.lake = std::make_shared<FolderLake>(folder / "lake");
        engine = Engine::open(options).value();
    }
    std::unique_ptr<Session> connect(bool is_superuser = true) {
        if (!is_superuser) return connect_as("reader");
        SessionOptions options{catalog::local_administrator()};
        options.process = ++processes;
        return engine->connect(std::move(options)).value();
    }
    std::unique_ptr<Session> connect_as(const std::string& name) {
        SessionOptions options;
        options.principal.id = "id-of-" + name;
        options.principal.name = options.user = name;
        options.principal.role = catalog::Role::user;
        options.process = ++processes;
        return engine->connect(std::move(options)).value();
    }
    /// "" or the SQLSTATE; what the last statement gives goes to `shown`.
    static std::string run(Session& session, const std::string& script,
                           std::string* shown = nullptr) {
        const auto statements = split(script);
        if (!statements) return statements.error().sqlstate;
        for (const Statement& statement : *statements) {
            const auto cursor = session.run(statement);
            if (!cursor) return cursor.error().sqlstate;
            std::string text;
            for (;;) {
                const auto more = (*cursor)->next();
                if (!more) return more.error().sqlstate;
                if (!*more) break;
                for (std::size_t at = 0; at < (*cursor)->columns().size(); ++at)
                    text += (at > 0 ? "|" : "") + text_of((*cursor)->value(at));
                text += ";";
            }
            if (shown != nullptr) *shown = text;
        }
        return "";
    }
    std::string value(const std::string& sql) {
        std::string shown;
        const auto session = connect();
        EXPECT_EQ(run(*session, sql, &shown), "") << sql;
        return shown;
    }

    fs::path folder;
    std::unique_ptr<Engine> engine;
    std::int32_t processes = 0;
};

TEST_F(RedshiftSession, AGroupOfStatementsIsOneTransaction) {
    const auto session = connect();
    ASSERT_EQ(run(*session, "create table t(a int)"), "");
    session->open_group();
    EXPECT_EQ(run(*session, "insert into t values (1); insert into nosuch values (2)"), "42P01");
    EXPECT_TRUE(session->close_group());
    EXPECT_EQ(value("select count(*) from t"), "0;");
    session->open_group();
    EXPECT_EQ(run(*session, "insert into t values (1); insert into t values (2)"), "");
    EXPECT_EQ(value("select count(*) from t"), "0;") << "nothing is seen before the group's end";
    EXPECT_TRUE(session->close_group());
    EXPECT_EQ(value("select count(*) from t"), "2;");
}

TEST_F(RedshiftSession, AWriterWaitsForTheTablesOtherWriterAndMergesWhatItLeft) {
    const auto first = connect(), second = connect();
    ASSERT_EQ(run(*first, "create table t(k int, v int)"), "");
    ASSERT_EQ(run(*first, "begin; lock t; insert into t values (1, 1)"), "");
    const std::string merge =
        "merge into t using (select 1 as k, 2 as v) s on t.k = s.k when matched then update set v "
        "= s.v when not matched then insert values (s.k, s.v)";
    auto waiting = std::async(std::launch::async, [&] { return run(*second, merge); });
    ASSERT_EQ(run(*first, "commit"), "");
    EXPECT_EQ(waiting.get(), "");
    EXPECT_EQ(value("select k, v from t"), "1|2;");
}

TEST_F(RedshiftSession, AnOlderSnapshotOfAChangedTableIsAConflictThatMayBeTriedAgain) {
    const auto first = connect(), second = connect();
    ASSERT_EQ(run(*first, "create table t(k int); insert into t values (1)"), "");
    ASSERT_EQ(run(*first, "begin; select count(*) from t"), "");
    ASSERT_EQ(run(*second, "insert into t values (2)"), "");
    const auto statements = split("delete from t where k = 2").value();
    const auto conflict = first->run(statements[0]);
    ASSERT_FALSE(conflict);
    EXPECT_EQ(conflict.error().sqlstate, "40001");
    EXPECT_NE(conflict.error().message.find("Serializable isolation violation on table - "),
              std::string::npos);
    EXPECT_EQ(first->state(), TransactionState::failed);
    EXPECT_EQ(run(*first, "rollback; begin; delete from t where k = 2; commit"), "");
    EXPECT_EQ(value("select k from t"), "1;");
}

TEST_F(RedshiftSession, TwoThatWaitForEachOtherAreTold) {
    const auto first = connect(), second = connect();
    ASSERT_EQ(run(*first, "create table a(x int); create table b(x int)"), "");
    ASSERT_EQ(run(*first, "begin; lock a"), "");
    ASSERT_EQ(run(*second, "begin; lock b"), "");
    // Whoever comes second sees the circle; the other goes on when it has rolled back.
    auto one = std::async(std::launch::async, [&] {
        const auto state = run(*first, "lock b");
        if (!state.empty()) run(*first, "rollback");
        return state;
    });
    auto two = std::async(std::launch::async, [&] {
        const auto state = run(*second, "lock a");
        if (!state.empty()) run(*second, "rollback");
        return state;
    });
    const std::string states = one.get() + two.get();
    EXPECT_EQ(states, "40P01");
}

TEST_F(RedshiftSession, EightMergesAtOnceLeaveEachKeyOnce) {
    ASSERT_EQ(run(*connect(), "create table t(k int, v int)"), "");
    std::vector<std::future<std::string>> all;
    for (int number = 0; number < 8; ++number)
        all.push_back(std::async(std::launch::async, [this, number] {
            SessionOptions options{catalog::local_administrator()};
            options.process = 100 + number;
            const auto session = engine->connect(std::move(options)).value();
            for (int round = 0; round < 5; ++round) {
                const auto state = run(
                    *session,
                    "merge into t using (select generate_series as k, 1 as v from "
                    "generate_series(1, 20)) s on t.k = s.k when matched then update set v = t.v + "
                    "1 when not matched then insert values (s.k, s.v)");
                if (!state.empty()) return state;
            }
            return std::string();
        }));
    for (auto& each : all) EXPECT_EQ(each.get(), "");
    EXPECT_EQ(value("select count(*), count(distinct k), min(v), max(v) from t"), "20|20|40|40;");
}

TEST_F(RedshiftSession, CancelEndsAStatementThatWaits) {
    const auto first = connect(), second = connect();
    ASSERT_EQ(run(*first, "create table t(k int)"), "");
    ASSERT_EQ(run(*first, "begin; lock t"), "");
    auto waiting =
        std::async(std::launch::async, [&] { return run(*second, "insert into t values (1)"); });
    // A cancel that comes before the statement runs is lost, as it is with PostgreSQL.
    while (waiting.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready)
        second->cancel();
    EXPECT_EQ(waiting.get(), "57014");
    EXPECT_EQ(run(*first, "commit"), "");
}

TEST_F(RedshiftSession, WhoMayNotWriteReadsOnly) {
    ASSERT_EQ(run(*connect(),
                  "create table t(k int); insert into t values (1); grant select on t "
                  "to public"),
              "");
    const auto reader = connect(false);
    EXPECT_EQ(run(*reader, "select * from t"), "");
    EXPECT_EQ(run(*reader, "insert into t values (1)"), "42501");
    EXPECT_EQ(run(*reader, "drop table t"), "42501");
    EXPECT_EQ(run(*reader, "create table u(k int)"), "42501");
}

TEST_F(RedshiftSession, RowsStreamedInAreThereWhenItFinishesAndNotWhenALineIsBad) {
    const auto session = connect();
    ASSERT_EQ(run(*session, "create table t(k int, s varchar(10))"), "");
    const auto copy = [&](const std::string& bytes) -> std::string {
        const auto statement = split("copy t from stdin").value()[0];
        const auto prepared = session->prepare(statement).value();
        const auto in = session->copy_in(*prepared).value();
        EXPECT_EQ(in->columns(), 2u);
        if (const auto written = in->write(bytes); !written) return written.error().sqlstate;
        const auto rows = in->finish();
        return rows ? std::to_string(*rows) : rows.error().sqlstate;
    };
    EXPECT_EQ(copy("1\ta\n2\t\\N\n3\tx\\ty\n"), "3");
    EXPECT_EQ(copy("4\ta\nfive\tb\n"), "22P02");
    EXPECT_EQ(value("select k, nvl(s, 'none') from t order by k"), "1|a;2|none;3|x\ty;");
    const auto out_statement = split("copy (select * from t order by k) to stdout").value()[0];
    const auto out = session->copy_out(*session->prepare(out_statement).value()).value();
    EXPECT_EQ(out->read().value(), "1\ta\n2\t\\N\n3\tx\\ty\n");
    EXPECT_EQ(out->read().value(), "");
}

TEST_F(RedshiftSession, WhatWasCommittedIsThereAfterReopening) {
    ASSERT_EQ(run(*connect(),
                  "create table t(k int identity(1,1), v int) sortkey(v); insert into "
                  "t(v) values (5), (6)"),
              "");
    open();
    ASSERT_EQ(run(*connect(), "insert into t(v) values (7)"), "");
    EXPECT_EQ(value("select k, v from t order by v"), "1|5;2|6;3|7;");
    EXPECT_EQ(value("select sortkey1 from svv_table_info where \"table\" = 't'"), "v;");
}

TEST_F(RedshiftSession, ParametersMayBeTexts) {
    const auto session = connect();
    ASSERT_EQ(run(*session,
                  "create table t(k int, d date); insert into t values (1, "
                  "'2021-01-02')"),
              "");
    const auto statement = split("select k from t where k = $1 and d = $2").value()[0];
    const auto prepared = session->prepare(statement).value();
    ASSERT_EQ(prepared->parameters.size(), 2u);
    EXPECT_EQ(prepared->parameters[0], 23u);
    EXPECT_EQ(prepared->parameters[1], 1082u);
    const sql::Value values[] = {std::string("1"), std::string("2021-01-02")};
    const auto cursor = session->open(*prepared, values).value();
    EXPECT_TRUE(cursor->next().value());
    EXPECT_FALSE(cursor->next().value());
}

}  // namespace
}  // namespace stroma::redshift
