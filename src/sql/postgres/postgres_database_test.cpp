#include "sql/postgres/postgres_database.h"

#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <limits>

#include "sql/database_conformance.h"
#include "sql/migrations.h"
#include "sql/postgres/postgres_server.h"
#include "sql/write_group.h"

namespace stroma::sql {
namespace {

std::unique_ptr<PostgresServer> server;

/// One server for all tests of the program.
class ServerForAll final : public testing::Environment {
public:
    void SetUp() override {
        auto started = PostgresServer::start();
        if (!started)
            std::cerr << "PostgreSQL could not be started: " << started.error().message << "\n";
        else
            server = std::move(*started);
    }
    void TearDown() override { server.reset(); }
};
const auto* const server_for_all = testing::AddGlobalTestEnvironment(new ServerForAll);

std::shared_ptr<Database> open_new() {
    return server ? PostgresDatabase::open(server->new_database()).value() : nullptr;
}

INSTANTIATE_TEST_SUITE_P(
    Postgres, DatabaseConformance,
    testing::Values(DatabaseUnderTest{
        .name = "PostgreSQL",
        .open = open_new,
        .endless = "WITH RECURSIVE n(i) AS (SELECT 1::bigint UNION ALL SELECT i + 1 FROM n) "
                   "SELECT sum(i % 7)::bigint FROM n",
        .blob_type = "BYTEA"}));

class PostgresTest : public testing::Test {
protected:
    void SetUp() override {
        database_ = open_new();
        ASSERT_TRUE(database_) << "PostgreSQL isn't installed, or did not start";
        connection_ = database_->connect().value();
    }
    std::shared_ptr<Database> database_;
    std::unique_ptr<Connection> connection_;
};

TEST(NumberedParameters, AreWhereTheStatementHasThemAndNowhereElse) {
    EXPECT_EQ(numbered_parameters("SELECT ?, ? FROM t"), "SELECT $1, $2 FROM t");
    for (const char* same : {"SELECT '?', 'it''s ?'", "SELECT \"?\"\"?\"", "SELECT 1 -- ?\n",
                             "SELECT 1 /* ? /* ? */ ? */", "SELECT $$?$$", "SELECT $a$ ? $$ ? $a$",
                             "SELECT '?", "SELECT 1 /* ?", "SELECT $a$ ?"})
        EXPECT_EQ(numbered_parameters(same), same);
    EXPECT_EQ(numbered_parameters("SELECT '?' || ?"), "SELECT '?' || $1");
    EXPECT_EQ(numbered_parameters("SELECT a$b, ?"), "SELECT a$b, $1");
}

TEST_F(PostgresTest, BytesAndUnusualNumbersComeBackAsTheyWere) {
    ASSERT_TRUE(connection_->run_script("CREATE TABLE t(b BYTEA, r DOUBLE PRECISION, s TEXT)"));
    const std::string bytes("\0\xff\\x'\n", 6);
    constexpr double infinity = std::numeric_limits<double>::infinity();
    for (const double real : {0.1, -0.0, 1e300, 5e-324, infinity, -infinity}) {
        ASSERT_TRUE(connection_->change("INSERT INTO t VALUES (?, ?, ?)",
                                        {bytes, real, std::string("tab\tand\\N")}));
        const auto rows = connection_->execute("DELETE FROM t RETURNING b, r, s").value();
        ASSERT_TRUE(rows->next().value());
        EXPECT_EQ(rows->text(0), bytes);
        EXPECT_EQ(rows->real(1), real);
        EXPECT_EQ(std::signbit(rows->real(1)), std::signbit(real));
        EXPECT_EQ(rows->text(2), "tab\tand\\N");
    }
    ASSERT_TRUE(connection_->change("INSERT INTO t(r) VALUES (?)", {std::nan("")}));
    const auto rows = connection_->execute("SELECT r FROM t").value();
    ASSERT_TRUE(rows->next().value());
    EXPECT_TRUE(std::isnan(rows->real(0)));
}

TEST_F(PostgresTest, AppendedTextsMayHoldWhatCopyTakesForItsOwn) {
    ASSERT_TRUE(connection_->run_script("CREATE TABLE t(n BIGINT, s TEXT, b BYTEA)"));
    const std::vector<std::string> texts = {"", "\\N", "\\.", "a\tb\\", "line\nline\r\n", "é"};
    const auto appender = connection_->append_to("t").value();
    for (std::size_t i = 0; i < texts.size(); ++i)
        ASSERT_TRUE(appender->append(
            std::array<Value, 3>{static_cast<std::int64_t>(i), texts[i], std::string("\0\n", 2)}));
    ASSERT_TRUE(appender->finish());
    const auto rows = connection_->execute("SELECT s, b FROM t ORDER BY n").value();
    for (const std::string& text : texts) {
        ASSERT_TRUE(rows->next().value());
        EXPECT_EQ(rows->text(0), text);
        EXPECT_EQ(rows->text(1), std::string("\0\n", 2));
    }
}

TEST_F(PostgresTest, ABadRowUndoesTheWholeAppending) {
    ASSERT_TRUE(connection_->run_script("CREATE TABLE t(n BIGINT PRIMARY KEY)"));
    const auto appender = connection_->append_to("t").value();
    for (const std::int64_t n : {1, 2, 1}) ASSERT_TRUE(appender->append(std::array<Value, 1>{n}));
    const auto finished = appender->finish();
    ASSERT_FALSE(finished);
    EXPECT_EQ(finished.error().code, ErrorCode::already_exists);
    const auto rows = connection_->execute("SELECT count(*) FROM t").value();
    ASSERT_TRUE(rows->next().value());
    EXPECT_EQ(rows->integer(0), 0);
}

TEST_F(PostgresTest, ADeadlockAndASerializationFailureAreConflicts) {
    ASSERT_TRUE(connection_->run_script("CREATE TABLE t(n BIGINT); INSERT INTO t VALUES (1)"));
    const auto other = database_->connect().value();
    const std::string begin = "BEGIN ISOLATION LEVEL SERIALIZABLE";
    for (Connection* one : {connection_.get(), other.get()}) {
        ASSERT_TRUE(one->run_script(begin));
        ASSERT_TRUE(one->execute("SELECT * FROM t"));
    }
    ASSERT_TRUE(connection_->change("UPDATE t SET n = 2"));
    ASSERT_TRUE(connection_->run_script("COMMIT"));
    const auto late = other->change("UPDATE t SET n = 3");
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::conflict);
    EXPECT_TRUE(late.error().may_pass_by_itself());
    ASSERT_TRUE(other->run_script("ROLLBACK"));
}

TEST_F(PostgresTest, AServerThatIsGoneIsUnavailable) {
    EXPECT_EQ(PostgresDatabase::open("host=/nowhere dbname=x").error().code,
              ErrorCode::unavailable);
    const auto gone = connection_->execute("SELECT pg_terminate_backend(pg_backend_pid())");
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code, ErrorCode::unavailable);
}

TEST_F(PostgresTest, MigrationsAndSavepointsWorkAsInOtherEngines) {
    const Migration migrations[] = {{1, "CREATE TABLE a(n BIGINT)"},
                                    {2, "CREATE TABLE b(n BIGINT)"}};
    ASSERT_TRUE(migrate(*database_, "part", migrations));
    ASSERT_TRUE(migrate(*database_, "part", migrations));
    ASSERT_TRUE(connection_->begin(TransactionKind::write));
    ASSERT_TRUE(connection_->execute("INSERT INTO a VALUES (1)"));
    ASSERT_TRUE(connection_->execute("SAVEPOINT one"));
    EXPECT_FALSE(connection_->execute("INSERT INTO nowhere VALUES (1)"));
    ASSERT_TRUE(connection_->execute("ROLLBACK TO one"));
    ASSERT_TRUE(connection_->execute("INSERT INTO b VALUES (1)"));
    ASSERT_TRUE(connection_->commit());
    const auto rows =
        connection_->execute("SELECT (SELECT count(*) FROM a) + (SELECT count(*) FROM b)").value();
    ASSERT_TRUE(rows->next().value());
    EXPECT_EQ(rows->integer(0), 2);
}

}  // namespace
}  // namespace stroma::sql
