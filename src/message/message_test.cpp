#include <gtest/gtest.h>

#include <future>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "base/digest.h"
#include "message/queues.h"
#include "sql/sqlite/sqlite_database.h"

namespace stroma::message {
namespace {

class QueuesTest : public ::testing::Test {
protected:
    QueuePointer make(const std::string& name, const TextMap& attributes = {}) {
        return queues->create({name, "us-east-1", "owner", attributes, {}}).value();
    }
    QueuePointer make_ordered(const std::string& name, TextMap attributes = {}) {
        attributes["FifoQueue"] = "true";
        return make(name, attributes);
    }
    std::string send(const QueuePointer& queue, const std::string& body,
                     const std::string& message_group = {}, const std::string& deduplication = {}) {
        NewMessage message;
        message.body = body;
        message.group = message_group;
        message.deduplication = deduplication;
        return queues->send(queue, {&message, 1})[0].value().id;
    }
    std::vector<Received> receive(const QueuePointer& queue, int most = 10) {
        return queues->receive(queue, {.most = most}).value();
    }
    std::string bodies(const QueuePointer& queue, int most = 10) {
        std::string text;
        for (const Received& message : receive(queue, most))
            text += (text.empty() ? "" : " ") + message.body;
        return text;
    }
    Result<void> remove(const QueuePointer& queue, const Received& message) {
        return queues->remove_messages(queue, {&message.receipt, 1})[0];
    }
    Result<void> hide(const QueuePointer& queue, const Received& message, std::int64_t seconds) {
        const VisibilityChange change{message.receipt, Milliseconds{seconds * 1000}};
        return queues->change_visibility(queue, {&change, 1})[0];
    }
    void pass(std::int64_t seconds) { clock.advance(Milliseconds{seconds * 1000}); }
    /// Everything that is known only in memory is gone.
    void reopen() {
        queues.reset();
        queues = Queues::open(group, clock, ids, "000000000000").value();
    }

    ManualClock clock;
    IdSource ids{7};
    std::unique_ptr<sql::SqliteDatabase> database = sql::SqliteDatabase::open_in_memory().value();
    sql::WriteGroup group{*database};
    std::unique_ptr<Queues> queues = Queues::open(group, clock, ids, "000000000000").value();
};

TEST_F(QueuesTest, AMessageHidesWhileItIsWorkedOnAndComesBackWhenNobodySaysThatItIsDone) {
    const auto queue = make("work");
    const std::string id = send(queue, "hello");
    const auto first = receive(queue);
    ASSERT_EQ(first.size(), 1u);
    EXPECT_EQ(first[0].id, id);
    EXPECT_EQ(first[0].receive_count, 1);
    EXPECT_TRUE(receive(queue).empty());
    EXPECT_EQ(queues->counts(*queue)->in_flight, 1);
    pass(30);
    const auto again = receive(queue);
    ASSERT_EQ(again.size(), 1u);
    EXPECT_EQ(again[0].receive_count, 2);
    EXPECT_NE(again[0].receipt, first[0].receipt);
    EXPECT_TRUE(remove(queue, first[0])) << "an old receipt is taken in silence";
    EXPECT_EQ(queues->counts(*queue)->in_flight, 1) << "and does nothing";
    EXPECT_TRUE(remove(queue, again[0]));
    pass(100);
    EXPECT_TRUE(receive(queue).empty());
    const std::string nonsense = "garbage";
    EXPECT_EQ(queues->remove_messages(queue, {&nonsense, 1})[0].error().message,
              "The input receipt handle \"garbage\" is not a valid receipt handle.");
}

TEST_F(QueuesTest, TheTimeThatAMessageHidesCanBeChanged) {
    const auto queue = make("work", {{"VisibilityTimeout", "10"}});
    send(queue, "a");
    auto taken = receive(queue);
    EXPECT_TRUE(hide(queue, taken[0], 100));
    pass(50);
    EXPECT_TRUE(receive(queue).empty());
    EXPECT_TRUE(hide(queue, taken[0], 0));
    taken = receive(queue);
    ASSERT_EQ(taken.size(), 1u);
    EXPECT_TRUE(hide(queue, taken[0], 43'200));
    pass(1);
    EXPECT_EQ(hide(queue, taken[0], 43'200).error().code, ErrorCode::invalid_input)
        << "twelve hours in all";
    EXPECT_TRUE(remove(queue, taken[0]));
    EXPECT_EQ(hide(queue, taken[0], 5).error().code, ErrorCode::conflict);
}

TEST_F(QueuesTest, AWaitEndsWithTheSendAndWithWhoLeaves) {
    const auto queue = make("work");
    auto waiting = std::async(std::launch::async, [&] {
        return queues->receive(queue, {.most = 1, .wait = Milliseconds{20'000}}).value();
    });
    send(queue, "here");
    EXPECT_EQ(waiting.get().at(0).body, "here");
    std::stop_source left;
    auto leaving = std::async(std::launch::async, [&] {
        return queues->receive(
            queue,
            {.most = 1, .wait = Milliseconds{20'000}, .visibility = {}, .left = left.get_token()});
    });
    left.request_stop();
    EXPECT_TRUE(leaving.get().value().empty());
    auto removed = std::async(std::launch::async, [&] {
        return queues->receive(queue, {.most = 1, .wait = Milliseconds{20'000}});
    });
    EXPECT_TRUE(queues->remove("work"));
    EXPECT_EQ(removed.get().error().code, ErrorCode::not_found);
}

TEST_F(QueuesTest, DelaysAreTheQueuesOrTheMessagesOwn) {
    const auto queue = make("work", {{"DelaySeconds", "5"}});
    NewMessage at_once;
    at_once.body = "now";
    at_once.delay = Milliseconds{0};
    EXPECT_TRUE(queues->send(queue, {&at_once, 1})[0]);
    send(queue, "later");
    EXPECT_EQ(queues->counts(*queue)->delayed, 1);
    EXPECT_EQ(bodies(queue), "now");
    pass(5);
    EXPECT_EQ(bodies(queue), "later");
}

TEST_F(QueuesTest, AnOrderedQueueKeepsEachGroupsOrderAndLocksItWhileOneIsInFlight) {
    const auto queue = make_ordered("work.fifo");
    for (int n = 1; n <= 3; ++n)
        for (const char* message_group : {"a", "b"})
            send(queue, message_group + std::to_string(n), message_group,
                 message_group + std::to_string(n));
    auto first = receive(queue, 1);
    EXPECT_EQ(first.at(0).body, "a1");
    EXPECT_EQ(bodies(queue), "b1 b2 b3") << "a waits for a1";
    EXPECT_TRUE(remove(queue, first[0]));
    auto rest = receive(queue, 10);
    ASSERT_EQ(rest.size(), 2u);
    EXPECT_EQ(rest[0].body + rest[1].body, "a2a3");
    EXPECT_LT(rest[0].sequence, rest[1].sequence);
    EXPECT_EQ(rest[0].sequence.size(), 20u);
    EXPECT_TRUE(hide(queue, rest[1], 100));
    pass(31);
    EXPECT_EQ(bodies(queue), "b1 b2 b3 a2") << "a3 is still hidden";
    pass(31);
    EXPECT_EQ(remove(queue, rest[0]).error().code, ErrorCode::invalid_input);
}

TEST_F(QueuesTest, WhatWasSentTwiceWithinFiveMinutesComesOnce) {
    const auto queue = make_ordered("work.fifo");
    const std::string id = send(queue, "x", "g", "same");
    EXPECT_EQ(send(queue, "y", "h", "same"), id);
    pass(299);
    EXPECT_EQ(send(queue, "y", "g", "same"), id);
    pass(2);
    EXPECT_NE(send(queue, "z", "h", "same"), id);
    EXPECT_EQ(bodies(queue), "x z");
    const auto by_group = make_ordered("grouped.fifo", {{"DeduplicationScope", "messageGroup"},
                                                        {"ContentBasedDeduplication", "true"}});
    send(by_group, "x", "g");
    send(by_group, "x", "g");
    send(by_group, "x", "h");
    EXPECT_EQ(bodies(by_group), "x x");
}

TEST_F(QueuesTest, WhatIsReceivedTooOftenGoesToTheDeadLettersAndBack) {
    const auto dead = make("dead");
    const auto queue =
        make("work", {{"VisibilityTimeout", "1"},
                      {"RedrivePolicy", R"({"deadLetterTargetArn":)"
                                        R"("arn:aws:sqs:us-east-1:000000000000:dead",)"
                                        R"("maxReceiveCount":2})"}});
    send(queue, "poison");
    EXPECT_EQ(bodies(queue), "poison");
    pass(1);
    EXPECT_EQ(bodies(queue), "poison");
    pass(1);
    send(queue, "good");
    EXPECT_EQ(bodies(queue), "good");
    const auto letters = receive(dead);
    ASSERT_EQ(letters.size(), 1u);
    EXPECT_EQ(letters[0].origin, queue->arn);
    EXPECT_EQ(letters[0].receive_count, 3);
    EXPECT_TRUE(hide(dead, letters[0], 0));
    EXPECT_EQ(queues->dead_letter_sources("dead"), std::vector<std::string>{"work"});
    EXPECT_EQ(queues->start_move(queue->arn, "", 0).error().code, ErrorCode::invalid_input);
    auto waiting = std::async(std::launch::async, [&] {
        return queues->receive(queue, {.most = 1, .wait = Milliseconds{20'000}}).value();
    });
    ASSERT_TRUE(queues->start_move(dead->arn, "", 0));
    EXPECT_EQ(waiting.get().at(0).body, "poison");
    EXPECT_EQ(queues->counts(*dead)->visible, 0);
}

TEST_F(QueuesTest, AttributesAreCheckedInTheWordsOfSqs) {
    EXPECT_EQ(queues->create({"a b", "r", "o", {}, {}}).error().code, ErrorCode::invalid_input);
    EXPECT_EQ(queues->create({"a", "r", "o", {{"FifoQueue", "true"}}, {}}).error().code,
              ErrorCode::invalid_input);
    EXPECT_EQ(queues->create({"a", "r", "o", {{"DelaySeconds", "901"}}, {}}).error().message,
              "Invalid value for the parameter DelaySeconds.");
    EXPECT_EQ(queues->create({"a", "r", "o", {{"Colour", "red"}}, {}}).error().message,
              "Unknown Attribute Colour.");
    const auto queue = make("a", {{"DelaySeconds", "900"}});
    EXPECT_EQ(make("a", {{"DelaySeconds", "900"}})->number, queue->number);
    EXPECT_EQ(queues->create({"a", "r", "o", {{"DelaySeconds", "1"}}, {}}).error().message,
              "A queue already exists with the same name and a different value for attribute "
              "DelaySeconds");
    EXPECT_EQ(queues->set_attributes("a", {{"RedrivePolicy", "{}"}}).error().message,
              "Value {} for parameter RedrivePolicy is invalid. Reason: Redrive policy does not "
              "contain mandatory attribute: maxReceiveCount.");
    EXPECT_TRUE(queues->set_attributes("a", {{"DelaySeconds", ""}, {"VisibilityTimeout", "7"}}));
    reopen();
    EXPECT_EQ(queues->find("a")->attributes.at("VisibilityTimeout"), "7");
    EXPECT_EQ(queues->find("a")->attributes.at("DelaySeconds"), "0");
}

TEST_F(QueuesTest, MessagesOutliveTheProcessAndAgeOut) {
    const auto queue = make("work", {{"MessageRetentionPeriod", "3600"}});
    send(queue, "old");
    receive(queue);
    pass(10);
    reopen();
    EXPECT_TRUE(receive(queues->find("work")).empty()) << "still hidden";
    pass(20);
    EXPECT_EQ(bodies(queues->find("work")), "old");
    pass(3600);
    send(queues->find("work"), "new");
    EXPECT_EQ(bodies(queues->find("work")), "new");
}

TEST_F(QueuesTest, AMessageSentInsideATransactionIsThereWithItOrNotAtAll) {
    const auto queue = make("work");
    NewMessage message;
    message.body = "told";
    auto waiting = std::async(std::launch::async, [&] {
        return queues->receive(queue, {.most = 1, .wait = Milliseconds{20'000}}).value();
    });
    EXPECT_FALSE(group.run([&](sql::Connection& connection) -> Result<void> {
        if (!queues->send_in(connection, "work", message)) ADD_FAILURE();
        return fail(ErrorCode::conflict, "the object could not be put");
    }));
    EXPECT_EQ(queues->counts(*queue)->visible, 0);
    EXPECT_TRUE(group.run([&](sql::Connection& connection) -> Result<void> {
        if (!queues->send_in(connection, "work", message)) ADD_FAILURE();
        return {};
    }));
    EXPECT_EQ(waiting.get().at(0).body, "told");
}

TEST_F(QueuesTest, TheMd5OfAttributesIsTakenOverThemAsSqsDoes) {
    // Both values are what AWS answers for these attributes.
    EXPECT_EQ(md5_hex(laid_out({{"MyAttribute", "String", "foobar"}})),
              "adb59cd4678ea5a855436b949cd07ab6");
    EXPECT_EQ(md5_hex(laid_out({{"Hello", "String", "There"}})),
              "a311262e065454b75da111d535b8dacd");
    const std::string laid =
        laid_out({{"b", "Binary", std::string("\0\1", 2)}, {"a", "Number", "1"}});
    const auto back = attributes_of(laid);
    ASSERT_EQ(back.size(), 2u);
    EXPECT_EQ(back[0].name, "a");
    EXPECT_EQ(back[1].value, std::string("\0\1", 2));
    for (std::size_t cut = 0; cut < laid.size(); ++cut)
        EXPECT_LT(attributes_of(laid.substr(0, cut)).size(), 2u);
}

// A day of notifications that come late, twice and in any order, with receivers that die, in
// simulated time: each is worked on at least once, and a ledger of what was done makes it once.
TEST_F(QueuesTest, ADayOfLateDoubledAndReorderedNotificationsIsWorkedOnOnceEach) {
    std::mt19937 random(20261122);
    const auto dead = make("dead");
    const auto queue =
        make("work", {{"VisibilityTimeout", "120"},
                      {"RedrivePolicy", R"({"deadLetterTargetArn":)"
                                        R"("arn:aws:sqs:us-east-1:000000000000:dead",)"
                                        R"("maxReceiveCount":1000})"}});
    std::multimap<std::int64_t, std::string> coming;  // the minute at which each is told
    constexpr int minutes = 24 * 60;
    for (int object = 0; object < 3000; ++object) {
        const int put = static_cast<int>(random() % minutes);
        const int copies = 1 + static_cast<int>(random() % 3 == 0);
        for (int copy = 0; copy < copies; ++copy)
            coming.emplace(put + static_cast<int>(random() % 90), std::to_string(object));
    }
    std::map<std::string, int> done;
    std::set<std::string> ledger;
    for (std::int64_t minute = 0; minute < minutes + 600; ++minute, pass(60)) {
        if (minute % 400 == 399) reopen();
        const auto now = queues->find("work");
        for (auto at = coming.begin(); at != coming.end() && at->first <= minute;
             at = coming.erase(at)) {
            NewMessage message;
            message.body = at->second;
            if (random() % 4 == 0) message.delay = Milliseconds{1000 * (random() % 900)};
            ASSERT_TRUE(queues->send(now, {&message, 1})[0]);
        }
        for (int receiver = 0; receiver < 4; ++receiver)
            for (const Received& message : receive(now)) {
                if (random() % 5 == 0) continue;  // died at once
                if (ledger.insert(message.body).second) ++done[message.body];
                if (random() % 5 == 0) continue;  // died before it could tell
                EXPECT_TRUE(queues->remove_messages(now, {&message.receipt, 1})[0]);
            }
    }
    EXPECT_EQ(done.size(), 3000u);
    EXPECT_EQ(queues->counts(*queues->find("work"))->visible, 0);
    EXPECT_EQ(queues->counts(*queues->find("dead"))->visible, 0);
}

TEST_F(QueuesTest, ManySendersAndReceiversLoseAndDoubleNothing) {
    const auto queue = make("work", {{"VisibilityTimeout", "43200"}});
    constexpr int senders = 4, each = 200;
    std::vector<std::thread> threads;
    std::mutex mutex;
    std::multiset<std::string> got;
    std::stop_source all_there;
    for (int s = 0; s < senders; ++s)
        threads.emplace_back([&, s] {
            for (int n = 0; n < each; ++n) send(queue, std::to_string(s * each + n));
        });
    for (int r = 0; r < 4; ++r)
        threads.emplace_back([&] {
            while (!all_there.stop_requested()) {
                const auto taken = queues->receive(queue, {.most = 10,
                                                           .wait = Milliseconds{20'000},
                                                           .visibility = {},
                                                           .left = all_there.get_token()});
                for (const Received& message : taken.value()) {
                    EXPECT_TRUE(remove(queue, message));
                    const std::lock_guard lock(mutex);
                    got.insert(message.body);
                    if (got.size() == senders * each) all_there.request_stop();
                }
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(std::set<std::string>(got.begin(), got.end()).size(), senders * each);
    EXPECT_EQ(queues->counts(*queue)->in_flight, 0);
}

}  // namespace
}  // namespace stroma::message
