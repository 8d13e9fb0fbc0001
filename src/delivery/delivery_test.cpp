#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/digest.h"
#include "delivery/batch.h"
#include "delivery/deliveries.h"
#include "delivery/delivery_test_site.h"
#include "delivery/kpl.h"
#include "delivery/prefix.h"
#include "queue/segments/segment_stream.h"

namespace stroma::delivery {
namespace {

constexpr std::int64_t moment = 1'700'000'000'123;  // 2023-11-14T22:13:20.123Z

std::string evaluated(std::string_view prefix, std::string_view error_type = "") {
    PrefixValues values{.unix_ms = moment,
                        .zone = "",
                        .error_type = error_type,
                        .from_query = {{"c", "a"}},
                        .from_transform = {},
                        .random = [] { return std::string("abcdefghijk"); }};
    const auto text = evaluate_prefix(prefix, values);
    return text ? *text : "refused";
}

TEST(Prefix, HasTimesLiteralsAndKeys) {
    EXPECT_EQ(evaluated(""), "2023/11/14/22/");
    EXPECT_EQ(evaluated("logs"), "logs2023/11/14/22/");
    EXPECT_EQ(evaluated("y=!{timestamp:yyyy}/!{timestamp:''}"), "y=2023/'");
    EXPECT_EQ(evaluated("!{timestamp:yy-M-d'T'HH:mm:ss.SSS 'it''s'}"),
              "23-11-14T22:13:20.123 it's");
    EXPECT_EQ(evaluated("!{timestamp:DDD EEE MMM h a}/"), "318 Tue Nov 10 PM/");
    EXPECT_EQ(evaluated("!{partitionKeyFromQuery:c}/!{timestamp:H}"), "a/22");
    EXPECT_EQ(evaluated("!{firehose:random-string}/!{timestamp:H}"), "abcdefghijk/22");
    EXPECT_EQ(evaluated("e/", "processing-failed"), "e/processing-failed/2023/11/14/22/");
    EXPECT_EQ(evaluated("!{firehose:error-output-type}/!{timestamp:H}", "x"), "x/22");
    for (const char* wrong :
         {"!{timestamp:yyyy", "!{timestamp:Q}", "!{timestamp:'x}", "!{partitionKeyFromQuery:d}",
          "!{other:x}", "!{firehose:error-output-type}"})
        EXPECT_EQ(evaluated(wrong), "refused") << wrong;
    EXPECT_EQ(evaluated(std::string(600, 'x')), "refused");
}

TEST(Prefix, ATimeZoneIsThatOfTheMomentItself) {
    const auto at = [](std::string_view zone, std::int64_t ms) {
        return format_time("yyyy-MM-dd HH:mm", zone, ms).value();
    };
    EXPECT_EQ(at("Asia/Tokyo", moment), "2023-11-15 07:13");
    EXPECT_EQ(at("Europe/Berlin", moment), "2023-11-14 23:13");
    EXPECT_EQ(at("Europe/Berlin", moment - 120LL * 86'400'000), "2023-07-18 00:13");
    for (const char* wrong : {"Nowhere/Else", "../../etc/passwd", "/etc/passwd"})
        EXPECT_FALSE(format_time("yyyy", wrong, moment)) << wrong;
}

std::string aggregate(std::string_view message) {
    Digest digest(DigestKind::md5);
    digest.update(message);
    return std::string("\xf3\x89\x9a\xc2") + std::string(message) +
           std::string(as_text(digest.bytes()));
}

TEST(Kpl, AnAggregateIsTakenApartAndNothingElseIs) {
    using namespace std::string_literals;
    const std::string message = "\x0a\x01k\x1a\x06\x08\x00\x1a\x02hi\x1a\x06\x08\x00\x1a\x02ho"s;
    const std::string whole = aggregate(message);
    const auto records = deaggregate(whole);
    ASSERT_TRUE(records);
    ASSERT_EQ(records->size(), 2u);
    EXPECT_EQ(records->at(1).data, "ho");
    EXPECT_EQ(records->at(1).partition_key, "k");
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::string changed = whole;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        EXPECT_FALSE(deaggregate(changed)) << at;
    }
    EXPECT_FALSE(deaggregate("{}"));
    EXPECT_FALSE(deaggregate(aggregate("\x1a\x06\x08\x05\x1a\x02hi"s)));  // no such key
    EXPECT_FALSE(deaggregate(aggregate("\x0a\xff"s)));
}

TEST(TableRows, ValuesAreOfTheirColumnsTypesOrTheRowIsRefused) {
    TableShape shape;
    shape.columns = parse_columns(
                        "a.b string, n int, d date, t timestamp, ok boolean, "
                        "m decimal(10,2)")
                        .value();
    const auto row = row_of(
        R"({"A.B":"x","n":7,"d":"2024-02-29","t":1700000000.5,"OK":true,"m":1.25,"more":[]})",
        shape);
    ASSERT_TRUE(row) << row.error().message;
    EXPECT_EQ(*row->at(0), "x");
    EXPECT_EQ(*row->at(3), "2023-11-14 22:13:20.500");
    EXPECT_EQ(*row->at(5), "1.25");
    for (const char* wrong :
         {R"({"n":2147483648})", R"({"n":1.5})", R"({"d":"2023-02-29"})", R"({"t":"yesterday"})",
          R"({"ok":"maybe"})", R"({"m":"x"})", "[]", "x"})
        EXPECT_FALSE(row_of(wrong, shape)) << wrong;
    shape.from_csv = true;
    const auto line = row_of("\"a,\"\"b\",7,,,TRUE,2\n", shape);
    ASSERT_TRUE(line) << line.error().message;
    EXPECT_EQ(*line->at(0), "a,\"b");
    EXPECT_FALSE(line->at(2));
    EXPECT_FALSE(row_of("a,1,,,true", shape));
    EXPECT_FALSE(row_of("a,1,,,true,2,3", shape));
    EXPECT_FALSE(parse_columns("a blob"));
    EXPECT_FALSE(parse_columns("a int, a int"));
    EXPECT_FALSE(parse_columns("table_name"));
    EXPECT_FALSE(parse_columns(std::string("n\0 int", 6)));
    EXPECT_FALSE(parse_columns("n\xff int"));
}

TEST(TableRows, ARowThatTheFileWouldNotTakeIsRefusedAlone) {
    TableShape shape;
    shape.from_csv = true;
    const auto taken = [&](const char* type, const char* value) {
        shape.columns = parse_columns(std::string("c ") + type).value();
        return row_of(value, shape).has_value();
    };
    EXPECT_TRUE(taken("decimal(4,2)", "99.99"));
    EXPECT_TRUE(taken("decimal(4,2)", "-0099.994"));
    EXPECT_FALSE(taken("decimal(4,2)", "99.995"));
    EXPECT_FALSE(taken("decimal(4,2)", "100"));
    EXPECT_FALSE(taken("decimal(2,2)", "0.995"));
    EXPECT_TRUE(taken("decimal(4,2)", "1e1"));
    EXPECT_FALSE(taken("decimal(4,2)", "1e2"));
    EXPECT_TRUE(taken("real", "3.4e38"));
    EXPECT_FALSE(taken("real", "3.5e38"));
    EXPECT_TRUE(taken("string", "\xc3\xa9"));
    EXPECT_FALSE(taken("string", "\xe9"));
    EXPECT_FALSE(taken("timestamp", "1e15"));
    shape.columns = parse_columns("t timestamp, d date").value();
    const auto row = row_of("-0.25,1700000000", shape);
    ASSERT_TRUE(row) << row.error().message;
    EXPECT_EQ(*row->at(0), "1969-12-31 23:59:59.750");
    EXPECT_EQ(*row->at(1), "2023-11-14");
    for (const char* wrong : {"a decimal(39,2)", "a decimal(2,3)", "a decimal(x)", "a int, A int"})
        EXPECT_FALSE(parse_columns(wrong)) << wrong;
}

TEST(Batch, ATransformThatAnswersOtherThanAskedFailsItsRecordsAndNothingElse) {
    const auto destination = parse_destination(
        R"({"BucketARN":"arn:aws:s3:::b","Prefix":"p/","ErrorOutputPrefix":"e/",
            "ProcessingConfiguration":{"Enabled":true,"Processors":[{"Type":"Lambda",
            "Parameters":[{"ParameterName":"LambdaArn","ParameterValue":"f"}]}]}})");
    ASSERT_TRUE(destination) << destination.error().message;
    std::vector<RawRecord> records;
    for (const char* id : {"1", "2", "3", "4"}) records.push_back({"data", moment, id, 0, 1});
    BatchTools tools;
    tools.transform = [](const std::string&, const std::string&) -> Result<std::string> {
        return R"({"records":[{"recordId":1},{"recordId":"2","result":5},7,
                  {"recordId":"3","result":"Never","data":{}},
                  {"recordId":"4","result":"Ok","data":"eA==","metadata":{"partitionKeys":[]}}]})";
    };
    const auto batch = make_batch({.delivery = "d",
                                   .delivery_id = "i",
                                   .range = "r",
                                   .planned_ms = moment,
                                   .arn = "",
                                   .region = "",
                                   .given_up = ""},
                                  *destination, records, tools);
    ASSERT_TRUE(batch) << batch.error().message;
    EXPECT_EQ(batch->delivered, 1u);
    EXPECT_EQ(batch->refused, 3u);
    EXPECT_EQ(batch->objects.at(0).bytes, "x");
    EXPECT_FALSE(endpoint_took("[1]", "i"));
    EXPECT_FALSE(endpoint_took(R"({"requestId":7})", "7"));
    EXPECT_TRUE(endpoint_took(R"({"requestId":"7"})", "7"));
}

TEST(Destination, WhatCannotBeDeliveredIsRefusedWhenItIsMade) {
    const auto refused = [](std::string_view rest) {
        return !check_destination(R"({"BucketARN":"arn:aws:s3:::b",)" + std::string(rest) + "}");
    };
    EXPECT_FALSE(refused(R"("Prefix":"x/")"));
    EXPECT_TRUE(refused(R"("Prefix":"!{timestamp:yyyy}/")"));
    EXPECT_TRUE(refused(R"("ErrorOutputPrefix":"!{timestamp:yyyy}/")"));
    EXPECT_TRUE(refused(R"("CompressionFormat":"LZO")"));
    EXPECT_TRUE(refused(R"("BufferingHints":{"SizeInMBs":129})"));
    EXPECT_TRUE(refused(R"("BufferingHints":{"IntervalInSeconds":901})"));
    EXPECT_TRUE(refused(R"("ProcessingConfiguration":{"Enabled":true,"Processors":[
        {"Type":"MetadataExtraction","Parameters":[
            {"ParameterName":"MetadataExtractionQuery","ParameterValue":"{"}]}]})"));
    EXPECT_FALSE(parse_destination(R"({"BucketARN":"b"})"));
}

TEST(Batch, IsTheSameEachTimeItIsMade) {
    const auto destination = parse_destination(
        R"({"BucketARN":"arn:aws:s3:::b",
            "Prefix":"!{partitionKeyFromQuery:p}/!{firehose:random-string}/",
            "ErrorOutputPrefix":"e/","CompressionFormat":"GZIP",
            "DynamicPartitioningConfiguration":{"Enabled":true},
            "ProcessingConfiguration":{"Enabled":true,"Processors":[{"Type":"MetadataExtraction",
            "Parameters":[{"ParameterName":"MetadataExtractionQuery",
            "ParameterValue":"{p:.p}"}]}]}})");
    ASSERT_TRUE(destination) << destination.error().message;
    std::vector<RawRecord> records;
    for (int n = 0; n < 20; ++n)
        records.push_back(
            {R"({"p":)" + std::to_string(n % 3) + "}", moment + n, std::to_string(n)});
    records.push_back({"bad", moment, "20"});
    const BatchName name{"d", "id", 1, "0:1-22", moment, "arn", "us-east-1"};
    const auto first = make_batch(name, *destination, records, {}).value();
    const auto second = make_batch(name, *destination, records, {}).value();
    ASSERT_EQ(first.objects.size(), 4u);
    EXPECT_EQ(first.delivered, 20u);
    EXPECT_EQ(first.refused, 1u);
    std::set<std::string> keys;
    for (std::size_t o = 0; o < 4; ++o) {
        EXPECT_EQ(first.objects[o].key, second.objects[o].key);
        EXPECT_EQ(first.objects[o].bytes, second.objects[o].bytes);
        keys.insert(first.objects[o].key);
    }
    EXPECT_EQ(keys.size(), 4u);
}

TEST(Deliveries, ABatchWhoseSinkFailsMidwayIsFinishedUnderTheSameKeys) {
    std::string pattern = (fs::temp_directory_path() / "stroma-delivery-XXXXXX").string();
    const fs::path folder = ::mkdtemp(pattern.data());
    IdSource ids{1};
    MemorySink sink;
    sink.fail_at = 2;
    const stream::OpenLog open_log = [](const fs::path& at, const stream::LogOptions& options) {
        return queue::open_segments(at, {.shards = options.shards, .retention = options.retention},
                                    system_clock());
    };
    const auto streams =
        stream::Streams::open({.folder = folder / "streams"}, open_log, system_clock(), ids)
            .value();
    DeliveryState wanted;
    wanted.name = "d";
    wanted.config =
        R"({"BucketARN":"arn:aws:s3:::b","BufferingHints":{"SizeInMBs":1,"IntervalInSeconds":0},
            "S3BackupMode":"Enabled","S3BackupConfiguration":{"BucketARN":"arn:aws:s3:::b",
            "Prefix":"raw/"}})";
    {
        const auto deliveries =
            Deliveries::open(
                {.folder = folder / "deliveries", .account = "0", .region = "r", .tools = {}},
                open_log, *streams, sink, system_clock(), ids)
                .value();
        ASSERT_TRUE(deliveries->create(wanted));
        ASSERT_TRUE(deliveries->put("d", std::vector<std::string>{"a", "b"}));
        deliveries->start();
        sink.wait_for(2);
        deliveries->stop();
        EXPECT_EQ(deliveries->stats("d")->failures, 1u);
    }
    EXPECT_EQ(sink.objects.size(), 2u);
    EXPECT_EQ(sink.differing, 0);
    for (const auto& [key, bytes] : sink.objects) EXPECT_EQ(bytes, "ab") << key;
    fs::remove_all(folder);
}

}  // namespace
}  // namespace stroma::delivery
