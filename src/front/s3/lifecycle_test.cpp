#include "front/s3/lifecycle.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "bucket/notification.h"
#include "front/s3/checksum.h"
#include "front/s3/policy_condition.h"
#include "object/memory/memory_store.h"
#include "sql/sqlite/sqlite_database.h"

#include "base/json.h"

namespace stroma::front::s3 {
namespace {

constexpr Milliseconds a_day{24 * 3'600'000};

/// A bucket with rules, followed once a day.
class LifecycleTest : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(buckets->create({"lab", "rosa", "us-east-1", 0, ""}));
        buckets->set_listener([this](sql::Connection&,
                                     const bucket::ObjectChange& change) -> Result<void> {
            told.push_back(std::string(bucket::event_name(change.kind)) + " " + change.object.key);
            return {};
        });
    }
    void rules(const std::string& inner) {
        const std::string text = "<LifecycleConfiguration>" + inner + "</LifecycleConfiguration>";
        const auto read = read_lifecycle(read_xml(text).value());
        ASSERT_TRUE(read) << read.error().message;
        ASSERT_TRUE(
            buckets->set_setting("lab", "lifecycle", lifecycle_document(read_xml(text).value())));
    }
    void put(const std::string& key, const std::string& tags = "") {
        bucket::NewObject object;
        object.bucket = "lab";
        object.key = key;
        object.attributes = "{}";
        object.tags = tags;
        object.etag = key;
        object.size = 1;
        object.body.bytes = "x";
        ASSERT_TRUE(buckets->put(object, {}));
    }
    void days(int count) {
        for (int i = 0; i < count; ++i) {
            clock.advance(a_day);
            ASSERT_TRUE(follow_lifecycles(*buckets, clock, [] { return false; }));
        }
    }
    std::string keys() {
        std::string text;
        const auto page = buckets->list({"lab", "", "", "", "", 1000}).value();
        for (const auto& one : page.objects) text += one.key + ":" + one.storage_class + " ";
        return text;
    }
    std::size_t versions() {
        return buckets->list_versions({"lab", "", "", "", "", 1000})->objects.size();
    }

    ManualClock clock;
    IdSource ids{1};
    object::MemoryStore objects, cold;
    std::unique_ptr<sql::SqliteDatabase> database = sql::SqliteDatabase::open_in_memory().value();
    sql::WriteGroup writes{*database};
    std::unique_ptr<bucket::Buckets> buckets =
        bucket::Buckets::open(writes, objects, cold, clock, ids).value();
    std::vector<std::string> told;
};

TEST_F(LifecycleTest, ObjectsMoveDownTheTiersAndEnd) {
    rules(
        "<Rule><Status>Enabled</Status><Filter><Prefix>log/</Prefix></Filter>"
        "<Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>"
        "<Transition><Days>90</Days><StorageClass>GLACIER</StorageClass></Transition>"
        "<Expiration><Days>365</Days></Expiration></Rule>");
    put("log/a");
    put("other");
    days(30);
    EXPECT_EQ(keys(), "log/a:STANDARD other:STANDARD ");
    days(1);
    EXPECT_EQ(keys(), "log/a:STANDARD_IA other:STANDARD ");
    EXPECT_TRUE(cold.list({})->objects.empty());
    days(60);
    EXPECT_EQ(keys(), "log/a:GLACIER other:STANDARD ");
    EXPECT_EQ(cold.list({})->objects.size(), 1u);
    days(274);
    EXPECT_EQ(keys(), "log/a:GLACIER other:STANDARD ");
    days(1);
    EXPECT_EQ(keys(), "other:STANDARD ");
    EXPECT_TRUE(cold.list({})->objects.empty());
    const std::vector<std::string> expected = {
        "ObjectCreated:Put log/a", "ObjectCreated:Put other", "LifecycleTransition log/a",
        "LifecycleTransition log/a", "LifecycleExpiration:Delete log/a"};
    EXPECT_EQ(told, expected);
}

TEST_F(LifecycleTest, TagsAndSizesChoose) {
    rules(
        "<Rule><Status>Enabled</Status><Filter><And><Prefix>a</Prefix>"
        "<Tag><Key>keep</Key><Value>no</Value></Tag>"
        "<ObjectSizeLessThan>100</ObjectSizeLessThan></And></Filter>"
        "<Expiration><Days>1</Days></Expiration></Rule>"
        "<Rule><Status>Disabled</Status><Filter/><Expiration><Days>1</Days></Expiration></Rule>");
    put("a1", "keep=no&more=1");
    put("a2", "keep=yes");
    put("b", "keep=no");
    days(3);
    EXPECT_EQ(keys(), "a2:STANDARD b:STANDARD ");
}

TEST_F(LifecycleTest, OldVersionsGoButForTheNewestOfThemAndMarkersThatStandAlone) {
    ASSERT_TRUE(buckets->set_versioning("lab", "Enabled"));
    rules(
        "<Rule><Status>Enabled</Status><Filter/><NoncurrentVersionExpiration>"
        "<NoncurrentDays>10</NoncurrentDays><NewerNoncurrentVersions>1</NewerNoncurrentVersions>"
        "</NoncurrentVersionExpiration></Rule>"
        "<Rule><Status>Enabled</Status><Filter/><Expiration>"
        "<ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration></Rule>");
    for (int i = 0; i < 4; ++i) put("k");
    put("gone");
    ASSERT_TRUE(buckets->remove_object("lab", "gone", "", {}, {}));
    EXPECT_EQ(versions(), 6u);
    days(9);
    EXPECT_EQ(versions(), 6u);
    days(2);
    EXPECT_EQ(versions(), 4u) << "k, its newest old one, and gone with its marker";
    const auto there = buckets->list_versions({"lab", "gone", "", "", "", 10})->objects;
    ASSERT_EQ(there.size(), 2u);
    ASSERT_TRUE(buckets->remove_object("lab", "gone", there[1].version, {}, {}));
    days(1);
    EXPECT_EQ(versions(), 2u);
}

TEST_F(LifecycleTest, WhatIsToEndIsToldWithItsRule) {
    rules(
        "<Rule><ID>first</ID><Status>Enabled</Status><Filter><Prefix>a</Prefix></Filter>"
        "<Expiration><Days>3</Days></Expiration></Rule>");
    put("a");
    put("b");
    const std::string document = buckets->setting("lab", "lifecycle").value();
    const auto a = buckets->get("lab", "a", "", false).value();
    const std::string when = expiration_of(document, a);
    EXPECT_TRUE(when.starts_with("expiry-date=\"")) << when;
    EXPECT_TRUE(when.ends_with(" 00:00:00 GMT\", rule-id=\"first\"")) << when;
    EXPECT_EQ(expiration_of(document, buckets->get("lab", "b", "", false).value()), "");
}

TEST(Lifecycle, RefusesWhatIsNoRule) {
    const auto refused = [](const std::string& rule) {
        const auto read = read_lifecycle(
            read_xml("<LifecycleConfiguration>" + rule + "</LifecycleConfiguration>").value());
        return read ? std::string("taken") : read.error().type;
    };
    const std::string head = "<Rule><ID>a</ID><Status>Enabled</Status><Filter/>";
    EXPECT_EQ(refused(head + "<Expiration><Days>1</Days></Expiration></Rule>"), "taken");
    EXPECT_EQ(refused(head + "<Expiration><Days>0</Days></Expiration></Rule>"), "InvalidArgument");
    EXPECT_EQ(refused(head + "<Expiration><Date>20200101</Date></Expiration></Rule>"),
              "MalformedXML");
    EXPECT_EQ(refused(head + "</Rule>"), "InvalidRequest");
    EXPECT_EQ(refused(head + "<Transition><Days>1</Days><StorageClass>WARM</StorageClass>"
                             "</Transition></Rule>"),
              "MalformedXML");
    const std::string one = head + "<Expiration><Days>1</Days></Expiration></Rule>";
    EXPECT_EQ(refused(one + one), "InvalidArgument");
    EXPECT_EQ(refused("<Rule><Status>on</Status></Rule>"), "MalformedXML");
    EXPECT_EQ(refused("<Rule><ID>" + std::string(256, 'a') + "</ID></Rule>"), "InvalidArgument");
}

TEST(Policy, ConditionsHoldAsTheirOperatorsSay) {
    const auto fact = [](const std::string& key) -> Fact {
        if (key == "aws:SourceIp") return std::vector<std::string>{"10.1.2.3"};
        if (key == "s3:prefix") return std::vector<std::string>{"public/a"};
        if (key == "s3:max-keys") return std::vector<std::string>{"10"};
        if (key == "aws:Referer") return std::vector<std::string>();
        return std::nullopt;
    };
    const auto judge = [&](const char* text) -> std::string {
        const auto holds = conditions_hold(parse_json(text).value(), fact);
        return !holds ? "unknown" : *holds ? "yes" : "no";
    };
    EXPECT_EQ(judge(R"({"IpAddress":{"aws:SourceIp":["192.168.0.0/16","10.0.0.0/8"]}})"), "yes");
    EXPECT_EQ(judge(R"({"NotIpAddress":{"aws:SourceIp":"10.1.2.3"}})"), "no");
    EXPECT_EQ(judge(R"({"IpAddress":{"aws:SourceIp":"10.0.0.0/99"}})"), "no");
    EXPECT_EQ(judge(R"({"StringLike":{"s3:prefix":"public/*"}})"), "yes");
    EXPECT_EQ(judge(R"({"StringNotLike":{"s3:prefix":"public/*"}})"), "no");
    EXPECT_EQ(judge(R"({"StringEquals":{"s3:prefix":"public/"}})"), "no");
    EXPECT_EQ(judge(R"({"NumericLessThanEquals":{"s3:max-keys":10}})"), "yes");
    EXPECT_EQ(judge(R"({"NumericLessThan":{"s3:max-keys":"10"}})"), "no");
    EXPECT_EQ(judge(R"({"StringLike":{"aws:Referer":"http://a/*"}})"), "no");
    EXPECT_EQ(judge(R"({"StringLikeIfExists":{"aws:Referer":"http://a/*"}})"), "yes");
    EXPECT_EQ(judge(R"({"Null":{"aws:Referer":"true"}})"), "yes");
    EXPECT_EQ(judge(R"({"StringEquals":{"aws:Unheard":"x"}})"), "unknown");
    EXPECT_EQ(judge(R"({"Smells":{"s3:prefix":"x"}})"), "unknown");
    EXPECT_EQ(judge(R"({"Smells":{"s3:prefix":"x"},"StringEquals":{"s3:prefix":"y"}})"), "no");
}

TEST(Checksum, OfPartsIsThatOfAllBytes) {
    std::string bytes;
    for (int i = 0; i < 100'000; ++i) bytes += static_cast<char>(i * 31 >> 3);
    for (const ChecksumKind kind :
         {ChecksumKind::crc32, ChecksumKind::crc32c, ChecksumKind::crc64nvme}) {
        const auto of = [&](std::string_view text) {
            Checksum sum(kind);
            sum.update(as_bytes(text));
            return sum.base64();
        };
        const std::string_view all = bytes;
        const std::vector<PartChecksum> parts = {{of(all.substr(0, 70'001)), 70'001},
                                                 {of(all.substr(70'001, 1)), 1},
                                                 {of(all.substr(70'002)), 29'998}};
        EXPECT_EQ(joined_checksum(kind, parts), of(all));
    }
    EXPECT_EQ(joined_checksum(ChecksumKind::sha256, {}), "");
}

}  // namespace
}  // namespace stroma::front::s3
