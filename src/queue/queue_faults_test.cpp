#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "queue/database/database_queue.h"
#include "queue/database/database_stream.h"
#include "queue/faulty/faulty_queue.h"
#include "queue/memory/memory_queue.h"
#include "queue/queue_conformance.h"
#include "sql/faulty/faulty_database.h"
#include "sql/sqlite/sqlite_database.h"

// What queues and streams keep when any one call below them fails, and what their faulty twins do.

namespace stroma::queue {
namespace {

using Kind = CallFault::Kind;
constexpr std::array kinds = {Kind::fail_before, Kind::fail_after, Kind::torn};

std::shared_ptr<Stream> open_faulty_stream(int shards, const Clock& clock) {
    auto memory = std::make_shared<MemoryStream>(shards, clock);
    auto faulty = std::make_shared<FaultyStream>(*memory);
    return {faulty.get(), [memory, faulty](Stream*) {}};
}

INSTANTIATE_TEST_SUITE_P(Twin, StreamConformance,
                         ::testing::Values(StreamUnderTest{"Faulty", open_faulty_stream}),
                         [](const auto& driver) { return driver.param.name; });

std::vector<Record> batch(std::string_view first, std::string_view second) {
    Record one, two;
    one.data = first;
    two.data = second;
    return {one, two};
}

/// All data of the shard, with spaces between.
std::string data_of(Stream& stream) {
    std::string all;
    const auto records = stream.read(0, 0, 100).value();
    for (const Record& record : records) all += (all.empty() ? "" : " ") + record.data;
    return all;
}

TEST(FaultyStream, ATwinPlansItsFaults) {
    ManualClock clock;
    MemoryStream memory(1, clock);
    FaultyStream stream(memory);
    stream.faults().plan({.at = 1, .kind = Kind::fail_before});
    EXPECT_EQ(stream.append(0, batch("a", "b")).error().code, ErrorCode::unavailable);
    EXPECT_EQ(data_of(memory), "");
    stream.faults().plan({.at = 1, .kind = Kind::torn});
    EXPECT_FALSE(stream.append(0, batch("a", "b")));
    EXPECT_EQ(data_of(memory), "") << "all or none";
    stream.faults().plan({.at = 1, .kind = Kind::fail_after});
    EXPECT_FALSE(stream.append(0, batch("a", "b")));
    EXPECT_EQ(data_of(memory), "a b");
    stream.faults().plan({.at = 1, .kind = Kind::twice});
    EXPECT_TRUE(stream.append(0, batch("c", "d")));
    EXPECT_EQ(data_of(memory), "a b c d c d");
    stream.faults().plan({.at = 2, .ever_after = true, .code = ErrorCode::conflict});
    EXPECT_TRUE(stream.end(0));
    EXPECT_EQ(stream.trim(0, 3).error().code, ErrorCode::conflict);
    EXPECT_EQ(stream.read(0, 0, 1).error().code, ErrorCode::conflict);
    std::string seen;
    stream.faults().plan({});
    stream.faults().before_each_call([&](std::string_view call) { seen += call; });
    stream.faults().after_each_call([&](std::string_view call) { seen += call; });
    EXPECT_TRUE(stream.shard_count());
    EXPECT_EQ(seen, "shard_countshard_count");
}

TEST(StreamFaults, ABatchIsThereWholeOrNotAtAllWhicheverCallOfTheDatabaseFails) {
    for (const Kind kind : kinds) {
        bool ran_through = false;
        for (std::uint64_t at = 1; !ran_through; ++at) {
            SCOPED_TRACE(at);
            ManualClock clock;
            const auto database = sql::SqliteDatabase::open_in_memory().value();
            sql::FaultyDatabase faulty(*database);
            const auto stream = open_stream(faulty, "s", {.shards = 1}, clock).value();
            const std::uint64_t first = stream->append(0, batch("a", "b")).value();
            faulty.faults().plan({.at = at, .kind = kind});
            const auto done = stream->append(0, batch("c", "d"));
            ran_through = faulty.faults().calls_made() < at;
            faulty.faults().plan({});
            EXPECT_EQ(done.has_value(), ran_through);
            const std::string after = data_of(*stream);
            const bool all = after == "a b c d";
            EXPECT_TRUE(all || (!done && after == "a b")) << after;
            EXPECT_GT(stream->append(0, batch("e", "f")).value(), first + 1);
            EXPECT_EQ(data_of(*stream), after + " e f");
        }
    }
}

/// Tries until it is done; the time of a lease passes between two tries.
template <class Call>
auto until_done(ManualClock& clock, Call call) {
    auto done = call();
    for (int tries = 0; !done && tries < 3; ++tries) {
        clock.advance(QueueOptions{}.lease + Milliseconds{1});
        done = call();
    }
    return done;
}

/// Sends one message and settles it, whatever fails on the way; gives how often it was seen.
int pass_one_message(Queue& queue, ManualClock& clock) {
    EXPECT_TRUE(until_done(clock, [&] { return queue.send("m", {.deduplication_id = "m"}); }));
    int seen = 0;
    for (int rounds = 0; rounds < 5; ++rounds) {
        const auto got = until_done(clock, [&] { return queue.receive(10); }).value();
        EXPECT_LE(got.size(), 1u) << "the same id is one message";
        if (got.empty() && seen > 0) return seen;
        for (const Message& message : got) {
            EXPECT_EQ(message.body, "m");
            ++seen;
            (void)queue.extend(message.receipt, QueueOptions{}.lease);
            (void)queue.acknowledge(message.receipt);
        }
        clock.advance(QueueOptions{}.lease + Milliseconds{1});
    }
    return seen;
}

TEST(QueueFaults, AMessageIsNeitherLostNorDoubledWhicheverCallOfTheDatabaseFails) {
    for (const Kind kind : kinds) {
        bool ran_through = false;
        for (std::uint64_t at = 1; !ran_through; ++at) {
            SCOPED_TRACE(at);
            ManualClock clock;
            IdSource ids{1};
            const auto database = sql::SqliteDatabase::open_in_memory().value();
            sql::FaultyDatabase faulty(*database);
            const auto queue = open_queue(faulty, "q", {}, clock, ids).value();
            faulty.faults().plan({.at = at, .kind = kind});
            const int seen = pass_one_message(*queue, clock);
            ran_through = faulty.faults().calls_made() < at;
            faulty.faults().plan({});
            EXPECT_GE(seen, 1);
            EXPECT_LE(seen, ran_through ? 1 : 2) << "one lost answer is one more delivery";
            const QueueStats left = queue->stats().value();
            EXPECT_EQ(left.ready + left.leased + left.delayed + left.dead, 0);
        }
    }
}

TEST(QueueFaults, AQueueIsOpenedAgainWhereverItsFirstOpeningFailed) {
    for (const Kind kind : kinds) {
        bool ran_through = false;
        for (std::uint64_t at = 1; !ran_through; ++at) {
            SCOPED_TRACE(at);
            ManualClock clock;
            IdSource ids{1};
            const auto database = sql::SqliteDatabase::open_in_memory().value();
            sql::FaultyDatabase faulty(*database);
            faulty.faults().plan({.at = at, .kind = kind});
            const bool opened = open_queue(faulty, "q", {}, clock, ids).has_value() &&
                                open_stream(faulty, "s", {.shards = 2}, clock).has_value();
            ran_through = faulty.faults().calls_made() < at;
            faulty.faults().plan({});
            EXPECT_EQ(opened, ran_through);
            const auto queue = open_queue(faulty, "q", {}, clock, ids).value();
            EXPECT_TRUE(queue->send("m"));
            EXPECT_EQ(queue->receive()->size(), 1u);
            const auto stream = open_stream(faulty, "s", {.shards = 2}, clock).value();
            EXPECT_EQ(stream->shard_count().value(), 2);
        }
    }
}

}  // namespace
}  // namespace stroma::queue
