#include "sql/database_conformance.h"

#include <array>
#include <atomic>
#include <thread>
#include <vector>

namespace stroma::sql {

void DatabaseConformance::SetUp() {
    database = GetParam().open();
    ASSERT_TRUE(database);
    connection = connect();
    ASSERT_TRUE(connection->run_script(
        "CREATE TABLE cells(id BIGINT PRIMARY KEY, name TEXT, size DOUBLE PRECISION, ok BOOLEAN, "
        "raw " +
        GetParam().blob_type + "); CREATE TABLE counts(n BIGINT NOT NULL);"));
}

std::int64_t DatabaseConformance::integer(Connection& on, std::string_view statement) {
    const auto rows = on.execute(statement).value();
    EXPECT_TRUE(rows->next().value());
    return rows->integer(0);
}

ErrorCode DatabaseConformance::code_of(std::string_view statement) {
    const auto rows = connection->execute(statement);
    EXPECT_FALSE(rows) << statement;
    return rows ? ErrorCode{} : rows.error().code;
}

namespace {

TEST_P(DatabaseConformance, ValuesOfEachTypeComeBackAsTheyWere) {
    const std::string text("d\xc3\xa9j\xc3\xa0 vu");
    ASSERT_TRUE(connection->change("INSERT INTO cells(id, name, size, ok) VALUES(?, ?, ?, ?)",
                                   {std::int64_t{1} << 62, text, -0.1, true}));
    const auto rows = connection->execute("SELECT id, name, size, ok, raw FROM cells").value();
    ASSERT_TRUE(rows->next().value());
    EXPECT_EQ(rows->integer(0), std::int64_t{1} << 62);
    EXPECT_EQ(rows->text(1), text);
    EXPECT_EQ(rows->real(2), -0.1);
    EXPECT_EQ(rows->boolean(3), true);
    EXPECT_TRUE(rows->is_null(4));
    EXPECT_EQ(rows->text(4), "");
    EXPECT_FALSE(rows->next().value());
    EXPECT_FALSE(rows->next().value());
}

TEST_P(DatabaseConformance, ColumnsHaveTheirNamesAndTypes) {
    const auto rows = connection->execute("SELECT id, name AS title, size, ok, raw FROM cells");
    const auto& columns = (*rows)->columns();
    ASSERT_EQ(columns.size(), 5u);
    EXPECT_EQ(columns[1].name, "title");
    EXPECT_EQ(columns[0].type, Type::integer);
    EXPECT_EQ(columns[1].type, Type::text);
    EXPECT_EQ(columns[2].type, Type::real);
    EXPECT_EQ(columns[3].type, Type::boolean);
    EXPECT_EQ(columns[4].type, Type::blob);
    EXPECT_FALSE(columns[0].engine_type.empty());
    EXPECT_FALSE((*rows)->next().value());
}

TEST_P(DatabaseConformance, AChangeSaysHowManyRowsItChanged) {
    EXPECT_EQ(connection->change("INSERT INTO counts VALUES(1), (2), (3)").value(), 3);
    EXPECT_EQ(connection->change("UPDATE counts SET n = 0 WHERE n > 1").value(), 2);
    EXPECT_EQ(connection->change("DELETE FROM counts").value(), 3);
    EXPECT_EQ(connection->change("DELETE FROM counts").value(), 0);
    EXPECT_EQ(connection->change("CREATE TABLE other(n BIGINT)").value(), 0);
}

TEST_P(DatabaseConformance, ErrorsHaveTheCodeOfTheirKind) {
    ASSERT_TRUE(connection->change("INSERT INTO cells(id) VALUES(1)"));
    EXPECT_EQ(code_of("INSERT INTO cells(id) VALUES(1)"), ErrorCode::already_exists);
    EXPECT_EQ(code_of("SELEC 1"), ErrorCode::invalid_input);
    EXPECT_EQ(code_of("SELECT * FROM nowhere"), ErrorCode::invalid_input);
    EXPECT_EQ(code_of("INSERT INTO counts VALUES(NULL)"), ErrorCode::invalid_input);
    EXPECT_EQ(connection->execute("SELECT ?").error().code, ErrorCode::invalid_input);
    EXPECT_EQ(connection->execute("SELECT 1", {std::int64_t{1}}).error().code,
              ErrorCode::invalid_input);
}

TEST_P(DatabaseConformance, OneStatementAtATimeIsExecuted) {
    EXPECT_EQ(code_of("INSERT INTO counts VALUES(1); DROP TABLE counts"), ErrorCode::invalid_input);
    EXPECT_EQ(integer(*connection, "SELECT count(*) FROM counts"), 0);
    EXPECT_TRUE(connection->execute("SELECT 1;"));
}

TEST_P(DatabaseConformance, AScriptRunsItsStatementsAndStopsAtTheFirstError) {
    EXPECT_FALSE(
        connection->run_script("INSERT INTO counts VALUES(1); SELEC 1; "
                               "INSERT INTO counts VALUES(2)"));
    EXPECT_EQ(integer(*connection, "SELECT count(*) FROM counts WHERE n = 2"), 0);
    EXPECT_TRUE(connection->run_script("-- nothing\n;"));
}

TEST_P(DatabaseConformance, ACommitIsSeenByOthersAndARollbackByNobody) {
    const auto other = connect();
    ASSERT_TRUE(connection->begin(TransactionKind::write));
    ASSERT_TRUE(connection->change("INSERT INTO counts VALUES(1)"));
    EXPECT_EQ(integer(*other, "SELECT count(*) FROM counts"), 0);
    ASSERT_TRUE(connection->commit());
    EXPECT_EQ(integer(*other, "SELECT count(*) FROM counts"), 1);
    ASSERT_TRUE(connection->begin(TransactionKind::write));
    ASSERT_TRUE(connection->change("INSERT INTO counts VALUES(2)"));
    connection->rollback();
    EXPECT_EQ(integer(*connection, "SELECT count(*) FROM counts"), 1);
}

TEST_P(DatabaseConformance, AFailedStatementMakesTheCommitFail) {
    ASSERT_TRUE(connection->begin(TransactionKind::write));
    ASSERT_TRUE(connection->change("INSERT INTO counts VALUES(1)"));
    EXPECT_FALSE(connection->execute("SELECT * FROM nowhere"));
    const auto committed = connection->commit();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().code, ErrorCode::invalid_input);
    EXPECT_EQ(integer(*connection, "SELECT count(*) FROM counts"), 0);
    ASSERT_TRUE(connection->begin(TransactionKind::write));
    ASSERT_TRUE(connection->change("INSERT INTO counts VALUES(1)"));
    EXPECT_TRUE(connection->commit());
}

TEST_P(DatabaseConformance, AReadTransactionIsASnapshotOfItsBegin) {
    const auto reader = connect();
    ASSERT_TRUE(reader->begin(TransactionKind::read));
    ASSERT_TRUE(connection->change("INSERT INTO counts VALUES(1)"));
    EXPECT_EQ(integer(*reader, "SELECT count(*) FROM counts"), 0);
    ASSERT_TRUE(reader->commit());
    EXPECT_EQ(integer(*reader, "SELECT count(*) FROM counts"), 1);
}

TEST_P(DatabaseConformance, AReadTransactionCannotWrite) {
    ASSERT_TRUE(connection->begin(TransactionKind::read));
    EXPECT_FALSE(connection->change("INSERT INTO counts VALUES(1)"));
    connection->rollback();
    EXPECT_EQ(integer(*connection, "SELECT count(*) FROM counts"), 0);
}

TEST_P(DatabaseConformance, WriteTransactionsTakeTurnsAndLoseNoUpdate) {
    constexpr int threads = 4, rounds = 25;
    ASSERT_TRUE(connection->change("INSERT INTO counts VALUES(0)"));
    std::vector<std::thread> workers;
    std::atomic<int> failures{0};
    for (int t = 0; t < threads; ++t)
        workers.emplace_back([&] {
            const auto mine = connect();
            for (int r = 0; r < rounds; ++r) {
                const auto add_one = [&]() -> Result<void> {
                    const std::int64_t n = integer(*mine, "SELECT n FROM counts");
                    TRY(mine->change("UPDATE counts SET n = ?", {n + 1}));
                    return {};
                };
                if (!mine->in_transaction(add_one)) ++failures;
            }
        });
    for (std::thread& worker : workers) worker.join();
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(integer(*connection, "SELECT n FROM counts"), threads * rounds);
}

TEST_P(DatabaseConformance, AConnectionDroppedInsideATransactionRollsBackAndLetsOthersWrite) {
    {
        const auto dropped = connect();
        ASSERT_TRUE(dropped->begin(TransactionKind::write));
        ASSERT_TRUE(dropped->change("INSERT INTO counts VALUES(1)"));
    }
    ASSERT_TRUE(connection->begin(TransactionKind::write));
    ASSERT_TRUE(connection->commit());
    EXPECT_EQ(integer(*connection, "SELECT count(*) FROM counts"), 0);
}

TEST_P(DatabaseConformance, TransactionsDoNotNestAndNoneIsCommittedTwice) {
    EXPECT_FALSE(connection->commit());
    ASSERT_TRUE(connection->begin(TransactionKind::write));
    EXPECT_FALSE(connection->begin(TransactionKind::write));
    connection->rollback();
    connection->rollback();
    EXPECT_FALSE(connection->commit());
}

TEST_P(DatabaseConformance, AppendedRowsAreThereWithTheCommit) {
    const auto other = connect();
    ASSERT_TRUE(connection->begin(TransactionKind::write));
    {
        const auto appender = connection->append_to("cells").value();
        for (std::int64_t id = 0; id < 100; ++id) {
            const std::array<Value, 5> row = {id, std::string("name"), 0.5, false, {}};
            ASSERT_TRUE(appender->append(row));
        }
        ASSERT_TRUE(appender->finish());
    }
    EXPECT_EQ(integer(*other, "SELECT count(*) FROM cells"), 0);
    ASSERT_TRUE(connection->commit());
    EXPECT_EQ(integer(*other, "SELECT count(*) FROM cells WHERE NOT ok"), 100);
}

TEST_P(DatabaseConformance, AppendingOutsideATransactionIsOneOfItsOwn) {
    {
        const auto unfinished = connection->append_to("counts").value();
        ASSERT_TRUE(unfinished->append(std::array{Value(std::int64_t{1})}));
    }
    EXPECT_EQ(integer(*connection, "SELECT count(*) FROM counts"), 0);
    const auto appender = connection->append_to("counts").value();
    ASSERT_TRUE(appender->append(std::array{Value(std::int64_t{1})}));
    ASSERT_TRUE(appender->finish());
    EXPECT_EQ(integer(*connection, "SELECT count(*) FROM counts"), 1);
    EXPECT_FALSE(connection->append_to("nowhere"));
}

TEST_P(DatabaseConformance, RowsOfAWritingStatementComeBackWhereTheEngineReturnsThem) {
    if (!GetParam().has_returning) GTEST_SKIP() << "this engine has no RETURNING";
    const auto rows = connection->execute("INSERT INTO counts VALUES(5), (6) RETURNING n").value();
    ASSERT_TRUE(rows->next().value());
    EXPECT_EQ(rows->integer(0), 5);
    ASSERT_TRUE(rows->next().value());
    EXPECT_FALSE(rows->next().value());
    EXPECT_EQ(integer(*connection, "SELECT count(*) FROM counts"), 2);
}

TEST_P(DatabaseConformance, AForeignKeyIsHeldWhereTheEngineHoldsThem) {
    if (!GetParam().checks_foreign_keys) GTEST_SKIP() << "this engine does not check foreign keys";
    ASSERT_TRUE(connection->change("CREATE TABLE child(cell BIGINT REFERENCES cells(id))"));
    EXPECT_EQ(code_of("INSERT INTO child VALUES(7)"), ErrorCode::invalid_input);
}

TEST_P(DatabaseConformance, TheSameStatementTwiceAtOnceGivesTwoIndependentAnswers) {
    ASSERT_TRUE(connection->change("INSERT INTO counts VALUES(1), (2)"));
    const auto first = connection->execute("SELECT n FROM counts ORDER BY n").value();
    ASSERT_TRUE(first->next().value());
    const auto second = connection->execute("SELECT n FROM counts ORDER BY n").value();
    ASSERT_TRUE(second->next().value());
    ASSERT_TRUE(first->next().value());
    EXPECT_EQ(first->integer(0), 2);
    EXPECT_EQ(second->integer(0), 1);
}

TEST_P(DatabaseConformance, AnInterruptEndsTheRunningStatementAsCancelled) {
    if (GetParam().endless.empty() || !database->abilities().interruptible)
        GTEST_SKIP() << "this engine has no statement long enough to interrupt";
    std::atomic<bool> ended{false};
    std::thread interrupter([&] {
        while (!ended) {
            connection->interrupt();
            std::this_thread::yield();
        }
    });
    Result<bool> outcome = true;
    while (outcome && *outcome) {
        const auto rows = connection->execute(GetParam().endless);
        outcome = rows ? (*rows)->next() : Result<bool>(fail(rows.error()));
    }
    ended = true;
    interrupter.join();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::cancelled);
    EXPECT_EQ(integer(*connection, "SELECT 1"), 1);
}

}  // namespace

}  // namespace stroma::sql
