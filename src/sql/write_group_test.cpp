#include "sql/write_group.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "sql/faulty/faulty_database.h"
#include "sql/sqlite/sqlite_database.h"

namespace stroma::sql {
namespace {

using Kind = CallFault::Kind;

class WriteGroupTest : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(connection->run_script("CREATE TABLE counts(n BIGINT PRIMARY KEY)"));
    }
    /// The numbers that are stored, seen past the twin, with spaces between.
    std::string stored() {
        const auto rows = connection->execute("SELECT n FROM counts ORDER BY n").value();
        std::string numbers;
        while (rows->next().value())
            numbers += (numbers.empty() ? "" : " ") + std::to_string(rows->integer(0));
        return numbers;
    }
    static Result<void> insert(Connection& on, std::int64_t n) {
        TRY(on.change("INSERT INTO counts VALUES(?)", {n}));
        return {};
    }

    std::unique_ptr<SqliteDatabase> memory = SqliteDatabase::open_in_memory().value();
    std::unique_ptr<Connection> connection = memory->connect().value();
    FaultyDatabase faulty{*memory};
    WriteGroup group{faulty};
};

TEST_F(WriteGroupTest, AWorkIsOnTheDiskWhenRunReturnsAndGivesWhatItMade) {
    const auto made = group.run([&](Connection& on) -> Result<std::string> {
        TRY(insert(on, 1));
        EXPECT_EQ(stored(), "") << "nobody sees it before the commit";
        return std::string("made");
    });
    EXPECT_EQ(made.value(), "made");
    EXPECT_EQ(stored(), "1");
}

TEST_F(WriteGroupTest, WorksThatComeMeanwhileShareOneCommitAndOneFailsAlone) {
    std::atomic<int> commits = 0;
    faulty.faults().before_each_call([&](std::string_view call) { commits += call == "commit"; });
    constexpr int count = 8;
    std::vector<std::thread> threads;
    std::vector<Result<void>> results(count);
    const auto first = group.run([&](Connection& on) -> Result<void> {
        for (int t = 0; t < count; ++t)
            threads.emplace_back([&, t] {
                results[static_cast<std::size_t>(t)] =
                    group.run([&, t](Connection& inner) -> Result<void> {
                        TRY(insert(inner, 10 + t));
                        return insert(inner, t == 3 ? 10 + t : 20 + t);
                    });
            });
        while (group.waiting() < count) std::this_thread::yield();
        return insert(on, 1);
    });
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(first);
    EXPECT_EQ(commits, 2);
    for (int t = 0; t < count; ++t)
        EXPECT_EQ(results[static_cast<std::size_t>(t)].has_value(), t != 3) << t;
    EXPECT_EQ(results[3].error().code, ErrorCode::already_exists);
    EXPECT_EQ(stored(), "1 10 11 12 14 15 16 17 20 21 22 24 25 26 27");
}

TEST_F(WriteGroupTest, AWorkThatThrowsFailsAloneAndTheNextOnesAreWritten) {
    const auto thrown = group.run([&](Connection& on) -> Result<void> {
        TRY(insert(on, 1));
        throw std::runtime_error("a bug");
    });
    ASSERT_FALSE(thrown);
    EXPECT_EQ(thrown.error().code, ErrorCode::corrupt);
    ASSERT_TRUE(group.run([&](Connection& on) { return insert(on, 2); }));
    EXPECT_EQ(stored(), "2");
}

TEST_F(WriteGroupTest, AFailureOfTheCommitFailsEveryoneInIt) {
    std::vector<std::thread> threads;
    std::vector<Result<void>> results(3);
    std::atomic<int> told = 0, worked = 0;
    EXPECT_TRUE(group.run([&](Connection&) -> Result<void> {
        for (int t = 0; t < 3; ++t)
            threads.emplace_back([&, t] {
                results[static_cast<std::size_t>(t)] =
                    group.run([&, t](Connection& on) -> Result<void> {
                        group.when_committed([&] { ++told; });
                        TRY(insert(on, t));
                        // Behind the last work come its RELEASE and the commit.
                        if (++worked == 3) faulty.faults().plan({.at = 2});
                        return {};
                    });
            });
        while (group.waiting() < 3) std::this_thread::yield();
        return {};
    }));
    for (std::thread& thread : threads) thread.join();
    for (const auto& result : results) {
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, ErrorCode::unavailable);
    }
    EXPECT_EQ(told, 0);
    EXPECT_EQ(stored(), "");
    faulty.faults().plan({});
    EXPECT_TRUE(group.run([&](Connection& on) { return insert(on, 5); })) << "the next one works";
    EXPECT_EQ(stored(), "5");
}

TEST_F(WriteGroupTest, WhatWasToFollowACommitFollowsItAndOnlyIt) {
    std::string order;
    EXPECT_TRUE(group.run([&](Connection& on) -> Result<void> {
        group.when_committed([&] { order += "after:" + stored(); });
        order += "in ";
        return insert(on, 1);
    }));
    EXPECT_EQ(order, "in after:1");
    EXPECT_FALSE(group.run([&](Connection& on) -> Result<void> {
        group.when_committed([&] { order += "wrong"; });
        return insert(on, 1);
    }));
    EXPECT_EQ(order, "in after:1");
}

// Whichever call fails, and however: what was told to be there is there, and what is there is
// whole.
TEST_F(WriteGroupTest, AWorkIsThereWholeOrNotAtAllWhicheverCallFails) {
    for (const Kind kind : {Kind::fail_before, Kind::fail_after, Kind::torn}) {
        bool ran_through = false;
        for (std::uint64_t at = 1; !ran_through; ++at) {
            SCOPED_TRACE(at);
            faulty.faults().plan({.at = at, .kind = kind});
            const auto done = group.run([&](Connection& on) -> Result<void> {
                TRY(insert(on, 1));
                return insert(on, 2);
            });
            ran_through = faulty.faults().calls_made() < at;
            faulty.faults().plan({});
            const std::string after = stored();
            EXPECT_TRUE(after == "1 2" || (after.empty() && !done)) << after;
            EXPECT_TRUE(group.run([&](Connection& on) { return insert(on, 9); }));
            ASSERT_TRUE(connection->change("DELETE FROM counts"));
        }
    }
}

TEST_F(WriteGroupTest, ManyWritersLoseNothing) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 50; ++i)
                EXPECT_TRUE(group.run([&](Connection& on) { return insert(on, t * 1000 + i); }));
        });
    for (std::thread& thread : threads) thread.join();
    const auto rows = connection->execute("SELECT count(*) FROM counts").value();
    ASSERT_TRUE(rows->next().value());
    EXPECT_EQ(rows->integer(0), 400);
}

}  // namespace
}  // namespace stroma::sql
