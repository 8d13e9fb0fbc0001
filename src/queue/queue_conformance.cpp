#include "queue/queue_conformance.h"

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

namespace stroma::queue {
namespace {

constexpr Milliseconds second{1000};

TEST_P(QueueConformance, AMessageIsReceivedOnceAndGoneWhenAcknowledged) {
    const std::string id = send("bundle-7");
    const Message message = receive();
    EXPECT_EQ(message.id, id);
    EXPECT_EQ(message.body, "bundle-7");
    EXPECT_EQ(message.delivery_count, 1);
    EXPECT_EQ(message.sent_ms, clock.unix_ms());
    EXPECT_TRUE(nothing_is_due());
    ASSERT_TRUE(queue->acknowledge(message.receipt));
    clock.advance(3600 * second);
    EXPECT_TRUE(nothing_is_due());
    EXPECT_EQ(queue->acknowledge(message.receipt).error().code, ErrorCode::not_found);
}

TEST_P(QueueConformance, ABodyIsAnyBytes) {
    const std::string body("\0\xff{}\n", 5);
    send(body);
    EXPECT_EQ(receive().body, body);
    send("");
    EXPECT_EQ(receive().body, "");
}

TEST_P(QueueConformance, ABodyPastTheLimitIsRefused) {
    open({.body_bytes_max = 10});
    EXPECT_TRUE(queue->send(std::string(10, 'x')));
    EXPECT_EQ(queue->send(std::string(11, 'x')).error().code, ErrorCode::exhausted);
}

TEST_P(QueueConformance, AMessageThatIsNotAcknowledgedComesBackWhenItsLeaseEnds) {
    send("bundle-7");
    const Message first = receive();
    clock.advance(Milliseconds{29'999});
    EXPECT_TRUE(nothing_is_due());
    clock.advance(Milliseconds{1});
    const Message again = receive();
    EXPECT_EQ(again.id, first.id);
    EXPECT_EQ(again.delivery_count, 2);
    EXPECT_NE(again.receipt, first.receipt);
    EXPECT_EQ(queue->acknowledge(first.receipt).error().code, ErrorCode::not_found);
    EXPECT_EQ(queue->extend(first.receipt, second).error().code, ErrorCode::not_found);
    EXPECT_EQ(queue->give_back(first.receipt, second).error().code, ErrorCode::not_found);
    EXPECT_EQ(queue->bury(first.receipt, "x").error().code, ErrorCode::not_found);
    EXPECT_TRUE(queue->acknowledge(again.receipt));
}

TEST_P(QueueConformance, AnEndedLeaseThatNobodyTookOverStillAcknowledges) {
    send("late");
    const Message message = receive();
    clock.advance(60 * second);
    EXPECT_TRUE(queue->acknowledge(message.receipt));
    EXPECT_TRUE(nothing_is_due());
}

TEST_P(QueueConformance, AReceiptThatWasNeverGivenIsNotFound) {
    send("waiting");
    for (const char* receipt : {"", "never"})
        EXPECT_EQ(queue->acknowledge(receipt).error().code, ErrorCode::not_found);
    EXPECT_EQ(receive().body, "waiting");
}

TEST_P(QueueConformance, AReceiverMayAskForItsOwnLease) {
    send("quick");
    ASSERT_EQ(queue->receive(1, Milliseconds{0}, second)->size(), 1u);
    clock.advance(second);
    EXPECT_EQ(receive().delivery_count, 2);
}

TEST_P(QueueConformance, AHeartbeatKeepsTheLease) {
    send("long");
    const Message message = receive();
    for (int beat = 0; beat < 5; ++beat) {
        clock.advance(20 * second);
        ASSERT_TRUE(queue->extend(message.receipt, 30 * second));
    }
    EXPECT_TRUE(nothing_is_due());
    clock.advance(30 * second);
    EXPECT_EQ(receive().delivery_count, 2);
}

TEST_P(QueueConformance, AMessageGivenBackIsDueAfterItsDelay) {
    send("again");
    ASSERT_TRUE(queue->give_back(receive().receipt, 10 * second));
    EXPECT_TRUE(nothing_is_due());
    clock.advance(10 * second);
    const Message message = receive();
    EXPECT_EQ(message.delivery_count, 2);
    ASSERT_TRUE(queue->give_back(message.receipt, Milliseconds{0}));
    EXPECT_EQ(receive().delivery_count, 3);
}

TEST_P(QueueConformance, ADelayedMessageIsNotDueBefore) {
    SendOptions options;
    options.delay = 15 * second;
    send("later", options);
    EXPECT_TRUE(nothing_is_due());
    EXPECT_EQ(queue->stats()->delayed, 1);
    clock.advance(15 * second);
    EXPECT_EQ(receive().body, "later");
}

TEST_P(QueueConformance, MessagesAreReceivedAboutInTheOrderTheyWereSent) {
    for (int i = 0; i < 20; ++i) {
        send(std::to_string(i));
        clock.advance(Milliseconds{1});
    }
    const auto messages = queue->receive(7).value();
    ASSERT_EQ(messages.size(), 7u);
    for (std::size_t i = 0; i < 7; ++i) EXPECT_EQ(messages[i].body, std::to_string(i));
    EXPECT_EQ(queue->receive(100)->size(), 13u);
}

TEST_P(QueueConformance, AMessageDeliveredTooOftenGoesToTheDeadLettersWithTheReason) {
    open({.deliveries_max = 3});
    const std::string id = send("poison");
    for (int delivery = 1; delivery <= 3; ++delivery) {
        EXPECT_EQ(receive().delivery_count, delivery);
        clock.advance(30 * second);
    }
    EXPECT_TRUE(nothing_is_due());
    const auto dead = queue->dead_letters(10).value();
    ASSERT_EQ(dead.size(), 1u);
    EXPECT_EQ(dead[0].id, id);
    EXPECT_EQ(dead[0].body, "poison");
    EXPECT_EQ(dead[0].delivery_count, 3);
    EXPECT_EQ(dead[0].died_ms, clock.unix_ms());
    EXPECT_NE(dead[0].reason.find("3 deliveries"), std::string::npos);
}

TEST_P(QueueConformance, ABuriedMessageIsDeadUntilItIsRedriven) {
    send("bad");
    ASSERT_TRUE(queue->bury(receive().receipt, "line 7 is broken"));
    EXPECT_EQ(queue->dead_letters(1)->at(0).reason, "line 7 is broken");
    EXPECT_EQ(queue->stats()->dead, 1);
    EXPECT_EQ(queue->redrive().value(), 1);
    EXPECT_TRUE(queue->dead_letters(10)->empty());
    const Message again = receive();
    EXPECT_EQ(again.body, "bad");
    EXPECT_EQ(again.delivery_count, 1);
}

TEST_P(QueueConformance, ASecondMessageOfOneDeduplicationIdIsTheFirst) {
    SendOptions options;
    options.deduplication_id = "load-7";
    const std::string id = send("one", options);
    EXPECT_EQ(send("two", options), id);
    ASSERT_TRUE(queue->acknowledge(receive().receipt));
    clock.advance(299 * second);
    EXPECT_EQ(send("three", options), id);
    EXPECT_TRUE(nothing_is_due());
    clock.advance(second);
    EXPECT_NE(send("four", options), id);
    EXPECT_EQ(receive().body, "four");
}

TEST_P(QueueConformance, MessagesOfOneGroupComeInOrderOneAtATime) {
    SendOptions a, b;
    a.group = "a";
    b.group = "b";
    send("a1", a);
    send("a2", a);
    send("b1", b);
    send("free");
    std::set<std::string> bodies;
    std::string a1;
    const auto messages = queue->receive(10).value();
    for (const Message& message : messages) {
        bodies.insert(message.body);
        if (message.body == "a1") a1 = message.receipt;
    }
    EXPECT_EQ(bodies, (std::set<std::string>{"a1", "b1", "free"}));
    ASSERT_TRUE(queue->give_back(a1, Milliseconds{0}));
    const Message again = receive();
    EXPECT_EQ(again.body, "a1");
    EXPECT_EQ(again.group, "a");
    ASSERT_TRUE(queue->acknowledge(again.receipt));
    EXPECT_EQ(receive().body, "a2");
}

TEST_P(QueueConformance, AGroupGoesOnWhenItsFirstMessageIsBuriedOrDiesOfDeliveries) {
    open({.deliveries_max = 1});
    SendOptions group;
    group.group = "g";
    for (const char* body : {"1", "2", "3"}) send(body, group);
    ASSERT_TRUE(queue->bury(receive().receipt, "bad"));
    EXPECT_EQ(receive().body, "2");
    clock.advance(30 * second);
    // The receive that finds "2" dead may be the one that gives "3", or the one before it.
    auto third = queue->receive().value();
    if (third.empty()) third = queue->receive().value();
    EXPECT_EQ(queue->stats()->dead, 2);
    ASSERT_EQ(third.size(), 1u);
    EXPECT_EQ(third[0].body, "3");
}

TEST_P(QueueConformance, MessagesPastTheirRetentionAreDroppedAndFreeTheirGroup) {
    open({.retention = 3600 * second});
    SendOptions group;
    group.group = "g";
    send("old", group);
    clock.advance(1800 * second);
    send("new", group);
    clock.advance(1801 * second);
    EXPECT_EQ(receive().body, "new");
}

TEST_P(QueueConformance, APurgeDropsEveryMessageButNotTheDead) {
    send("dead");
    ASSERT_TRUE(queue->bury(receive().receipt, "bad"));
    send("leased");
    receive();
    send("ready");
    EXPECT_EQ(queue->purge().value(), 2);
    clock.advance(3600 * second);
    EXPECT_TRUE(nothing_is_due());
    EXPECT_EQ(queue->stats()->dead, 1);
}

TEST_P(QueueConformance, StatsCountMessagesByState) {
    SendOptions delayed;
    delayed.delay = 60 * second;
    send("leased");
    receive();
    clock.advance(5 * second);
    send("ready");
    send("delayed", delayed);
    QueueStats stats = queue->stats().value();
    EXPECT_EQ(stats.ready, 1);
    EXPECT_EQ(stats.leased, 1);
    EXPECT_EQ(stats.delayed, 1);
    EXPECT_EQ(stats.dead, 0);
    EXPECT_EQ(stats.oldest_age_ms, 5000);
    clock.advance(25 * second);
    EXPECT_EQ(queue->stats()->ready, 2);
}

TEST_P(QueueConformance, AWaitingReceiverIsWokenByASend) {
    std::vector<Message> received;
    std::thread receiver([&] { received = queue->receive(1, Milliseconds{60'000}).value(); });
    send("wake up");
    receiver.join();
    ASSERT_EQ(received.size(), 1u);
    EXPECT_EQ(received[0].body, "wake up");
}

TEST_P(QueueConformance, ManyReceiversShareTheMessagesAndNoneIsTakenTwice) {
    constexpr int count = 200;
    std::mutex mutex;
    std::multiset<std::string> bodies;
    std::atomic<int> left{count};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            while (left > 0) {
                const auto messages = queue->receive(3, Milliseconds{10});
                if (!messages) continue;
                for (const Message& message : *messages) {
                    if (!queue->acknowledge(message.receipt)) continue;
                    const std::lock_guard lock(mutex);
                    bodies.insert(message.body);
                    --left;
                }
            }
        });
    for (int i = 0; i < count; ++i) send(std::to_string(i));
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(bodies.size(), static_cast<std::size_t>(count));
    EXPECT_EQ(std::set<std::string>(bodies.begin(), bodies.end()).size(), bodies.size());
}

}  // namespace
}  // namespace stroma::queue
