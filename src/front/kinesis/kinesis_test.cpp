#include <gtest/gtest.h>

#include "base/json.h"
#include "front/http/message.h"
#include "front/kinesis/kinesis_service.h"
#include "queue/segments/segment_stream.h"

namespace stroma::front::kinesis {
namespace {

class Text final : public http::BodyWriter {
public:
    Result<void> write(ByteSpan bytes) override {
        text += as_text(bytes);
        return {};
    }
    void trailer(std::string_view, std::string_view) override {}
    std::string text;
};

class Kinesis : public ::testing::Test {
protected:
    Kinesis() {
        std::string pattern = (fs::temp_directory_path() / "stroma-kinesis-XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
        const auto open_log = [this](const fs::path& path, const stream::LogOptions& options) {
            return queue::open_segments(
                path, {.shards = options.shards, .retention = options.retention}, clock);
        };
        streams = stream::Streams::open({.folder = folder}, open_log, clock, ids).value();
        service = std::make_unique<KinesisService>(
            *streams, [](const auto&, auto, const auto&) -> Result<bool> { return true; });
        (void)ask("CreateStream", {{"StreamName", "s"}, {"ShardCount", 1}});
    }
    ~Kinesis() override { fs::remove_all(folder); }

    aws::Outcome<aws::Reply> call(const std::string& operation, const Json& parameters) {
        const std::string body = parameters.dump();
        aws::Call call{.operation = operation, .body = body, .form = {}};
        call.account = "000000000000";
        call.region = "us-east-1";
        return service->call(call);
    }
    Json ask(const std::string& operation, const Json& parameters) {
        const auto reply = call(operation, parameters);
        EXPECT_TRUE(reply) << (reply ? "" : reply.error().message);
        if (!reply) return {};
        if (reply->members) return *reply->members;
        return reply->json.empty() ? Json::object() : parse_json(reply->json).value();
    }
    std::string refusal(const std::string& operation, const Json& parameters) {
        const auto reply = call(operation, parameters);
        return reply ? "" : reply.error().type + ": " + reply.error().message;
    }
    std::string iterator() {
        return ask("GetShardIterator", {{"StreamName", "s"},
                                        {"ShardId", "shardId-000000000000"},
                                        {"ShardIteratorType", "TRIM_HORIZON"}})
            .value("ShardIterator", "");
    }

    fs::path folder;
    ManualClock clock;
    IdSource ids{7};
    std::unique_ptr<stream::Streams> streams;
    std::unique_ptr<KinesisService> service;
};

TEST_F(Kinesis, AnIteratorLivesForFiveMinutesAndThenSaysWhenItWasMade) {
    const std::string early = iterator();
    clock.advance(Milliseconds{300'000});
    EXPECT_TRUE(ask("GetRecords", {{"ShardIterator", early}}).contains("NextShardIterator"));
    clock.advance(Milliseconds{1});
    const std::string words = refusal("GetRecords", {{"ShardIterator", early}});
    EXPECT_TRUE(
        words.starts_with("ExpiredIteratorException: Iterator expired. The iterator was "
                          "created at time Tue Nov 14 22:13:20 UTC 2023 while right now it "
                          "is Tue Nov 14 22:18:20 UTC 2023"))
        << words;
    EXPECT_TRUE(words.ends_with("than the tolerated delay of 300000 milliseconds."));
    const std::string late = iterator();
    EXPECT_TRUE(ask("GetRecords", {{"ShardIterator", late}}).contains("NextShardIterator"));
}

TEST_F(Kinesis, AnIteratorOfAStreamThatWasMadeAnewIsInvalid) {
    const std::string old = iterator();
    (void)ask("DeleteStream", {{"StreamName", "s"}});
    (void)ask("CreateStream", {{"StreamName", "s"}, {"ShardCount", 1}});
    EXPECT_EQ(refusal("GetRecords", {{"ShardIterator", old}}),
              "InvalidArgumentException: Invalid ShardIterator.");
}

TEST_F(Kinesis, ASecondSubscriberIsTurnedAwayForFiveSecondsAndThenTakesOver) {
    const std::string stream_arn = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
    const std::string arn = ask("RegisterStreamConsumer",
                                {{"StreamARN", stream_arn}, {"ConsumerName", "c"}})["Consumer"]
                                .value("ConsumerARN", "");
    const Json subscribing = {{"ConsumerARN", arn},
                              {"ShardId", "shardId-000000000000"},
                              {"StartingPosition", {{"Type", "TRIM_HORIZON"}}}};
    const auto first = call("SubscribeToShard", subscribing);
    ASSERT_TRUE(first);
    clock.advance(Milliseconds{4999});
    EXPECT_TRUE(refusal("SubscribeToShard", subscribing).starts_with("ResourceInUseException: "));
    clock.advance(Milliseconds{1});
    ASSERT_TRUE(call("SubscribeToShard", subscribing));
    Text ended;
    ASSERT_TRUE(first->stream(ended));
    EXPECT_NE(ended.text.find("initial-response"), std::string::npos);
    EXPECT_NE(ended.text.find(":exception-type"), std::string::npos);
    EXPECT_NE(ended.text.find("ResourceInUseException"), std::string::npos);
}

TEST_F(Kinesis, OneKeyWithMoreThanAMegabyteASecondIsHot) {
    const std::string data = aws::base64(std::string(250'000, 'x'));
    const auto put = [&](const std::string& key) {
        (void)ask("PutRecord", {{"StreamName", "s"}, {"Data", data}, {"PartitionKey", key}});
    };
    for (int n = 0; n < 8; ++n) put("key" + std::to_string(n));  // 2 MB, but of eight keys
    clock.advance(Milliseconds{1000});
    for (int n = 0; n < 3; ++n) put("hot");
    EXPECT_FALSE(streams->traffic("s")->hot_key);
    clock.advance(Milliseconds{1000});
    for (int n = 0; n < 5; ++n) put("hot");
    const auto traffic = streams->traffic("s").value();
    ASSERT_TRUE(traffic.hot_key);
    EXPECT_EQ(traffic.hot_key->key, "hot");
    EXPECT_EQ(traffic.hot_key->bytes, 5u * 250'003);
    EXPECT_EQ(traffic.hot_seconds, 1u);
}

TEST_F(Kinesis, HowFarReadersAreBehindIsKnownForAMinute) {
    EXPECT_FALSE(streams->traffic("s")->behind);
    for (int n = 0; n < 10; ++n)
        (void)ask("PutRecord", {{"StreamName", "s"}, {"Data", ""}, {"PartitionKey", "k"}});
    clock.advance(Milliseconds{2000});
    (void)ask("GetRecords", {{"ShardIterator", iterator()}, {"Limit", 4}});
    auto behind = streams->traffic("s")->behind;
    ASSERT_TRUE(behind);
    EXPECT_EQ(behind->records, 6u);
    EXPECT_EQ(behind->ms, 2000);
    clock.advance(Milliseconds{61'000});
    EXPECT_FALSE(streams->traffic("s")->behind);
}

}  // namespace
}  // namespace stroma::front::kinesis
