#include "sql/duckdb/duckdb_database.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "sql/database_conformance.h"

namespace stroma::sql {
namespace {

/// A folder of its own that goes with the test.
class Folder {
public:
    Folder() {
        std::string name = (fs::temp_directory_path() / "stroma_duckdb_XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~Folder() { fs::remove_all(path_); }
    const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

std::shared_ptr<EmbeddedDatabase> open_or_die(const fs::path& file = {}) {
    DuckDbOptions options;
    options.file = file;
    auto database = open_duckdb(options);
    EXPECT_TRUE(database.has_value()) << (database ? "" : database.error().message);
    return *database;
}

std::unique_ptr<Connection> connect(Database& database) { return *database.connect(); }

Value one_value(Connection& connection, std::string_view statement) {
    auto rows = connection.execute(statement);
    EXPECT_TRUE(rows.has_value()) << (rows ? "" : rows.error().message);
    if (!rows) return {};
    auto row = (*rows)->next();
    EXPECT_TRUE(row.has_value() && *row) << (row ? "no row" : row.error().message);
    return row && *row ? (*rows)->value(0) : Value{};
}

/// Counts from 0, in as many threads as asked; column 1 is the number as text.
class Counting final : public TableScan {
public:
    Counting(std::int64_t rows, std::size_t threads) : rows_(rows), threads_(threads) {}
    const std::vector<ScanColumn>& columns() const override { return columns_; }
    std::size_t thread_max() const override { return threads_; }
    std::unique_ptr<ScanRun> begin() override { return std::make_unique<Run>(rows_); }

private:
    struct Run final : ScanRun {
        explicit Run(std::int64_t rows) : rows_(rows) {}
        struct Feed final : RowFeed {
            Result<std::size_t> fill(RowSink& sink) override {
                const auto count = static_cast<std::int64_t>(sink.row_max());
                const std::int64_t first = from->next_.fetch_add(count);
                const std::int64_t rows = std::clamp<std::int64_t>(from->rows_ - first, 0, count);
                for (const auto column : wanted) {
                    for (std::int64_t row = 0; row < rows; ++row) {
                        if (column == 0) {
                            sink.integers(0)[row] = first + row;
                        } else {
                            sink.set_text(1, row, std::to_string(first + row));
                        }
                    }
                }
                return static_cast<std::size_t>(rows);
            }
            Run* from = nullptr;
            std::vector<std::uint32_t> wanted;
        };
        Result<std::unique_ptr<RowFeed>> start(std::span<const std::uint32_t> wanted) override {
            auto feed = std::make_unique<Feed>();
            feed->from = this;
            feed->wanted.assign(wanted.begin(), wanted.end());
            return feed;
        }
        std::int64_t rows_;
        std::atomic<std::int64_t> next_{0};
    };

    std::vector<ScanColumn> columns_ = {{"number", Type::integer}, {"shown", Type::text}};
    std::int64_t rows_;
    std::size_t threads_;
};

TEST(DuckDb, EveryEngineTypeComesAsAValueOrAsItsText) {
    const auto database = open_or_die();
    const auto connection = connect(*database);
    const auto text_of = [&](const char* expression) {
        const Value value = one_value(*connection, std::string("SELECT ") + expression);
        const auto* text = std::get_if<std::string>(&value);
        return text == nullptr ? std::string("(no text)") : *text;
    };
    EXPECT_EQ(one_value(*connection, "SELECT 7::TINYINT"), Value(std::int64_t{7}));
    EXPECT_EQ(one_value(*connection, "SELECT sum(x) FROM range(5) t(x)"), Value(std::int64_t{10}));
    EXPECT_EQ(one_value(*connection, "SELECT (-3)::HUGEINT"), Value(std::int64_t{-3}));
    EXPECT_EQ(one_value(*connection, "SELECT 0.5::FLOAT"), Value(0.5));
    EXPECT_EQ(one_value(*connection, "SELECT true"), Value(true));
    EXPECT_EQ(one_value(*connection, "SELECT NULL"), Value());
    EXPECT_EQ(text_of("1.50::DECIMAL(9,2)"), "1.50");
    EXPECT_EQ(text_of("-12345678901234567890.5::DECIMAL(38,1)"), "-12345678901234567890.5");
    EXPECT_EQ(text_of("'2020-02-29'::DATE"), "2020-02-29");
    EXPECT_EQ(text_of("'2020-02-29 01:02:03.5'::TIMESTAMP"), "2020-02-29 01:02:03.5");
    EXPECT_EQ(text_of("[1, NULL, 3]"), "[1, NULL, 3]");
    EXPECT_EQ(text_of("{'a': 1, 'b': ['x']}"), "{'a': 1, 'b': [x]}");
    EXPECT_EQ(text_of("MAP {'k': 2}"), "{k=2}");
    EXPECT_EQ(text_of("'9b2fd0a6-0000-4000-8000-000000000001'::UUID"),
              "9b2fd0a6-0000-4000-8000-000000000001");
    EXPECT_EQ(text_of("'b'::ENUM('a', 'b')"), "b");
    EXPECT_EQ(text_of("'101'::BIT"), "101");
    EXPECT_EQ(text_of("INTERVAL 3 DAY"), "3 days");
    EXPECT_EQ(text_of("18446744073709551615::UBIGINT"), "18446744073709551615");
    EXPECT_EQ(text_of("array_value(1, 2)"), "[1, 2]");
}

TEST(DuckDb, ATextThatIsNoUtf8IsRefusedAndTheConnectionGoesOn) {
    const auto database = open_or_die();
    const auto connection = connect(*database);
    const auto refused = connection->execute("SELECT ?", {std::string("a\xbf\x80")});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_input);
    EXPECT_NE(refused.error().message.find("parameter 1 is no UTF-8"), std::string::npos)
        << refused.error().message;
    EXPECT_TRUE(connection->execute("SELECT ?", {std::string("\xc3\xa4")}));
}

TEST(DuckDb, AnErrorTellsItsPlace) {
    const auto database = open_or_die();
    const auto connection = connect(*database);
    const auto wrong = connection->execute("SELECT 1,\n  nothing_like_it FROM range(3)");
    ASSERT_FALSE(wrong.has_value());
    EXPECT_EQ(wrong.error().code, ErrorCode::invalid_input);
    EXPECT_NE(wrong.error().message.find("line 2, column 3"), std::string::npos)
        << wrong.error().message;
}

TEST(DuckDb, CommitAfterAFailedStatementFailsAndKeepsNothing) {
    const auto database = open_or_die();
    const auto connection = connect(*database);
    ASSERT_TRUE(connection->run_script("CREATE TABLE t (x INTEGER)"));
    ASSERT_TRUE(connection->begin(TransactionKind::write));
    ASSERT_TRUE(connection->change("INSERT INTO t VALUES (1)"));
    EXPECT_FALSE(connection->execute("SELECT no_such_column FROM t"));
    EXPECT_FALSE(connection->commit());
    EXPECT_EQ(one_value(*connection, "SELECT count(*) FROM t"), Value(std::int64_t{0}));
}

TEST(DuckDb, WritersWaitForEachOtherSoNoneConflicts) {
    const auto database = open_or_die();
    ASSERT_TRUE(connect(*database)->run_script(
        "CREATE TABLE counter (n INTEGER); INSERT INTO counter VALUES (0)"));
    const auto count = [&] {
        const auto connection = connect(*database);
        for (int turn = 0; turn < 50; ++turn) {
            const auto done = connection->in_transaction([&]() -> Result<void> {
                TRY(connection->change("UPDATE counter SET n = n + 1"));
                return {};
            });
            ASSERT_TRUE(done.has_value()) << done.error().message;
        }
    };
    std::thread first(count), second(count);
    first.join();
    second.join();
    EXPECT_EQ(one_value(*connect(*database), "SELECT n FROM counter"), Value(std::int64_t{100}));
}

TEST(DuckDb, AWriteInAReadTransactionIsRefused) {
    const auto database = open_or_die();
    const auto connection = connect(*database);
    ASSERT_TRUE(connection->run_script("CREATE TABLE t (x INTEGER)"));
    ASSERT_TRUE(connection->begin(TransactionKind::read));
    EXPECT_FALSE(connection->change("INSERT INTO t VALUES (1)"));
}

TEST(DuckDb, InterruptEndsALongStatement) {
    const auto database = open_or_die();
    const auto connection = connect(*database);
    std::atomic<bool> ended{false};
    std::thread stopper([&] {
        while (!ended) connection->interrupt();
    });
    const auto rows = connection->execute(
        "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range <> b.range");
    Result<bool> row = rows ? (*rows)->next() : Result<bool>(fail(rows.error()));
    ended = true;
    stopper.join();
    ASSERT_FALSE(row.has_value());
    EXPECT_EQ(row.error().code, ErrorCode::cancelled);
}

TEST(DuckDb, TheAppenderFillsATableInTheTransaction) {
    const auto database = open_or_die();
    const auto connection = connect(*database);
    ASSERT_TRUE(
        connection->run_script("CREATE SCHEMA s; CREATE TABLE s.t (a INTEGER, b VARCHAR, "
                               "c DOUBLE, d BOOLEAN, e DATE)"));
    ASSERT_TRUE(connection->begin(TransactionKind::write));
    auto appender = connection->append_to("s.t");
    ASSERT_TRUE(appender.has_value());
    for (std::int64_t row = 0; row < 5000; ++row) {
        const Value values[] = {row, row % 2 == 0 ? Value("even") : Value(), 0.5, true,
                                "2020-01-01"};
        ASSERT_TRUE((*appender)->append(values));
    }
    ASSERT_TRUE((*appender)->finish());
    appender->reset();
    EXPECT_EQ(one_value(*connect(*database), "SELECT count(*) FROM s.t"), Value(std::int64_t{0}));
    ASSERT_TRUE(connection->commit());
    EXPECT_EQ(one_value(*connection,
                        "SELECT sum(a) FROM s.t WHERE b = 'even' AND d AND "
                        "e = DATE '2020-01-01'"),
              Value(std::int64_t{6247500}));
}

TEST(DuckDb, AScanInCppIsARelationInSql) {
    const auto database = open_or_die();
    ASSERT_TRUE(database->add_table_function("counting", [](std::string_view rows) {
        return Result<std::shared_ptr<TableScan>>(
            std::make_shared<Counting>(std::stoll(std::string(rows)), 2));
    }));
    const auto connection = connect(*database);
    EXPECT_EQ(one_value(*connection, "SELECT sum(number) FROM counting('100000')"),
              Value(std::int64_t{4999950000}));
    EXPECT_EQ(one_value(*connection, "SELECT count(*) FROM counting('100000')"),
              Value(std::int64_t{100000}));
    EXPECT_EQ(one_value(*connection,
                        "SELECT count(*) FROM counting('5000') a JOIN "
                        "counting('9000') b USING (number)"),
              Value(std::int64_t{5000}));
    EXPECT_EQ(one_value(*connection, "SELECT max(shown) FROM counting('10') WHERE number < 9"),
              Value("8"));
}

/// One row for each of two threads' shares; none is given before `wanted` threads have come.
struct Meeting final : TableScan {
    const std::vector<ScanColumn>& columns() const override { return columns_; }
    std::size_t thread_max() const override { return 2; }
    std::unique_ptr<ScanRun> begin() override { return std::make_unique<Run>(*this); }
    struct Run final : ScanRun {
        explicit Run(Meeting& meeting) : meeting_(meeting) {}
        Result<std::unique_ptr<RowFeed>> start(std::span<const std::uint32_t>) override {
            return std::make_unique<Feed>(meeting_);
        }
        Meeting& meeting_;
    };
    struct Feed final : RowFeed {
        explicit Feed(Meeting& meeting) : meeting_(meeting) {}
        Result<std::size_t> fill(RowSink& sink) override {
            std::unique_lock lock(meeting_.mutex);
            meeting_.came.insert(std::this_thread::get_id());
            meeting_.changed.notify_all();
            meeting_.changed.wait(lock, [&] { return meeting_.came.size() >= meeting_.wanted; });
            if (std::exchange(has_given_, true)) return 0;
            if (auto* numbers = sink.integers(0)) numbers[0] = 1;
            return 1;
        }
        Meeting& meeting_;
        bool has_given_ = false;
    };
    std::vector<ScanColumn> columns_ = {{"number", Type::integer}};
    std::size_t wanted = 1;
    std::set<std::thread::id> came;
    std::mutex mutex;
    std::condition_variable changed;
};

std::shared_ptr<EmbeddedDatabase> database_of_two_threads(std::shared_ptr<Meeting> meeting) {
    DuckDbOptions options;
    options.threads = 2;
    const auto database = open_duckdb(options).value();
    EXPECT_TRUE(database->add_table_function("meeting", [meeting](std::string_view) {
        return Result<std::shared_ptr<TableScan>>(meeting);
    }));
    return database;
}

TEST(DuckDb, WithoutHelpersAStatementIsWorkedOnByWhoAsksForItAlone) {
    const auto meeting = std::make_shared<Meeting>();
    const auto database = database_of_two_threads(meeting);
    const auto connection = connect(*database);
    auto alone = database->without_helpers(), also_alone = database->without_helpers();
    const auto is_alone = [&] {
        meeting->came.clear();
        EXPECT_EQ(one_value(*connection, "SELECT sum(number) FROM meeting('')"),
                  Value(std::int64_t{2}));
        return meeting->came == std::set{std::this_thread::get_id()};
    };
    EXPECT_TRUE(is_alone());
    alone.reset();
    EXPECT_TRUE(is_alone());
    also_alone.reset();
    meeting->wanted = 2;  // hangs when nobody helps
    meeting->came.clear();
    EXPECT_EQ(one_value(*connection, "SELECT sum(number) FROM meeting('')"),
              Value(std::int64_t{2}));
}

TEST(DuckDb, WhoDoesWithoutHelpersDoesNotWaitForWhatTheyHaveBegun) {
    const auto meeting = std::make_shared<Meeting>();
    const auto database = database_of_two_threads(meeting);
    meeting->wanted = 3;
    std::thread asks([&] {
        EXPECT_EQ(one_value(*connect(*database), "SELECT sum(number) FROM meeting('')"),
                  Value(std::int64_t{2}));
    });
    std::unique_lock lock(meeting->mutex);
    meeting->changed.wait(lock, [&] { return meeting->came.size() == 2; });
    lock.unlock();
    const auto alone = database->without_helpers();
    EXPECT_EQ(one_value(*connect(*database), "SELECT 7"), Value(std::int64_t{7}));
    lock.lock();
    meeting->wanted = 2;
    meeting->changed.notify_all();
    lock.unlock();
    asks.join();
}

TEST(DuckDb, TheSameFileOpenedTwiceIsOneInstance) {
    const Folder folder;
    const auto first = open_or_die(folder.path() / "w.duckdb");
    const auto second = open_or_die(folder.path() / "." / "w.duckdb");
    ASSERT_TRUE(connect(*first)->run_script("CREATE TABLE t AS SELECT 42 AS x"));
    EXPECT_EQ(one_value(*connect(*second), "SELECT x FROM t"), Value(std::int64_t{42}));
}

TEST(DuckDb, ABackupOpensAndHoldsWhatWasCommittedWhileWritersGoOn) {
    const Folder folder;
    const auto database = open_or_die(folder.path() / "w.duckdb");
    const auto writer = connect(*database);
    ASSERT_TRUE(writer->run_script("CREATE TABLE t (x INTEGER); INSERT INTO t VALUES (1)"));
    const auto reader = connect(*database);
    ASSERT_TRUE(reader->begin(TransactionKind::read));
    EXPECT_EQ(one_value(*reader, "SELECT count(*) FROM t"), Value(std::int64_t{1}));
    ASSERT_TRUE(writer->run_script("INSERT INTO t VALUES (2)"));
    const auto saved = database->backup_to(folder.path() / "copy.duckdb");
    ASSERT_TRUE(saved.has_value()) << saved.error().message;
    ASSERT_TRUE(writer->run_script("INSERT INTO t VALUES (3)"));
    const auto copy = open_or_die(folder.path() / "copy.duckdb");
    EXPECT_EQ(one_value(*connect(*copy), "SELECT sum(x) FROM t"), Value(std::int64_t{3}));
    EXPECT_TRUE(copy->verify());
}

// Reading the file for a backup must not cost the engine its lock on it.
TEST(DuckDb, AnotherProcessIsRefusedEvenAfterABackup) {
    const Folder folder;
    const auto file = folder.path() / "w.duckdb";
    const auto database = open_or_die(file);
    ASSERT_TRUE(connect(*database)->run_script("CREATE TABLE t (x INTEGER)"));
    ASSERT_TRUE(database->backup_to(folder.path() / "copy.duckdb"));
    const pid_t child = ::fork();
    if (child == 0) {
        ::execl("/proc/self/exe", "duckdb_test", "--gtest_filter=DuckDb.DISABLED_OpenOrExit",
                "--gtest_also_run_disabled_tests", ("--file=" + file.string()).c_str(), nullptr);
        ::_exit(9);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 3);
}

// Run by the test above in a process of its own.
TEST(DuckDb, DISABLED_OpenOrExit) {
    for (const auto& argument : testing::internal::GetArgvs()) {
        if (!argument.starts_with("--file=")) continue;
        DuckDbOptions options;
        options.file = argument.substr(7);
        const auto opened = open_duckdb(options);
        ::_exit(opened ? 0 : opened.error().code == ErrorCode::unavailable ? 3 : 4);
    }
    ::_exit(5);
}

TEST(DuckDb, ADamagedLogIsCorruptAndSaysWhatToDo) {
    const Folder folder;
    const auto file = folder.path() / "w.duckdb";
    const pid_t child = ::fork();
    if (child == 0) {  // leaves its log behind, as a crash does
        DuckDbOptions options;
        options.file = file;
        auto database = open_duckdb(options);
        if (!database) ::_exit(1);
        auto connection = (*database)->connect();
        const auto ran = (*connection)
                             ->run_script(
                                 "CREATE TABLE t (x INTEGER); INSERT INTO t VALUES (1); INSERT "
                                 "INTO t VALUES (2)");
        ::_exit(ran ? 0 : 2);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(WEXITSTATUS(status), 0);
    fs::path log = file;
    log += ".wal";
    ASSERT_TRUE(fs::exists(log));
    auto bytes = to_bytes(*read_file(log));
    bytes[bytes.size() / 2] ^= std::byte{0x10};
    ASSERT_TRUE(replace_file(log, bytes));
    DuckDbOptions options;
    options.file = file;
    const auto opened = open_duckdb(options);
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, ErrorCode::corrupt);
    EXPECT_NE(opened.error().message.find("stroma restore"), std::string::npos);
}

TEST(DuckDb, AScanIsWrittenAsParquetThatAnEngineReadsBack) {
    const Folder folder;
    const auto database = open_or_die();
    const auto path = folder.path() / "numbers.parquet";
    const auto rows = database->write_parquet(std::make_shared<Counting>(10000, 1),
                                              {"", "shown as"}, {"", "DECIMAL(9,2)"}, path);
    ASSERT_TRUE(rows.has_value()) << rows.error().message;
    EXPECT_EQ(*rows, 10000u);
    DuckDbOptions open_options;
    open_options.fenced = false;
    const auto reader = open_duckdb(open_options);
    EXPECT_EQ(
        one_value(*connect(**reader),
                  "SELECT sum(\"shown as\")::VARCHAR FROM read_parquet('" + path.string() + "')"),
        Value("49995000.00"));
}

TEST(DuckDb, AFencedEngineReadsNoFileAndChangesNoSetting) {
    const Folder folder;
    const auto database = open_or_die(folder.path() / "w.duckdb");
    const auto connection = connect(*database);
    for (const char* statement :
         {"SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM '/etc/passwd'",
          "COPY (SELECT 1) TO '/tmp/stroma_never_written.csv'", "ATTACH '/tmp/stroma_never.duckdb'",
          "INSTALL httpfs", "LOAD httpfs", "SET enable_external_access = true",
          "SET memory_limit = '90GB'", "SET lock_configuration = false"}) {
        EXPECT_FALSE(connection->execute(statement).has_value()) << statement;
    }
}

INSTANTIATE_TEST_SUITE_P(
    DuckDb, DatabaseConformance,
    ::testing::Values(DatabaseUnderTest{
        "duckdb", [] { return std::shared_ptr<Database>(open_or_die()); }, true, true,
        "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range <> b.range"}));

}  // namespace
}  // namespace stroma::sql
