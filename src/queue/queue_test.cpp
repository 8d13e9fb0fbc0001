#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "base/file.h"
#include "base/metrics.h"
#include "queue/database/database_queue.h"
#include "queue/database/database_stream.h"
#include "queue/faulty/faulty_queue.h"
#include "queue/memory/memory_queue.h"
#include "queue/queue_conformance.h"
#include "queue/queue_metrics.h"
#include "sql/sqlite/sqlite_database.h"

namespace stroma::queue {
namespace {

std::shared_ptr<Queue> open_stored(const QueueOptions& options, const Clock& clock, IdSource& ids) {
    std::shared_ptr<sql::SqliteDatabase> database = sql::SqliteDatabase::open_in_memory().value();
    std::shared_ptr<Queue> queue = open_queue(*database, "test", options, clock, ids).value();
    Queue* const raw = queue.get();
    return {raw, [database, queue](Queue*) mutable { queue.reset(); }};
}

std::shared_ptr<Queue> open_faulty(const QueueOptions& options, const Clock& clock, IdSource& ids) {
    auto memory = std::make_shared<MemoryQueue>(options, clock, ids);
    auto faulty = std::make_shared<FaultyQueue>(*memory);
    return {faulty.get(), [memory, faulty](Queue*) {}};
}

std::shared_ptr<Stream> open_stored_stream(int shards, const Clock& clock) {
    std::shared_ptr<sql::SqliteDatabase> database = sql::SqliteDatabase::open_in_memory().value();
    std::shared_ptr<Stream> stream =
        open_stream(*database, "test", {.shards = shards}, clock).value();
    Stream* const raw = stream.get();
    return {raw, [database, stream](Stream*) mutable { stream.reset(); }};
}

INSTANTIATE_TEST_SUITE_P(Drivers, QueueConformance,
                         ::testing::Values(QueueUnderTest{"Sqlite", open_stored},
                                           QueueUnderTest{
                                               "Memory",
                                               [](const QueueOptions& options, const Clock& clock,
                                                  IdSource& ids) -> std::shared_ptr<Queue> {
                                                   return std::make_shared<MemoryQueue>(options,
                                                                                        clock, ids);
                                               }},
                                           QueueUnderTest{"Faulty", open_faulty}),
                         [](const auto& driver) { return driver.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Drivers, StreamConformance,
    ::testing::Values(StreamUnderTest{"Sqlite", open_stored_stream},
                      StreamUnderTest{
                          "Memory",
                          [](int shards, const Clock& clock) -> std::shared_ptr<Stream> {
                              return std::make_shared<MemoryStream>(shards, clock);
                          }}),
    [](const auto& driver) { return driver.param.name; });

class StoredQueue : public ::testing::Test {
protected:
    std::unique_ptr<TransactionalQueue> open(std::string_view name = "test") {
        return open_queue(*database, name, {}, clock, ids).value();
    }
    ManualClock clock;
    IdSource ids{1};
    std::unique_ptr<sql::SqliteDatabase> database = sql::SqliteDatabase::open_in_memory().value();
};

TEST_F(StoredQueue, QueuesOfOneDatabaseAreSeparate) {
    const auto a = open("a"), b = open("b");
    ASSERT_TRUE(a->send("for a"));
    EXPECT_TRUE(b->receive()->empty());
    const Message message = a->receive()->at(0);
    EXPECT_EQ(b->acknowledge(message.receipt).error().code, ErrorCode::not_found);
    EXPECT_EQ(queue_names(*database).value(), (std::vector<std::string>{"a", "b"}));
    EXPECT_TRUE(remove_queue(*database, "a").value());
    EXPECT_FALSE(remove_queue(*database, "a").value());
    EXPECT_EQ(a->send("too late").error().code, ErrorCode::not_found);
}

TEST_F(StoredQueue, MessagesAndLeasesOutliveTheQueueObject) {
    ASSERT_TRUE(open()->send("first"));
    const Message message = open()->receive()->at(0);
    const auto again = open();
    EXPECT_TRUE(again->receive()->empty());
    EXPECT_TRUE(again->acknowledge(message.receipt));
}

TEST_F(StoredQueue, AfterARebootNoLeaseHangsAndDelaysGoOnByTheCalendar) {
    auto queue = open();
    SendOptions delayed;
    delayed.delay = Milliseconds{60'000};
    ASSERT_TRUE(queue->send("leased"));
    ASSERT_EQ(queue->receive(1, Milliseconds{0}, Milliseconds{3'600'000})->size(), 1u);
    ASSERT_TRUE(queue->send("delayed", delayed));
    // As if written before a reboot, by a steady clock that was far ahead of today's.
    ASSERT_TRUE(database->connect().value()->run_script(
        "UPDATE queues SET boot = 'an earlier one';"
        "UPDATE queue_messages SET due_ms = due_ms + 1000000000000;"));
    EXPECT_TRUE(queue->receive()->empty());
    queue = open();
    const auto due = queue->receive(10).value();
    ASSERT_EQ(due.size(), 1u);
    EXPECT_EQ(due[0].body, "leased");
    clock.advance(Milliseconds{60'000});
    EXPECT_EQ(queue->receive(10)->size(), 2u);
}

TEST_F(StoredQueue, ASendInsideATransactionIsThereWithItsCommitOnly) {
    const auto queue = open();
    const auto connection = database->connect().value();
    ASSERT_TRUE(connection->begin(sql::TransactionKind::write));
    ASSERT_TRUE(queue->send_in(*connection, "undone"));
    connection->rollback();
    EXPECT_EQ(queue->stats()->ready, 0);
    ASSERT_TRUE(connection->begin(sql::TransactionKind::write));
    ASSERT_TRUE(queue->send_in(*connection, "done"));
    EXPECT_TRUE(queue->receive()->empty());
    ASSERT_TRUE(connection->commit());
    EXPECT_EQ(queue->receive()->at(0).body, "done");
}

TEST_F(StoredQueue, EndingAllLeasesMakesEveryMessageDue) {
    const auto queue = open();
    ASSERT_TRUE(queue->send("one"));
    const Message held = queue->receive()->at(0);
    EXPECT_EQ(queue->end_leases().value(), 1);
    EXPECT_EQ(queue->acknowledge(held.receipt).error().code, ErrorCode::not_found);
    EXPECT_EQ(queue->receive()->at(0).delivery_count, 2);
}

TEST_F(StoredQueue, ItsDepthIsAMetric) {
    const auto queue = open();
    ASSERT_TRUE(queue->send("one"));
    ASSERT_TRUE(publish_depth(*queue, "depth_test"));
    EXPECT_NE(metrics_text().find(R"(stroma_queue_messages{queue="depth_test",state="ready"} 1)"),
              std::string::npos);
}

TEST_F(StoredQueue, AStreamDropsItsOldestRecordsWhenTheirRetentionEnds) {
    const auto stream =
        open_stream(*database, "s", {.shards = 1, .retention = Milliseconds{1000}}, clock).value();
    Record record;
    record.data = "old";
    ASSERT_TRUE(stream->append(0, std::vector{record}));
    clock.advance(Milliseconds{120'000});
    record.data = "new";
    ASSERT_TRUE(stream->append(0, std::vector{record}));
    const auto left = stream->read(0, 0, 10).value();
    ASSERT_EQ(left.size(), 1u);
    EXPECT_EQ(left[0].data, "new");
    EXPECT_TRUE(remove_stream(*database, "s").value());
    EXPECT_FALSE(remove_stream(*database, "s").value());
}

TEST_F(StoredQueue, ATwinPlansItsFaults) {
    MemoryQueue memory({}, clock, ids);
    FaultyQueue queue(memory);
    queue.faults().plan(
        {.at = 2, .kind = CallFault::Kind::fail_after, .code = ErrorCode::conflict});
    EXPECT_TRUE(queue.send("one"));
    EXPECT_EQ(queue.send("two").error().code, ErrorCode::conflict);
    EXPECT_EQ(memory.stats()->ready, 2);
    queue.faults().plan({.at = 1, .ever_after = true});
    EXPECT_EQ(queue.receive().error().code, ErrorCode::unavailable);
    EXPECT_EQ(queue.receive().error().code, ErrorCode::unavailable);
    queue.faults().plan({.at = 1, .kind = CallFault::Kind::twice});
    EXPECT_TRUE(queue.send("three"));
    EXPECT_EQ(memory.stats()->ready, 4);
    std::string seen;
    queue.faults().before_each_call([&](std::string_view name) { seen = name; });
    EXPECT_TRUE(queue.stats());
    EXPECT_EQ(seen, "stats");
    EXPECT_EQ(queue.faults().calls_made(), 2u);
}

/// Receives and acknowledges in a child until it is killed; tells each acknowledged number.
void consume_until_killed(const fs::path& path, int tell) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // also where the test ends early
    IdSource ids;
    const auto database = sql::SqliteDatabase::open(path).value();
    const auto queue = open_queue(*database, "test", {}, system_clock(), ids).value();
    for (;;) {
        const auto messages = queue->receive(1, Milliseconds{100}).value();
        for (const Message& message : messages) {
            if (!queue->acknowledge(message.receipt)) ::_exit(1);
            const int number = std::stoi(message.body);
            if (::write(tell, &number, sizeof number) != sizeof number) ::_exit(1);
        }
    }
}

TEST(StoredQueueKilled, AConsumerKilledAnywhereLosesNothingAndAcknowledgedMessagesStayGone) {
    std::string pattern = (fs::temp_directory_path() / "stroma-queue-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    const fs::path path = fs::path(pattern) / "control.db";
    constexpr int count = 60;
    std::vector<int> settled(count, 0);
    for (int round = 0; round < 6; ++round) {
        int told[2];
        ASSERT_EQ(::pipe(told), 0);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) consume_until_killed(path, told[1]);
        ::close(told[1]);
        {
            IdSource ids;
            const auto database = sql::SqliteDatabase::open(path).value();
            const auto queue = open_queue(*database, "test", {}, system_clock(), ids).value();
            for (int n = round * 10; n < round * 10 + 10; ++n)
                ASSERT_TRUE(queue->send(std::to_string(n)));
        }
        int number = 0;
        for (int n = 0; n<2 + round&& ::read(told[0], &number, sizeof number)> 0; ++n)
            ++settled[static_cast<std::size_t>(number)];
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        while (::read(told[0], &number, sizeof number) > 0)
            ++settled[static_cast<std::size_t>(number)];
        ::close(told[0]);
    }
    IdSource ids;
    const auto database = sql::SqliteDatabase::open(path).value();
    const auto queue = open_queue(*database, "test", {}, system_clock(), ids).value();
    ASSERT_TRUE(queue->end_leases());
    int unseen = 0;
    const auto left = queue->receive(count).value();
    for (const Message& message : left) {
        const auto number = static_cast<std::size_t>(std::stoi(message.body));
        EXPECT_EQ(settled[number], 0) << "an acknowledged message came back";
        ++settled[number];
    }
    for (const int times : settled) unseen += times == 0 ? 1 : 0;
    // A child killed between its acknowledgement and telling us hides one a round at most.
    EXPECT_LE(unseen, 6);
    fs::remove_all(pattern);
}

}  // namespace
}  // namespace stroma::queue
