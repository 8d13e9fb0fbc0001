#include "sql/sqlite/sqlite_database.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "sql/connection_pool.h"
#include "sql/database_conformance.h"
#include "sql/migrations.h"

namespace stroma::sql {
namespace {

class Folder {
public:
    Folder() {
        std::string pattern = (fs::temp_directory_path() / "stroma-sqlite-XXXXXX").string();
        EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
        path_ = pattern;
    }
    ~Folder() { fs::remove_all(path_); }
    fs::path operator/(const char* name) const { return path_ / name; }

private:
    fs::path path_;
};

std::shared_ptr<Database> open_file() {
    auto folder = std::make_shared<Folder>();
    std::shared_ptr<Database> database = SqliteDatabase::open(*folder / "test.db").value();
    Database* const raw = database.get();
    return {raw, [folder, database](Database*) mutable { database.reset(); }};
}

constexpr const char* endless =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i % 7) FROM n";

INSTANTIATE_TEST_SUITE_P(Sqlite, DatabaseConformance,
                         ::testing::Values(DatabaseUnderTest{.name = "File",
                                                             .open = open_file,
                                                             .has_returning = true,
                                                             .checks_foreign_keys = true,
                                                             .endless = endless},
                                           DatabaseUnderTest{
                                               .name = "Memory",
                                               .open = []() -> std::shared_ptr<Database> {
                                                   return SqliteDatabase::open_in_memory().value();
                                               },
                                               .has_returning = true,
                                               .checks_foreign_keys = true,
                                               .endless = endless}),
                         [](const auto& driver) { return driver.param.name; });

std::int64_t count_rows(Database& database, const char* table = "t") {
    const auto connection = database.connect().value();
    const auto rows = connection->execute(std::string("SELECT count(*) FROM ") + table).value();
    EXPECT_TRUE(rows->next().value());
    return rows->integer(0);
}

TEST(SqliteDatabase, TheFileIsForItsOwnerOnly) {
    const Folder folder;
    const auto database = SqliteDatabase::open(folder / "a.db").value();
    const auto connection = database->connect().value();
    ASSERT_TRUE(connection->change("CREATE TABLE t(n)"));
    for (const char* name : {"a.db", "a.db-wal"})
        EXPECT_EQ(fs::status(folder / name).permissions(),
                  fs::perms::owner_read | fs::perms::owner_write)
            << name;
}

TEST(SqliteDatabase, AFileThatIsNoDatabaseIsCorrupt) {
    const Folder folder;
    std::ofstream(folder / "a.db") << std::string(4096, 'x');
    EXPECT_EQ(SqliteDatabase::open(folder / "a.db").error().code, ErrorCode::corrupt);
}

std::int64_t synchronous_of(Connection& connection) {
    const auto rows = connection.execute("PRAGMA synchronous").value();
    EXPECT_TRUE(rows->next().value());
    return rows->integer(0);
}

TEST(SqliteDatabase, CommitsWaitForTheDiskUnlessToldNotTo) {
    constexpr int normal = 1, full = 2;  // as SQLite numbers them
    const Folder folder;
    const auto database = SqliteDatabase::open(folder / "a.db").value();
    const auto connection = database->connect().value();
    ASSERT_TRUE(connection->change("CREATE TABLE t(n)"));
    EXPECT_EQ(synchronous_of(*connection), full);
    database->let_commits_wait_for_disk(false);
    ASSERT_TRUE(connection->change("INSERT INTO t VALUES(1)"));
    EXPECT_EQ(synchronous_of(*connection), normal);
    database->let_commits_wait_for_disk(true);
    ASSERT_TRUE(connection->change("INSERT INTO t VALUES(2)"));
    EXPECT_EQ(synchronous_of(*connection), full);
    EXPECT_EQ(count_rows(*database), 2);
}

TEST(SqliteDatabase, RowsOutliveTheirConnection) {
    const Folder folder;
    const auto database = SqliteDatabase::open(folder / "a.db").value();
    auto connection = database->connect().value();
    ASSERT_TRUE(connection->run_script("CREATE TABLE t(n); INSERT INTO t VALUES(1), (2)"));
    const auto rows = connection->execute("SELECT n FROM t ORDER BY n").value();
    ASSERT_TRUE(rows->next().value());
    connection.reset();
    // Who comes next gets another one: this one is still read from.
    const auto next = database->connect().value();
    ASSERT_TRUE(next->begin(TransactionKind::write));
    ASSERT_TRUE(next->change("INSERT INTO t VALUES(3)"));
    ASSERT_TRUE(rows->next().value());
    EXPECT_EQ(rows->integer(0), 2);
    EXPECT_FALSE(rows->next().value());
    ASSERT_TRUE(next->commit());
}

TEST(SqliteDatabase, WhatAConnectionLeftOpenIsNotTheNextOnes) {
    const Folder folder;
    const auto database = SqliteDatabase::open(folder / "a.db").value();
    auto connection = database->connect().value();
    ASSERT_TRUE(connection->change("CREATE TABLE t(n)"));
    ASSERT_TRUE(connection->begin(TransactionKind::write));
    ASSERT_TRUE(connection->change("INSERT INTO t VALUES(1)"));
    connection.reset();
    EXPECT_EQ(count_rows(*database), 0);
    const auto next = database->connect().value();
    ASSERT_TRUE(next->begin(TransactionKind::write));
    EXPECT_TRUE(next->commit());
}

TEST(SqliteDatabase, ABackupIsOneSnapshotAndOpens) {
    const Folder folder;
    const auto database = SqliteDatabase::open(folder / "a.db").value();
    const auto connection = database->connect().value();
    ASSERT_TRUE(connection->run_script("CREATE TABLE t(n); INSERT INTO t VALUES(1)"));
    ASSERT_TRUE(connection->begin(TransactionKind::write));
    ASSERT_TRUE(connection->change("INSERT INTO t VALUES(2)"));
    ASSERT_TRUE(database->backup_to(folder / "b.db"));
    ASSERT_TRUE(connection->commit());
    const auto copy = SqliteDatabase::open(folder / "b.db").value();
    EXPECT_EQ(count_rows(*copy), 1);
    EXPECT_TRUE(copy->verify());
    ASSERT_TRUE(database->backup_to(folder / "b.db.2"));
    EXPECT_EQ(count_rows(*SqliteDatabase::open(folder / "b.db.2").value()), 2);
    EXPECT_FALSE(fs::exists(folder / "b.db.partial"));
}

TEST(SqliteDatabase, ABackupThatCannotBeFinishedLeavesTheOldOne) {
    const Folder folder;
    const auto database = SqliteDatabase::open(folder / "a.db").value();
    ASSERT_TRUE(database->connect().value()->run_script("CREATE TABLE t(n)"));
    ASSERT_TRUE(database->backup_to(folder / "b.db"));
    ASSERT_TRUE(database->connect().value()->run_script("INSERT INTO t VALUES(1)"));
    for (std::uint64_t at = 1;; ++at) {
        set_fault_plan({.at = at, .kind = FaultPlan::Kind::once});
        const auto done = database->backup_to(folder / "b.db");
        const bool all_passed = fault_points_passed() < at;
        set_fault_plan({});
        EXPECT_TRUE(SqliteDatabase::open(folder / "b.db").value()->verify());
        if (all_passed) {
            EXPECT_TRUE(done);
            break;
        }
    }
    EXPECT_EQ(count_rows(*SqliteDatabase::open(folder / "b.db").value()), 1);
}

TEST(SqliteDatabase, VerifyFindsADamagedPage) {
    const Folder folder;
    {
        const auto database = SqliteDatabase::open(folder / "a.db").value();
        const auto connection = database->connect().value();
        ASSERT_TRUE(connection->run_script(
            "CREATE TABLE t(n INTEGER, x TEXT); CREATE INDEX i ON t(n);"
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
            "INSERT INTO t SELECT i, hex(i) FROM n;"));
        EXPECT_TRUE(database->verify());
    }
    {
        std::fstream file(folder / "a.db", std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(3 * 4096);
        file << std::string(4096, '\x5a');
    }
    const auto database = SqliteDatabase::open(folder / "a.db");
    EXPECT_EQ(database ? (*database)->verify().error().code : database.error().code,
              ErrorCode::corrupt);
}

TEST(SqliteDatabase, AnotherProcessesWriterMakesOursWaitAndThenConflict) {
    const Folder folder;
    const auto first = SqliteDatabase::open(folder / "a.db").value();
    const auto second = SqliteDatabase::open(folder / "a.db", {.busy_wait = Milliseconds{20}});
    const auto connection = first->connect().value();
    ASSERT_TRUE(connection->begin(TransactionKind::write));
    EXPECT_EQ((*second)->connect().value()->begin(TransactionKind::write).error().code,
              ErrorCode::conflict);
    connection->rollback();
    const auto again = (*second)->connect().value();
    EXPECT_TRUE(again->begin(TransactionKind::write));
}

TEST(SqliteDatabase, ASecondWriterOfTheProcessGivesUpWithConflictInTheEnd) {
    const auto database = SqliteDatabase::open_in_memory({.busy_wait = Milliseconds{20}}).value();
    const auto first = database->connect().value(), second = database->connect().value();
    ASSERT_TRUE(first->begin(TransactionKind::write));
    EXPECT_EQ(second->begin(TransactionKind::write).error().code, ErrorCode::conflict);
    EXPECT_EQ(second->change("CREATE TABLE t(n)").error().code, ErrorCode::conflict);
}

TEST(SqliteDatabase, CommittedRowsSurviveTheKillingOfTheProcess) {
    const Folder folder;
    int told[2];
    ASSERT_EQ(::pipe(told), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        const auto database = SqliteDatabase::open(folder / "a.db").value();
        const auto connection = database->connect().value();
        (void)connection->run_script("CREATE TABLE t(n)");
        for (char n = 1;; ++n) {
            if (!connection->change("INSERT INTO t VALUES(1)")) ::_exit(1);
            if (::write(told[1], &n, 1) != 1) ::_exit(1);
        }
    }
    ::close(told[1]);
    char acknowledged = 0;
    while (acknowledged < 20 && ::read(told[0], &acknowledged, 1) == 1) {
    }
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ::close(told[0]);
    EXPECT_TRUE(WIFSIGNALED(status));
    const auto database = SqliteDatabase::open(folder / "a.db").value();
    EXPECT_GE(count_rows(*database), 20);
    EXPECT_TRUE(database->verify());
}

TEST(SqliteDatabase, TwoProcessesMayMakeTheFileAtOnce) {
    for (int round = 0; round < 50; ++round) {
        const Folder folder;
        int begin[2];
        ASSERT_EQ(::pipe(begin), 0);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            ::close(begin[1]);
            char nothing = 0;
            (void)!::read(begin[0], &nothing, 1);  // until the other end is closed
            ::_exit(SqliteDatabase::open(folder / "a.db") ? 0 : 1);
        }
        ::close(begin[0]);
        ::close(begin[1]);
        const auto opened = SqliteDatabase::open(folder / "a.db");
        EXPECT_TRUE(opened) << opened.error().message;
        int status = 0;
        ::waitpid(child, &status, 0);
        EXPECT_EQ(status, 0);
    }
}

TEST(ConnectionPool, GivesBackConnectionsWithoutTheirTransaction) {
    const auto database = SqliteDatabase::open_in_memory().value();
    ConnectionPool pool(*database);
    Connection* first = nullptr;
    {
        const auto lease = pool.take().value();
        first = &*lease;
        ASSERT_TRUE(lease->run_script("CREATE TABLE t(n)"));
        ASSERT_TRUE(lease->begin(TransactionKind::write));
        ASSERT_TRUE(lease->change("INSERT INTO t VALUES(1)"));
    }
    const auto lease = pool.take().value();
    EXPECT_EQ(&*lease, first);
    EXPECT_EQ(count_rows(*database), 0);
}

TEST(Migrations, RunOnceEachInOrderAndRefuseANewerDatabase) {
    const auto database = SqliteDatabase::open_in_memory().value();
    constexpr Migration all[] = {{1, "CREATE TABLE t(n); INSERT INTO t VALUES(1)"},
                                 {2, "INSERT INTO t VALUES(2)"}};
    ASSERT_TRUE(migrate(*database, "part", std::span(all).first(1)));
    ASSERT_TRUE(migrate(*database, "part", all));
    ASSERT_TRUE(migrate(*database, "part", all));
    EXPECT_EQ(count_rows(*database), 2);
    EXPECT_EQ(migrate(*database, "part", std::span(all).first(1)).error().code,
              ErrorCode::unsupported);
}

TEST(Migrations, AScriptThatFailsLeavesTheVersionBefore) {
    const auto database = SqliteDatabase::open_in_memory().value();
    constexpr Migration broken[] = {{1, "CREATE TABLE t(n); SELEC 1"}};
    EXPECT_FALSE(migrate(*database, "part", broken));
    constexpr Migration mended[] = {{1, "CREATE TABLE t(n); INSERT INTO t VALUES(1)"}};
    ASSERT_TRUE(migrate(*database, "part", mended));
    EXPECT_EQ(count_rows(*database), 1);
}

}  // namespace
}  // namespace stroma::sql
