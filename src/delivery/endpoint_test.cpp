#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/json.h"
#include "delivery/delivery_test_site.h"

namespace stroma::delivery {
namespace {

constexpr const char* to_endpoint =
    R"({"HttpEndpointDestinationConfiguration":{
        "EndpointConfiguration":{"Url":"https://example.org/in","AccessKey":"key"},
        "BufferingHints":{"SizeInMBs":1,"IntervalInSeconds":0},
        "RequestConfiguration":{"CommonAttributes":[{"AttributeName":"a","AttributeValue":"1"}]},
        "RetryOptions":{"DurationInSeconds":RETRY},
        "S3BackupMode":"FailedDataOnly",
        "S3Configuration":{"BucketARN":"arn:aws:s3:::b","Prefix":"back/"}}})";

std::string endpoint_config(int retry_seconds) {
    std::string config = to_endpoint;
    config.replace(config.find("RETRY"), 5, std::to_string(retry_seconds));
    return config;
}

/// Answers as told, one after the other, the last one again and again; then it wakes who waits.
struct Endpoint {
    explicit Endpoint(std::vector<std::string> said) : answers(std::move(said)) {}
    Result<std::string> answer(const EndpointCall& call) {
        const std::lock_guard lock(mutex);
        calls.push_back(call);
        const std::string& next = answers[std::min(calls.size(), answers.size()) - 1];
        changed.notify_all();
        if (next == "down") return fail(ErrorCode::unavailable, "it answered with status 503");
        if (next != "good") return next;
        return Json{{"requestId", parse_json(call.body)->at("requestId")}, {"timestamp", 1}}.dump();
    }
    std::vector<EndpointCall> wait_for(std::size_t count) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return calls.size() >= count; });
        return calls;
    }
    std::vector<std::string> answers;
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<EndpointCall> calls;
};

DeliveriesOptions posting_to(Endpoint& endpoint) {
    DeliveriesOptions options;
    options.post = [&endpoint](const EndpointCall& call) { return endpoint.answer(call); };
    return options;
}

TEST(HttpEndpoint, ARequestIsRepeatedAsItWasUntilItIsAnsweredByItsId) {
    MemorySink sink;
    DeliverySite site;
    Endpoint endpoint({"down", R"({"requestId":"another"})", "not JSON", "good"});
    Deliveries& deliveries = site.open(sink, posting_to(endpoint));
    ASSERT_TRUE(deliveries.create(DeliverySite::wanted(endpoint_config(7200))));
    ASSERT_TRUE(deliveries.put("d", std::vector<std::string>{"one", "two"}));
    deliveries.start();
    const auto calls = endpoint.wait_for(4);
    deliveries.stop();
    for (const EndpointCall& call : calls) {
        EXPECT_EQ(call.body, calls[0].body);
        EXPECT_EQ(call.headers, calls[0].headers);
    }
    const Json body = parse_json(calls[0].body).value();
    ASSERT_EQ(body.at("records").size(), 2u);
    EXPECT_EQ(body.at("records").at(1).at("data"), base64("two"));
    const std::map<std::string, std::string> headers(calls[0].headers.begin(),
                                                     calls[0].headers.end());
    EXPECT_EQ(headers.at("X-Amz-Firehose-Request-Id"), body.at("requestId").get<std::string>());
    EXPECT_EQ(headers.at("X-Amz-Firehose-Access-Key"), "key");
    EXPECT_EQ(headers.at("X-Amz-Firehose-Protocol-Version"), "1.0");
    EXPECT_EQ(headers.at("X-Amz-Firehose-Source-Arn"), "arn:aws:firehose:r:0:deliverystream/d");
    EXPECT_EQ(headers.at("X-Amz-Firehose-Common-Attributes"), R"({"commonAttributes":{"a":"1"}})");
    EXPECT_TRUE(sink.objects.empty());
    EXPECT_EQ(deliveries.stats("d")->delivered, 2u);
    EXPECT_EQ(deliveries.stats("d")->waiting, 0u);
}

TEST(HttpEndpoint, WhatItDoesNotTakeInTimeGoesToTheBucketWithTheReason) {
    MemorySink sink;
    DeliverySite site;
    Endpoint endpoint({"down"});
    Deliveries& deliveries = site.open(sink, posting_to(endpoint));
    ASSERT_TRUE(deliveries.create(DeliverySite::wanted(endpoint_config(0))));
    ASSERT_TRUE(deliveries.put("d", std::vector<std::string>{"one", "two"}));
    deliveries.start();
    sink.wait_for(1);
    deliveries.stop();
    ASSERT_EQ(sink.objects.size(), 1u);
    const auto& [key, lines] = *sink.objects.begin();
    EXPECT_TRUE(key.starts_with("back/http-endpoint-failed/")) << key;
    const Json first = parse_json(lines.substr(0, lines.find('\n'))).value();
    EXPECT_EQ(first.at("rawData"), base64("one"));
    EXPECT_EQ(first.at("errorMessage"), "it answered with status 503");
    EXPECT_EQ(first.at("attemptsMade"), 1);
    EXPECT_EQ(deliveries.stats("d")->refused, 2u);
}

TEST(Warehouse, ObjectsAndTheirManifestAreThereBeforeTheTableIsAskedAndAgainAfterAFailure) {
    MemorySink sink;
    DeliverySite site;
    Deliveries& deliveries = site.open(sink);
    std::mutex mutex;
    std::vector<WarehouseCopy> copies;
    deliveries.copy_by([&](const WarehouseCopy& copy) -> Result<void> {
        const std::lock_guard lock(mutex);
        EXPECT_EQ(sink.objects.size(), 2u);
        copies.push_back(copy);
        if (copies.size() < 3) return fail(ErrorCode::conflict, "somebody else changed the table");
        return {};
    });
    ASSERT_TRUE(deliveries.create(DeliverySite::wanted(
        R"({"RedshiftDestinationConfiguration":{"RoleARN":"role","Username":"u",
            "CopyCommand":{"DataTableName":"t","DataTableColumns":"a,b","CopyOptions":"CSV"},
            "S3Configuration":{"BucketARN":"arn:aws:s3:::b","Prefix":"in/",
            "CompressionFormat":"GZIP",
            "BufferingHints":{"SizeInMBs":1,"IntervalInSeconds":0}}}})")));
    ASSERT_TRUE(deliveries.put("d", std::vector<std::string>{"1,2\n"}));
    deliveries.start();
    while (deliveries.find("d")->plan || deliveries.stats("d")->waiting > 0)
        std::this_thread::yield();
    deliveries.stop();
    ASSERT_EQ(copies.size(), 3u);
    for (const WarehouseCopy& copy : copies) {
        EXPECT_EQ(copy.owner, "rosa");
        EXPECT_EQ(copy.table.table, "t");
        EXPECT_TRUE(copy.gzip);
        EXPECT_EQ(copy.manifest, copies[0].manifest);
        EXPECT_EQ(copy.manifest, "s3://b/" + copy.batch);
    }
    const std::string manifest = sink.objects.at(copies[0].batch);
    EXPECT_TRUE(copies[0].batch.starts_with("manifests/"));
    const Json entries = parse_json(manifest)->at("entries");
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_TRUE(entries[0].at("url").get<std::string>().starts_with("s3://b/in/"));
    EXPECT_EQ(entries[0].at("mandatory"), true);
}

TEST(Warehouse, AManifestOfWhatWasGivenUpLiesUnderTheErrors) {
    MemorySink sink;
    DeliverySite site;
    Deliveries& deliveries = site.open(sink);
    deliveries.copy_by(
        [](const WarehouseCopy&) { return fail(ErrorCode::invalid_input, "no such table"); });
    ASSERT_TRUE(deliveries.create(DeliverySite::wanted(
        R"({"RedshiftDestinationConfiguration":{"CopyCommand":{"DataTableName":"t"},
            "RetryOptions":{"DurationInSeconds":0},
            "S3Configuration":{"BucketARN":"arn:aws:s3:::b","Prefix":"in/",
            "BufferingHints":{"SizeInMBs":1,"IntervalInSeconds":0}}}})")));
    ASSERT_TRUE(deliveries.put("d", std::vector<std::string>{"1"}));
    deliveries.start();
    sink.wait_for(3);
    deliveries.stop();
    EXPECT_TRUE(sink.objects.begin()->first.starts_with("errors/manifests/"));
}

TEST(Destination, EndpointsAndTablesAreCheckedWhenTheyAreMade) {
    const auto refused = [](const std::string& config) { return !check_destination(config); };
    EXPECT_FALSE(refused(endpoint_config(7200)));
    EXPECT_TRUE(refused(endpoint_config(7201)));
    const auto with = [&](const std::string& from, const std::string& to) {
        std::string config = endpoint_config(0);
        return refused(config.replace(config.find(from), from.size(), to));
    };
    EXPECT_TRUE(with("https://", "ftp://"));
    EXPECT_FALSE(with("\"SizeInMBs\":1", "\"SizeInMBs\":64"));
    EXPECT_TRUE(with("\"SizeInMBs\":1", "\"SizeInMBs\":65"));
    EXPECT_TRUE(with("\"CommonAttributes\"", "\"ContentEncoding\":\"BR\",\"CommonAttributes\""));
    const auto table = [&](const std::string& s3, const std::string& name) {
        return refused(R"({"RedshiftDestinationConfiguration":{"CopyCommand":{"DataTableName":")" +
                       name + R"("},"S3Configuration":{"BucketARN":"arn:aws:s3:::b",)" + s3 +
                       "}}}");
    };
    EXPECT_FALSE(table(R"("CompressionFormat":"GZIP")", "t"));
    EXPECT_TRUE(table(R"("CompressionFormat":"GZIP")", ""));
    EXPECT_TRUE(table(R"("CompressionFormat":"ZIP")", "t"));
    EXPECT_TRUE(table(R"("Prefix":"!{timestamp:yyyy}/","ErrorOutputPrefix":"e/")", "t"));
}

}  // namespace
}  // namespace stroma::delivery
