#include "loader/config.h"

#include <gtest/gtest.h>

#include "loader/notices.h"

namespace stroma::loader {
namespace {

constexpr const char* seed = R"({
    "output": {"manifest_bucket": "lake", "manifest_prefix": "manifests/"},
    "copy": {"options": "STATUPDATE ON", "role_arn": "arn:aws:iam::1:role/x",
             "table_name": "orders"},
    "cluster": {"identifier": "cluster", "db_name": "dev"},
    "options": {"merge_duplicate_pks": true, "merge_pk": "id", "merge_timestamp": "changed"}
})";

std::string with(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    return text.replace(at, from.size(), to);
}

std::string error_of_config(const std::string& text) {
    const auto read = read_config(text, "orders_queue.json", "orders_queue");
    return read ? "" : read.error().message;
}

TEST(LoaderConfig, TheSeedsFileIsTakenAsItIs) {
    const auto config =
        read_config(seed, "x/orders_queue.json", queue_of_file("x/orders_queue.json"));
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->name, "orders_queue");
    EXPECT_EQ(config->table, "orders");
    EXPECT_EQ(config->manifest_prefix, "manifests/");
    EXPECT_EQ(config->merge.mode, LoadMode::latest);
    EXPECT_EQ(config->merge.keys, std::vector<std::string>{"id"});
    EXPECT_EQ(copy_statement("t", "", "s3://lake/m", config->role, config->copy_options),
              "COPY t FROM 's3://lake/m' IAM_ROLE 'arn:aws:iam::1:role/x' FORMAT AS PARQUET "
              "MANIFEST STATUPDATE ON");
}

TEST(LoaderConfig, AKeyWithoutMergingKeepsTheHistoryAndNoKeyAppends) {
    const auto history = read_config(with(seed, "true", "false"), "f", "q");
    ASSERT_TRUE(history);
    EXPECT_EQ(history->merge.mode, LoadMode::history);
    const auto append = read_config(R"({"output": {"manifest_bucket": "b", "manifest_prefix": "m/"},
                        "copy": {"table_name": "t", "options": "CSV"}, "cluster": {}})",
                                    "f", "q", "role");
    ASSERT_TRUE(append) << append.error().message;
    EXPECT_EQ(append->merge.mode, LoadMode::append);
    EXPECT_EQ(append->role, "role");
}

TEST(LoaderConfig, AKeyMayHaveSeveralColumns) {
    const auto config = read_config(with(seed, R"("id")", R"(["id", "day"])"), "f", "q");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->merge.keys, (std::vector<std::string>{"id", "day"}));
}

TEST(LoaderConfig, AnOwnerIsAColumnAndAPatternOfKeys) {
    const auto config =
        read_config(with(seed, R"("table_name")",
                         R"("owner": {"column": "bundle", "object": "cells/*.psv"}, "table_name")"),
                    "f", "q");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->owner.of("cells/b-1.psv"), "b-1");
    for (const char* other : {"cells/.psv", "cells/a/b.psv", "cells/b", "more/cells/b.psv", ""})
        EXPECT_FALSE(config->owner.of(other)) << other;
    EXPECT_NE(error_of_config(with(seed, R"("table_name")",
                                   R"("owner": {"column": "b", "object": "x"}, "table_name")"))
                  .find("copy.owner.object has not one *"),
              std::string::npos);
}

TEST(LoaderConfig, NamesMayStandInQuotesAsTheyDidInTheSeedsSql) {
    const auto quoted = with(with(seed, R"("id")", R"("\"Order, No\", day, \"a\"\"b\"")"),
                             R"("changed")", R"("\"When\"")");
    const auto config = read_config(quoted, "f", "q");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->merge.keys, (std::vector<std::string>{"Order, No", "day", "a\"b"}));
    EXPECT_EQ(config->merge.timestamp, "When");
    const auto table =
        read_config(with(seed, R"("orders")", R"("dev.\"My Schema\".\"T.1\"")"), "f", "q");
    EXPECT_TRUE(table) << table.error().message;
    for (const auto* const name : {"a.b.c.d", "a b", "orders;", "", "a..b", "'a'"})
        EXPECT_NE(error_of_config(with(seed, R"("orders")", '"' + std::string(name) + '"'))
                      .find("copy.table_name is "),
                  std::string::npos)
            << name;
}

TEST(LoaderConfig, AnErrorNamesFileFieldAndFix) {
    EXPECT_EQ(error_of_config(with(seed, R"("orders")", "7")),
              "orders_queue.json: copy.table_name is no text; write the table, like public.orders");
    EXPECT_NE(error_of_config(with(seed, "merge_pk", "merge_key"))
                  .find("options.merge_key is not known; there are merge_duplicate_pks, merge_pk"),
              std::string::npos);
    EXPECT_NE(error_of_config(with(seed, R"(, "merge_timestamp": "changed")", ""))
                  .find("options.merge_timestamp is missing; write the column"),
              std::string::npos);
    EXPECT_NE(
        error_of_config(with(seed, "STATUPDATE ON", "CSV JUNK")).find("copy.options can't be read"),
        std::string::npos);
    EXPECT_NE(error_of_config(with(seed, R"("lake")", R"("s3://lake")")).find("has s3:// in front"),
              std::string::npos);
    EXPECT_NE(error_of_config("{").find("orders_queue.json"), std::string::npos);
}

TEST(LoaderConfig, TheSeedsBulkInputIsTakenAsItIsWithItsCommaTooMany) {
    const auto bulk = read_bulk(R"({"paths": [{"s3_path": "s3://b/x", "table": "t", "options": {
        "merge_duplicate_pks": true, "merge_pk": "id", "merge_timestamp": "ts"}}],
        "copy": {"role_arn": "r"}, "cluster": {"identifier": "c", "db_name": "d"},})",
                                "bulk.json");
    ASSERT_TRUE(bulk) << bulk.error().message;
    ASSERT_EQ(bulk->paths.size(), 1u);
    EXPECT_EQ(bulk->paths[0].role, "r");
    EXPECT_FALSE(read_bulk(R"({"paths": []})", "bulk.json"));
    EXPECT_FALSE(read_bulk(R"({"paths": [{"s3_path": "/x", "table": "t"}]})", "bulk.json"));
}

TEST(Notices, AllRecordsOfAnEventAreReadAndKeysDecodedOnceAsForms) {
    const auto notices = read_notices(R"({"Records": [
        {"eventName": "ObjectCreated:Put", "eventTime": "2026-11-22T08:00:00.250Z",
         "s3": {"bucket": {"name": "b"}, "object": {"key": "a+b%40c%2B%25", "eTag": "e"}}},
        {"eventName": "ObjectRemoved:Delete",
         "s3": {"bucket": {"name": "b"}, "object": {"key": "gone"}}}]})");
    ASSERT_TRUE(notices);
    ASSERT_EQ(notices->size(), 2u);
    EXPECT_EQ((*notices)[0].key, "a b@c+%");
    EXPECT_EQ((*notices)[0].time_ms % 1000, 250);
    EXPECT_EQ(iso_time((*notices)[0].time_ms), "2026-11-22T08:00:00.250Z");
    EXPECT_FALSE((*notices)[1].is_created);
    const auto again = read_notices(notice_text((*notices)[0]));
    ASSERT_TRUE(again);
    EXPECT_EQ((*again)[0].key, "a b@c+%");
}

TEST(Notices, EventsWrappedBySnsAndOfEventBridgeAreRead) {
    const auto wrapped = read_notices(
        R"({"Type": "Notification", "Message": "{\"Records\": [{)"
        R"(\"eventName\": \"ObjectCreated:Put\", \"s3\": {\"bucket\": {\"name\": \"b\"}, )"
        R"(\"object\": {\"key\": \"k\"}}}]}"})");
    ASSERT_TRUE(wrapped);
    EXPECT_EQ((*wrapped)[0].key, "k");
    const auto bus = read_notices(R"({"source": "aws.s3", "detail-type": "Object Created",
        "detail": {"bucket": {"name": "b"}, "object": {"key": "a+b", "etag": "e"}}})");
    ASSERT_TRUE(bus);
    EXPECT_EQ((*bus)[0].key, "a+b");
    EXPECT_TRUE((*bus)[0].is_created);
    const auto test = read_notices(R"({"Service": "Amazon S3", "Event": "s3:TestEvent"})");
    ASSERT_TRUE(test);
    EXPECT_TRUE(test->empty());
    EXPECT_FALSE(read_notices("hello"));
    EXPECT_FALSE(read_notices(R"({"Records": [7]})"));
    EXPECT_FALSE(read_notices(R"({"other": 1})"));
}

}  // namespace
}  // namespace stroma::loader
