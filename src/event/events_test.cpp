#include "event/events.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <set>

#include "base/digest.h"
#include "base/json.h"
#include "sql/sqlite/sqlite_database.h"

namespace stroma::event {
namespace {

class EventsTest : public ::testing::Test {
protected:
    EventsTest() {
        inbox = queues->create({"inbox", "us-east-1", "o", {}, {}}).value();
        open();
    }
    void open() {
        events.reset();
        events = Events::open(group, *queues,
                              {.webhook = [this](const Webhook& call) -> Result<void> {
                                   calls.push_back(call);
                                   return answer;
                               },
                               .record = [this](const std::string& arn, const std::string&,
                                                const std::string& data) -> Result<void> {
                                   records.push_back(arn + " " + data);
                                   return answer;
                               },
                               .may_reach =
                                   [this](const std::string& owner, const std::string& arn) {
                                       return !foreign.contains(owner + " " + arn);
                                   }},
                              clock, ids, {})
                     .value();
    }
    std::set<std::string> foreign;  ///< who may not reach what
    std::string queue_arn(const std::string& name) { return queues->find(name)->arn; }
    void rule(const std::string& name, Json attributes, std::vector<Json> targets,
              const std::string& bus = "default") {
        ASSERT_TRUE(events->put_rule(bus, name, "o", std::move(attributes)));
        ASSERT_TRUE(events->put_targets(bus, name, targets));
    }
    Json to_inbox() { return {{"Id", "q"}, {"Arn", inbox->arn}}; }
    void tell(const std::string& source, Json detail, const std::string& bus = "default") {
        Event event{
            .source = source, .detail_type = "Told", .detail = std::move(detail), .bus = bus};
        ASSERT_TRUE(events->publish({&event, 1})[0]);
    }
    /// The bodies in the queue, each on a line; they are gone then.
    std::string take(const std::string& name = "inbox") {
        std::string text;
        const auto queue = queues->find(name);
        for (;;) {
            const auto received = queues->receive(queue, {.most = 10}).value();
            if (received.empty()) return text;
            for (const auto& message : received) {
                text += message.body + "\n";
                EXPECT_TRUE(queues->remove_messages(queue, {&message.receipt, 1})[0]);
            }
        }
    }

    ManualClock clock;
    IdSource ids{11};
    std::unique_ptr<sql::SqliteDatabase> database = sql::SqliteDatabase::open_in_memory().value();
    sql::WriteGroup group{*database};
    std::unique_ptr<message::Queues> queues =
        message::Queues::open(group, clock, ids, "000000000000").value();
    message::QueuePointer inbox;
    std::vector<Webhook> calls;
    std::vector<std::string> records;
    Result<void> answer;
    std::unique_ptr<Events> events;
};

const Json all_of_shop = {{"EventPattern", R"({"source":["shop"]})"}};

TEST_F(EventsTest, ATargetThatCameToBelongToSomebodyElseGetsNothing) {
    const std::string stream = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
    const auto dead = queues->create({"dead", "us-east-1", "o", {}, {}}).value();
    const Json buried = {{"Arn", dead->arn}};
    rule("r", {{"EventPattern", R"({"source":["s"]})"}},
         {{{"Id", "q"}, {"Arn", inbox->arn}, {"DeadLetterConfig", buried}},
          {{"Id", "s"}, {"Arn", stream}, {"DeadLetterConfig", buried}}});
    tell("s", {{"n", 1}});
    while (events->work_once().value()) {
    }
    EXPECT_FALSE(take().empty());
    EXPECT_EQ(records.size(), 1u);
    foreign = {"o " + inbox->arn, "o " + stream};
    tell("s", {{"n", 2}});
    while (events->work_once().value()) {
    }
    EXPECT_EQ(take(), "");
    EXPECT_EQ(records.size(), 1u);
    const std::string letters = take("dead");
    EXPECT_EQ(std::count(letters.begin(), letters.end(), '\n'), 2);
    // Nor does a queue of dead letters that isn't theirs any more.
    foreign.insert("o " + dead->arn);
    tell("s", {{"n", 3}});
    while (events->work_once().value()) {
    }
    EXPECT_EQ(take("dead"), "");
    const auto loads = events->rule_loads().value();
    ASSERT_EQ(loads.size(), 1u);
    EXPECT_EQ(loads[0].matched, 3u);
    EXPECT_EQ(loads[0].handed, 2u);
    EXPECT_GE(loads[0].failed, 4u);
}

TEST_F(EventsTest, AnEventGoesToTheTargetsOfTheRulesThatItFits) {
    rule("shop", all_of_shop, {to_inbox()});
    tell("shop", {{"n", 1}});
    tell("other", {{"n", 2}});
    const Json got = parse_json(take()).value();
    EXPECT_EQ(got["detail"]["n"], 1);
    EXPECT_EQ(got["detail-type"], "Told");
    EXPECT_EQ(got["account"], "000000000000");
    EXPECT_EQ(got["time"].get<std::string>().size(), 20u);
    ASSERT_TRUE(
        events->put_rule("default", "shop", "o",
                         {{"EventPattern", R"({"source":["shop"]})"}, {"State", "DISABLED"}}));
    tell("shop", {});
    EXPECT_EQ(take(), "");
    open();
    EXPECT_EQ(events->find_rule("default", "shop")->targets.size(), 1u) << "kept";
}

TEST_F(EventsTest, AnEventOfATransactionThatFailsNeverWas) {
    rule("shop", all_of_shop, {to_inbox()});
    const Event event{.source = "shop", .detail_type = "Told"};
    EXPECT_FALSE(group.run([&](sql::Connection& connection) -> Result<void> {
        if (!events->publish_in(connection, event)) ADD_FAILURE();
        return fail(ErrorCode::conflict, "the object could not be put");
    }));
    EXPECT_EQ(take(), "");
    EXPECT_TRUE(group.run([&](sql::Connection& connection) -> Result<void> {
        if (!events->publish_in(connection, event)) ADD_FAILURE();
        return {};
    }));
    EXPECT_NE(take(), "");
}

TEST_F(EventsTest, TargetsGetAPartATextOrATemplateOfTheEvent) {
    const auto target = [&](const char* id, const char* how, Json what) {
        return Json{{"Id", id}, {"Arn", inbox->arn}, {how, std::move(what)}};
    };
    rule("shop", all_of_shop,
         {target("a", "InputPath", "$.detail.list[1]"), target("b", "Input", "{\"x\":1}"),
          target("c", "InputTransformer",
                 {{"InputPathsMap", {{"who", "$.detail.who"}, {"all", "$.detail"}, {"no", "$.no"}}},
                  {"InputTemplate", R"({"who": <who>, "path": "u/<who>", "no": <no>})"}}),
          target("d", "InputTransformer",
                 {{"InputPathsMap", {{"all", "$.detail.list"}}},
                  {"InputTemplate", R"("<all> by <aws.events.rule-name>")"}})});
    tell("shop", {{"who", "me"}, {"list", {"x", {{"y", 2}}}}});
    EXPECT_EQ(take(),
              "{\"y\":2}\n{\"x\":1}\n"
              "{\"who\": \"me\", \"path\": \"u/me\", \"no\": \"\"}\n"
              "\"[x,{y:2}] by shop\"\n");
    EXPECT_EQ(events
                  ->put_targets("default", "shop",
                                {target("e", "InputTransformer", {{"InputTemplate", "<what>"}})})
                  .error()
                  .message,
              "InputTemplate for target e contains invalid placeholder what.");
}

TEST_F(EventsTest, BusesPassEventsOnAndALoopIsSuspended) {
    ASSERT_TRUE(events->create_bus("side", "us-east-1", "o", Json::object()));
    const auto bus = [&](const char* name) {
        return Json{{"Id", "b"},
                    {"Arn", events->arn_of("us-east-1", std::string("event-bus/") + name)}};
    };
    rule("out", all_of_shop, {bus("side")});
    rule("in", all_of_shop, {to_inbox()}, "side");
    tell("shop", {{"n", 1}});
    EXPECT_NE(take(), "");
    rule("told", {{"EventPattern", R"({"source":["stroma.events"]})"}}, {to_inbox()});
    rule("back", all_of_shop, {bus("default")}, "side");
    tell("shop", {{"n", 2}});
    const std::string got = take();
    EXPECT_NE(got.find("Rule Suspended"), std::string::npos) << got;
    EXPECT_FALSE(events->find_rule("default", "out")->is_enabled());
    tell("shop", {{"n", 3}});
    EXPECT_EQ(take(), "");
    EXPECT_EQ(events->remove_bus("default").error().code, ErrorCode::invalid_input);
    EXPECT_TRUE(events->remove_bus("side"));
}

TEST_F(EventsTest, AWebhookIsSignedTriedAgainAndGivenUpToTheDeadLetters) {
    ASSERT_TRUE(queues->create({"dead", "us-east-1", "o", {}, {}}));
    ASSERT_TRUE(events->put_endpoint(
        "connection", "con", "o",
        {{"Arn", events->arn_of("us-east-1", "connection/con/1")},
         {"AuthParameters",
          {{"ApiKeyAuthParameters", {{"ApiKeyName", "X-Key"}, {"ApiKeyValue", "secret"}}}}}}));
    ASSERT_TRUE(
        events->put_endpoint("api-destination", "hook", "o",
                             {{"ConnectionArn", events->arn_of("us-east-1", "connection/con/1")},
                              {"InvocationEndpoint", "https://example.org/hook"},
                              {"HttpMethod", "POST"}}));
    rule("shop", all_of_shop,
         {{{"Id", "w"},
           {"Arn", events->arn_of("us-east-1", "api-destination/hook/1")},
           {"InputPath", "$.detail"},
           {"RetryPolicy", {{"MaximumRetryAttempts", 2}}},
           {"DeadLetterConfig", {{"Arn", queue_arn("dead")}}}}});
    tell("shop", {{"n", 1}});
    EXPECT_TRUE(events->work_once().value());
    ASSERT_EQ(calls.size(), 1u);
    EXPECT_EQ(calls[0].url + " " + calls[0].body, "https://example.org/hook {\"n\":1}");
    std::map<std::string, std::string> headers(calls[0].headers.begin(), calls[0].headers.end());
    EXPECT_EQ(headers["X-Key"], "secret");
    EXPECT_EQ(headers["X-Stroma-Signature"],
              "sha256=" + to_hex(hmac_sha256(as_bytes("secret"),
                                             headers["X-Stroma-Timestamp"] + ".{\"n\":1}")));
    EXPECT_FALSE(events->work_once().value()) << "it was taken";

    answer = fail(ErrorCode::unavailable, "no answer");
    tell("shop", {{"n", 2}});
    for (int attempt = 0; attempt < 3; ++attempt) {
        EXPECT_TRUE(events->work_once().value());
        EXPECT_FALSE(events->work_once().value()) << "not before its time";
        if (attempt == 0) open();  // what is on its way outlives the process
        clock.advance(Milliseconds{10'000});
    }
    EXPECT_EQ(calls.size(), 4u);
    EXPECT_FALSE(events->work_once().value());
    EXPECT_EQ(take("dead"), "{\"n\":2}\n");
    EXPECT_EQ(events->counts()->deliveries, 0);
}

TEST_F(EventsTest, RecordsGoToStreams) {
    rule("shop", all_of_shop,
         {{{"Id", "s"},
           {"Arn", "arn:aws:kinesis:us-east-1:000000000000:stream/s"},
           {"InputPath", "$.detail"}}});
    tell("shop", {{"n", 1}});
    EXPECT_TRUE(events->work_once().value());
    EXPECT_EQ(records.at(0), "arn:aws:kinesis:us-east-1:000000000000:stream/s {\"n\":1}");
}

TEST_F(EventsTest, SchedulesFireOnceEachTimeAndOnceForAllThatWasMissed) {
    rule("often", {{"ScheduleExpression", "rate(5 minutes)"}},
         {{{"Id", "q"}, {"Arn", inbox->arn}, {"Input", "tick"}}});
    EXPECT_FALSE(events->work_once().value());
    for (int tick = 0; tick < 3; ++tick) {
        clock.advance(Milliseconds{300'000});
        EXPECT_TRUE(events->work_once().value());
        EXPECT_FALSE(events->work_once().value());
        EXPECT_EQ(take(), "tick\n");
    }
    open();
    EXPECT_FALSE(events->work_once().value());
    clock.advance(Milliseconds{3'600'000});
    EXPECT_TRUE(events->work_once().value());
    EXPECT_EQ(take(), "tick\n");
    ASSERT_TRUE(events->create_bus("side", "us-east-1", "o", Json::object()));
    EXPECT_EQ(events->put_rule("side", "x", "o", {{"ScheduleExpression", "rate(1 minute)"}})
                  .error()
                  .message,
              "ScheduleExpression is supported only on the default event bus.");
}

TEST_F(EventsTest, WhatWasArchivedCanBeReplayedToTheRulesThatAskForIt) {
    ASSERT_TRUE(events->put_archive("kept", "default", "o",
                                    {{"EventPattern", R"({"detail":{"n":[{"numeric":[">",0]}]}})"}},
                                    true));
    for (int n = 0; n < 250; ++n) {
        tell("shop", {{"n", n}});
        clock.advance(Milliseconds{1000});
    }
    EXPECT_EQ(events->archived("kept").value().events, 249);
    rule("shop", all_of_shop, {{{"Id", "q"}, {"Arn", inbox->arn}, {"InputPath", "$.detail.n"}}});
    rule("same", all_of_shop, {to_inbox()});
    const std::int64_t end = clock.unix_ms();
    Replay replay{.name = "again",
                  .archive = "kept",
                  .bus = "default",
                  .owner = "o",
                  .attributes = {{"FilterArns", {events->find_rule("default", "shop")->arn}}},
                  .from_ms = end - 200'000,
                  .to_ms = end - 10'000};
    ASSERT_TRUE(events->start_replay(replay));
    EXPECT_EQ(events->start_replay(replay).error().code, ErrorCode::already_exists);
    EXPECT_TRUE(events->work_once().value());
    open();
    while (events->work_once().value()) {
    }
    std::string expected;
    for (int n = 50; n < 240; ++n) expected += std::to_string(n) + "\n";
    EXPECT_EQ(take(), expected);
    EXPECT_EQ(events->replays().value().at(0).state, "COMPLETED");
    EXPECT_EQ(events->archived("kept").value().events, 249) << "what is replayed isn't kept again";
}

TEST_F(EventsTest, TheThreadsWorkWithoutBeingAsked) {
    events->start();
    std::promise<void> came;
    rule("shop", all_of_shop,
         {{{"Id", "s"}, {"Arn", "arn:aws:firehose:us-east-1:000000000000:deliverystream/d"}}});
    rule("reply", {{"EventPattern", R"({"source":["reply"]})"}}, {to_inbox()});
    tell("shop", {});
    tell("reply", {});
    EXPECT_EQ(queues->receive(inbox, {.most = 1, .wait = Milliseconds{20'000}}).value().size(), 1u);
    events->stop();
}

}  // namespace
}  // namespace stroma::event
