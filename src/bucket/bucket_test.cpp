#include <gtest/gtest.h>

#include <algorithm>

#include "bucket/buckets.h"
#include "bucket/notification.h"
#include "object/memory/memory_store.h"
#include "sql/sqlite/sqlite_database.h"

#include "base/json.h"

namespace stroma::bucket {
namespace {

class BucketTest : public testing::Test {
protected:
    void SetUp() override {
        open();
        ASSERT_TRUE(buckets->create({"lab", "rosa", "us-east-1", 0, ""}));
    }
    void open() {
        buckets.reset();
        buckets = Buckets::open(writes, objects, cold, clock, ids).value();
        buckets->wait_for_sweep();
    }

    NewObject object(const std::string& key, const std::string& bytes) {
        NewObject made;
        made.bucket = "lab";
        made.key = key;
        made.owner = "rosa";
        made.attributes = "{}";
        made.etag = bytes;
        made.size = bytes.size();
        if (bytes.size() <= 4) {
            made.body.bytes = bytes;
        } else {
            auto blob = buckets->begin_blob().value();
            EXPECT_TRUE(blob.write(as_bytes(bytes)));
            made.body.pieces = {blob.finish().value()};
        }
        return made;
    }
    ObjectVersion put(const std::string& key, const std::string& bytes) {
        return buckets->put(object(key, bytes), cause).value();
    }
    std::string text_of(const std::string& key, const std::string& version = "") {
        const auto found = buckets->get("lab", key, version, true);
        if (!found) return "none";
        std::string text;
        while (text.size() < found->size)
            text += as_text(buckets->read(found->body, text.size(), 1000).value());
        return text;
    }
    std::size_t blobs() { return objects.list({}).value().objects.size(); }
    void remove(const std::string& key, const std::string& version = "") {
        EXPECT_TRUE(buckets->remove_object("lab", key, version, {}, cause));
    }

    ManualClock clock;
    IdSource ids{1};
    object::MemoryStore objects, cold;
    std::unique_ptr<sql::SqliteDatabase> database = sql::SqliteDatabase::open_in_memory().value();
    sql::WriteGroup writes{*database};
    std::unique_ptr<Buckets> buckets;
    const Cause cause{"rosa", "127.0.0.1", "request"};
};

TEST_F(BucketTest, BytesGoWhenTheirLastObjectGoes) {
    put("a", "long enough");
    NewObject copy = object("b", "tiny");
    const auto source = buckets->get("lab", "a", "", true).value();
    copy.body = source.body;
    copy.size = source.size;
    copy.kind = ChangeKind::copied;
    ASSERT_TRUE(buckets->put(copy, cause));
    EXPECT_EQ(blobs(), 1u);
    remove("a");
    EXPECT_EQ(text_of("b"), "long enough");
    // Over itself, as a change of metadata is.
    ASSERT_TRUE(buckets->put(copy, cause));
    EXPECT_EQ(text_of("b"), "long enough");
    put("b", "new");
    EXPECT_EQ(blobs(), 0u);
    // What was looked up before it went can't be copied any more.
    const auto late = buckets->put(copy, cause);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().why, Why::no_such_key);
}

TEST_F(BucketTest, RemovedBytesStayWhileACopyNeedsThem) {
    put("a", "long enough");
    put("b", "another one");
    auto first = buckets->keep_removed_bytes();
    auto second = buckets->keep_removed_bytes();
    remove("a");
    put("b", "short");
    EXPECT_EQ(blobs(), 3u);
    first.reset();
    EXPECT_EQ(blobs(), 3u);
    second.reset();
    EXPECT_EQ(blobs(), 1u);
    // A process that ends meanwhile leaves them to its next start.
    first = buckets->keep_removed_bytes();
    remove("b");
    ASSERT_TRUE(buckets->close());
    buckets.reset();
    first.reset();
    EXPECT_EQ(blobs(), 1u);
    open();
    EXPECT_EQ(blobs(), 0u);
}

TEST_F(BucketTest, WhatNoObjectTookIsSweptAtTheNextStart) {
    put("a", "long enough");
    auto lost = buckets->begin_blob().value();
    ASSERT_TRUE(lost.write(as_bytes("of a killed upload")));
    ASSERT_TRUE(lost.finish());
    EXPECT_EQ(blobs(), 2u);
    open();
    EXPECT_EQ(blobs(), 1u);
    EXPECT_EQ(text_of("a"), "long enough");
}

TEST_F(BucketTest, AfterACleanEndNothingIsLookedFor) {
    put("a", "long enough");
    ASSERT_TRUE(buckets->close());
    auto lost = object("b", "nobody's");
    open();
    EXPECT_EQ(blobs(), 2u) << "it wasn't this folder's to look for";
    open();  // not closed this time
    EXPECT_EQ(blobs(), 1u);
    EXPECT_EQ(text_of("a"), "long enough");
}

TEST_F(BucketTest, PutsBesideTheSweepAreLeftAlone) {
    for (int i = 0; i < 300; ++i) object("lost", "lost " + std::to_string(i));
    buckets.reset();
    buckets = Buckets::open(writes, objects, cold, clock, ids).value();
    for (int i = 0; i < 300; ++i) put("k" + std::to_string(i), "kept " + std::to_string(i));
    buckets->wait_for_sweep();
    EXPECT_EQ(blobs(), 300u);
}

TEST_F(BucketTest, ArchivedBytesLieInTheColdStoreAndComeBackForSomeDays) {
    std::vector<std::string> told;
    buckets->set_listener([&](sql::Connection&, const ObjectChange& change) -> Result<void> {
        told.push_back(std::string(event_name(change.kind)));
        return {};
    });
    const auto never = [] { return false; };
    const auto work = [&] { return buckets->work_on_tiers(never).value(); };
    put("small", "tiny");
    put("large", "long enough");
    const auto cold_blobs = [&] { return cold.list({}).value().objects.size(); };
    for (const char* const key : {"small", "large"}) {
        const auto there = buckets->get("lab", key, "", false).value();
        ASSERT_TRUE(buckets->transition(there, "GLACIER", cause));
        EXPECT_EQ(buckets->restore(put("x", "y"), 1, cause).error().why, Why::not_archived);
    }
    EXPECT_EQ(work(), 2u);
    EXPECT_EQ(blobs(), 0u);
    EXPECT_EQ(cold_blobs(), 2u);
    EXPECT_EQ(work(), 0u);

    const auto archived = buckets->get("lab", "large", "", false).value();
    EXPECT_EQ(archived.storage_class, "GLACIER");
    EXPECT_FALSE(buckets->restore(archived, 2, cause).value());
    EXPECT_EQ(buckets->restore(archived, 2, cause).error().why, Why::is_coming_back);
    open();  // a restart forgets nothing
    EXPECT_EQ(work(), 1u);
    EXPECT_EQ(text_of("large"), "long enough");
    EXPECT_EQ(blobs(), 1u);
    EXPECT_EQ(cold_blobs(), 2u);
    // Asked again it stays for longer.
    clock.advance(Milliseconds{24 * 3'600'000});
    EXPECT_TRUE(buckets->restore(archived, 5, cause).value());
    clock.advance(Milliseconds{4 * 24 * 3'600'000ll});
    EXPECT_EQ(work(), 0u);
    EXPECT_EQ(text_of("large"), "long enough");
    clock.advance(Milliseconds{3 * 24 * 3'600'000ll});
    EXPECT_EQ(work(), 1u);
    EXPECT_EQ(blobs(), 0u);
    EXPECT_EQ(buckets->get("lab", "large", "", false)->restored_until_ms, 0);
    remove("large");
    remove("small");
    EXPECT_EQ(cold_blobs(), 0u);
    const std::vector<std::string> expected = {
        "ObjectCreated:Put",   "ObjectCreated:Put", "LifecycleTransition", "ObjectCreated:Put",
        "LifecycleTransition", "ObjectCreated:Put", "ObjectRestore:Post"};
    EXPECT_EQ(told, expected);
}

TEST_F(BucketTest, WhatIsAskedBackBeforeItWentIsReadableAndStillGoes) {
    put("k", "long enough");
    const auto there = buckets->get("lab", "k", "", false).value();
    ASSERT_TRUE(buckets->transition(there, "DEEP_ARCHIVE", cause));
    ASSERT_TRUE(buckets->restore(there, 1, cause));
    const auto never = [] { return false; };
    ASSERT_TRUE(buckets->work_on_tiers(never));
    ASSERT_TRUE(buckets->work_on_tiers(never));
    EXPECT_EQ(text_of("k"), "long enough");
    EXPECT_EQ(cold.list({}).value().objects.size(), 1u);
    EXPECT_EQ(blobs(), 1u);
}

TEST_F(BucketTest, PartsThatTheObjectLeftOutAndThoseOfAnAbortedUploadGo) {
    Upload upload;
    upload.bucket = "lab";
    upload.key = "k";
    upload.attributes = "{}";
    for (const bool completes : {true, false}) {
        const auto begun = buckets->begin_upload(upload).value();
        for (const int number : {1, 2, 3, 3}) {
            Part part;
            part.number = number;
            part.size = 5u << 20;
            part.etag = std::string(32, static_cast<char>('0' + number));
            auto blob = buckets->begin_blob().value();
            ASSERT_TRUE(blob.write(as_bytes("x")));
            part.piece = blob.finish().value();
            ASSERT_TRUE(buckets->put_part(begun, part));
        }
        if (completes) {
            const auto attributes = [](const std::vector<Part>&) -> Result<std::string> {
                return "{}";
            };
            const std::vector<CompletedPart> chosen = {{1, std::string(32, '1')},
                                                       {3, std::string(32, '3')}};
            const auto made = buckets->complete_upload(begun, chosen, {}, attributes, cause);
            ASSERT_TRUE(made);
            const auto again = buckets->complete_upload(begun, chosen, {}, attributes, cause);
            EXPECT_EQ(again.value().sequence, made->sequence);
            EXPECT_EQ(made->size, 10u << 20);
        } else {
            ASSERT_TRUE(buckets->abort_upload(begun));
        }
        EXPECT_EQ(blobs(), 2u);
    }
    remove("k");
    EXPECT_EQ(blobs(), 0u);
}

TEST_F(BucketTest, VersionsComeBackWhenTheNewerOnesGo) {
    put("k", "0");
    ASSERT_TRUE(buckets->set_versioning("lab", "Enabled"));
    const auto first = put("k", "1"), second = put("k", "2");
    remove("k");
    EXPECT_EQ(text_of("k"), "none");
    EXPECT_EQ(text_of("k", first.version), "1");
    const auto versions = buckets->list_versions({"lab", "", "", "", "", 10}).value().objects;
    ASSERT_EQ(versions.size(), 4u);
    EXPECT_TRUE(versions[0].is_marker && versions[0].is_latest);
    remove("k", versions[0].version);
    EXPECT_EQ(text_of("k"), "2");
    remove("k", second.version);
    remove("k", first.version);
    EXPECT_EQ(text_of("k"), "0");
    ASSERT_TRUE(buckets->set_versioning("lab", "Suspended"));
    put("k", "3");
    EXPECT_EQ(buckets->list_versions({"lab", "", "", "", "", 10}).value().objects.size(), 1u);
}

TEST_F(BucketTest, AChangeThatItsListenerRefusesLeavesNothing) {
    std::vector<std::string> told;
    bool refuses = false;
    buckets->set_listener([&](sql::Connection&, const ObjectChange& change) -> Result<void> {
        told.push_back(std::string(event_name(change.kind)) + " " + change.object.key);
        if (refuses) return fail(ErrorCode::unavailable, "not now");
        return {};
    });
    put("a", "1");
    refuses = true;
    EXPECT_FALSE(buckets->put(object("b", "2"), cause));
    EXPECT_FALSE(buckets->remove_object("lab", "a", "", {}, cause));
    EXPECT_EQ(text_of("a"), "1");
    EXPECT_EQ(text_of("b"), "none");
    const std::vector<std::string> expected = {"ObjectCreated:Put a", "ObjectCreated:Put b",
                                               "ObjectRemoved:Delete a"};
    EXPECT_EQ(told, expected);
}

TEST_F(BucketTest, ListsAreCutAnywhereAndGoOn) {
    std::vector<std::string> keys;
    for (const char* const key : {"a", "a/1", "a/2", "b", "c/1", "c/2", "c/3", "d"}) put(key, "x");
    for (std::size_t limit = 1; limit < 8; ++limit) {
        std::string seen;
        ListQuery query{"lab", "", "/", "", "", limit};
        for (bool more = true; more;) {
            const auto page = buckets->list(query).value();
            EXPECT_LE(page.objects.size() + page.common_prefixes.size(), limit);
            std::vector<std::string> here = page.common_prefixes;
            for (const auto& one : page.objects) here.push_back(one.key);
            std::sort(here.begin(), here.end());
            for (const std::string& one : here) seen += one + " ";
            query.after = page.next_key;
            more = page.is_cut;
        }
        EXPECT_EQ(seen, "a a/ b c/ d ") << limit;
    }
}

TEST(BucketName, IsAsAwsAsks) {
    for (const char* const good : {"abc", "a.b-c", "1ab", "a1.2.3"})
        EXPECT_TRUE(is_bucket_name(good));
    for (const char* const bad :
         {"", "ab", "Abc", "a_b", "-ab", "ab-", "a..b", "a.-b", "a-.b", "1.2.3.4", "a b"})
        EXPECT_FALSE(is_bucket_name(bad)) << bad;
    EXPECT_TRUE(is_bucket_name(std::string(63, 'a')));
    EXPECT_FALSE(is_bucket_name(std::string(64, 'a')));
}

}  // namespace
}  // namespace stroma::bucket
