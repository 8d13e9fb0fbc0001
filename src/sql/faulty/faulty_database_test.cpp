#include "sql/faulty/faulty_database.h"

#include <gtest/gtest.h>

#include <array>

#include "sql/connection_pool.h"
#include "sql/database_conformance.h"
#include "sql/migrations.h"
#include "sql/sqlite/sqlite_database.h"

namespace stroma::sql {
namespace {

using Kind = CallFault::Kind;
constexpr std::array kinds = {Kind::fail_before, Kind::fail_after, Kind::torn};

/// A faulty database without a fault is a database like any other; this one owns what it wraps.
std::shared_ptr<Database> open_faulty() {
    std::shared_ptr<SqliteDatabase> memory = SqliteDatabase::open_in_memory().value();
    auto faulty = std::make_shared<FaultyDatabase>(*memory);
    return {faulty.get(), [memory, faulty](Database*) {}};
}

constexpr const char* endless =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i % 7) FROM n";

INSTANTIATE_TEST_SUITE_P(Faulty, DatabaseConformance,
                         ::testing::Values(DatabaseUnderTest{.name = "Memory",
                                                             .open = open_faulty,
                                                             .has_returning = true,
                                                             .checks_foreign_keys = true,
                                                             .endless = endless}),
                         [](const auto& driver) { return driver.param.name; });

class FaultyDatabaseTest : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(connection->run_script("CREATE TABLE counts(n BIGINT NOT NULL)"));
    }
    void plan(std::uint64_t at, Kind kind, bool ever_after = false) {
        faulty.faults().plan({.at = at, .ever_after = ever_after, .kind = kind});
    }
    /// The numbers that are stored, seen past the twin, with spaces between.
    std::string stored() {
        const auto direct = memory->connect().value();
        const auto rows = direct->execute("SELECT n FROM counts ORDER BY n").value();
        std::string numbers;
        while (rows->next().value())
            numbers += (numbers.empty() ? "" : " ") + std::to_string(rows->integer(0));
        return numbers;
    }
    static Result<void> append_three(Connection& on) {
        const auto appender = TRY(on.append_to("counts"));
        for (std::int64_t n = 1; n <= 3; ++n) TRY(appender->append(std::array{Value(n)}));
        return appender->finish();
    }

    std::unique_ptr<SqliteDatabase> memory = SqliteDatabase::open_in_memory().value();
    FaultyDatabase faulty{*memory};
    std::unique_ptr<Connection> connection = faulty.connect().value();
};

TEST_F(FaultyDatabaseTest, AFailedCallWasNotMadeOrItsAnswerIsLost) {
    plan(1, Kind::fail_before);
    EXPECT_EQ(connection->change("INSERT INTO counts VALUES(1)").error().code,
              ErrorCode::unavailable);
    EXPECT_EQ(stored(), "");
    plan(1, Kind::fail_after);
    EXPECT_FALSE(connection->change("INSERT INTO counts VALUES(1)"));
    EXPECT_EQ(stored(), "1");
    plan(2, Kind::fail_before, true);
    EXPECT_TRUE(connection->change("INSERT INTO counts VALUES(2)"));
    EXPECT_FALSE(connection->change("INSERT INTO counts VALUES(3)"));
    EXPECT_FALSE(faulty.connect());
    EXPECT_EQ(stored(), "1 2");
    EXPECT_EQ(faulty.faults().calls_made(), 3u);
}

TEST_F(FaultyDatabaseTest, ATornCallIsDoneByHalf) {
    plan(1, Kind::torn);
    EXPECT_FALSE(
        connection->run_script("INSERT INTO counts VALUES(1); INSERT INTO counts VALUES(2);"
                               "INSERT INTO counts VALUES(3); INSERT INTO counts VALUES(4);"));
    EXPECT_EQ(stored(), "1 2");
    plan(5, Kind::torn);
    EXPECT_FALSE(append_three(*connection));
    EXPECT_EQ(stored(), "1 2") << "a batch of its own is all or nothing";
    plan(3, Kind::torn);
    EXPECT_FALSE(connection->in_transaction([&]() -> Result<void> {
        TRY(connection->change("DELETE FROM counts"));
        return {};
    }));
    EXPECT_EQ(stored(), "1 2") << "a torn commit leaves what was";
}

TEST_F(FaultyDatabaseTest, RowsEndWhereTheyFail) {
    ASSERT_TRUE(
        connection->run_script("INSERT INTO counts VALUES(1); INSERT INTO counts VALUES(2)"));
    plan(3, Kind::torn);
    const auto rows = connection->execute("SELECT n FROM counts").value();
    EXPECT_TRUE(rows->next().value());
    EXPECT_EQ(rows->next().error().code, ErrorCode::unavailable);
    EXPECT_FALSE(rows->next().value());
}

TEST_F(FaultyDatabaseTest, ASlowCallLetsOthersGoFirst) {
    // The hook is the slowness: while a commit is on its way, a reader sees what was before.
    std::string seen;
    faulty.faults().before_each_call([&](std::string_view call) {
        if (call == "commit") seen = "[" + stored() + "]";
    });
    ASSERT_TRUE(connection->in_transaction([&]() -> Result<void> {
        TRY(connection->change("INSERT INTO counts VALUES(1)"));
        return {};
    }));
    EXPECT_EQ(seen, "[]");
    EXPECT_EQ(stored(), "1");
}

// Whatever call of a transaction fails, and however: it is there whole or not at all; it is there
// when no error was told; and a second try works.
TEST_F(FaultyDatabaseTest, ATransactionIsAllOrNothingWhicheverOfItsCallsFails) {
    for (const Kind kind : kinds) {
        bool ran_through = false;
        for (std::uint64_t at = 1; !ran_through; ++at) {
            SCOPED_TRACE(at);
            plan(at, kind);
            const auto work = [&]() -> Result<void> {
                TRY(append_three(*connection));
                TRY(connection->run_script("UPDATE counts SET n = n + 10; SELECT 1;"));
                const auto rows = TRY(connection->execute("SELECT count(*) FROM counts"));
                TRY(rows->next());
                return {};
            };
            const auto done = connection->in_transaction(work);
            ran_through = faulty.faults().calls_made() < at;
            plan(0, kind);
            EXPECT_EQ(done.has_value(), ran_through);
            const std::string after = stored();
            const bool all = after == "11 12 13";
            EXPECT_TRUE(all || after.empty()) << after;
            EXPECT_TRUE(all || !done);
            if (!all) {
                EXPECT_TRUE(connection->in_transaction(work)) << "a second try";
            }
            EXPECT_EQ(stored(), "11 12 13");
            ASSERT_TRUE(connection->change("DELETE FROM counts"));
        }
    }
}

TEST_F(FaultyDatabaseTest, MigrationsGoOnWhereverTheyWereStopped) {
    constexpr std::array<Migration, 2> steps = {
        Migration{1,
                  "CREATE TABLE a(n BIGINT); INSERT INTO a VALUES(1); CREATE TABLE b(n BIGINT);"},
        Migration{2, "INSERT INTO a VALUES(2); DROP TABLE b; CREATE TABLE c(n BIGINT);"}};
    for (const Kind kind : kinds) {
        bool ran_through = false;
        for (std::uint64_t at = 1; !ran_through; ++at) {
            SCOPED_TRACE(at);
            const auto fresh = SqliteDatabase::open_in_memory().value();
            FaultyDatabase twin(*fresh);
            twin.faults().plan({.at = at, .kind = kind});
            const auto first = migrate(twin, "part", steps);
            ran_through = twin.faults().calls_made() < at;
            EXPECT_EQ(first.has_value(), ran_through);
            twin.faults().plan({});
            ASSERT_TRUE(migrate(twin, "part", steps));
            const auto rows =
                fresh->connect().value()->execute("SELECT sum(n), (SELECT count(*) FROM c) FROM a");
            ASSERT_TRUE(rows) << rows.error().message;
            ASSERT_TRUE((*rows)->next().value());
            EXPECT_EQ((*rows)->integer(0), 3);
        }
    }
}

TEST_F(FaultyDatabaseTest, APoolHandsOutACleanConnectionAfterAFailure) {
    ConnectionPool pool(faulty);
    for (const Kind kind : kinds)
        for (std::uint64_t at = 1; at <= 4; ++at) {
            {
                auto lease = pool.take();
                plan(at, kind);
                if (lease && (*lease)->begin(TransactionKind::write))
                    (void)(*lease)->change("INSERT INTO counts VALUES(1)");
                plan(0, kind);
            }
            const auto again = pool.take();
            ASSERT_TRUE(again);
            EXPECT_TRUE((*again)->begin(TransactionKind::write)) << at;
            EXPECT_EQ(stored(), "");
        }
}

}  // namespace
}  // namespace stroma::sql
