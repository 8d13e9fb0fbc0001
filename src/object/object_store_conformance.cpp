#include "object/object_store_conformance.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <random>
#include <set>
#include <thread>

namespace stroma::object {

fs::path folder_for_tests() {
    const fs::path memory = "/dev/shm";
    const bool usable = std::getenv("TMPDIR") == nullptr && ::access(memory.c_str(), W_OK) == 0;
    return usable ? memory : fs::temp_directory_path();
}

void ObjectStoreConformance::SetUp() {
    std::string pattern = (folder_for_tests() / "stroma-objects-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder = pattern;
    store = GetParam().open(folder, clock);
    ASSERT_TRUE(store);
}

void ObjectStoreConformance::TearDown() {
    store.reset();
    fs::remove_all(folder);
}

void ObjectStoreConformance::put(std::string_view key, std::string_view bytes,
                                 const PutOptions& options) {
    const auto done = store->put(key, as_bytes(bytes), options);
    ASSERT_TRUE(done) << done.error().message;
}

std::string ObjectStoreConformance::get(std::string_view key) {
    const auto bytes = store->get(key);
    return bytes ? std::string(as_text(*bytes)) : "error: " + bytes.error().message;
}

std::vector<std::string> ObjectStoreConformance::list(ListOptions options) {
    std::vector<std::string> keys, prefixes;
    for (;;) {
        const ListPage page = store->list(options).value();
        for (const ObjectInfo& info : page.objects) keys.push_back(info.key);
        for (const std::string& prefix : page.common_prefixes) prefixes.push_back(prefix);
        EXPECT_LE(page.objects.size() + page.common_prefixes.size(), options.limit);
        if (!page.next_after) break;
        options.after = *page.next_after;
    }
    keys.insert(keys.end(), prefixes.begin(), prefixes.end());
    return keys;
}

fs::path ObjectStoreConformance::write_file(std::string_view name, std::string_view bytes) {
    const fs::path path = folder / name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
}

namespace {

using Keys = std::vector<std::string>;

TEST_P(ObjectStoreConformance, WhatWasPutIsRead) {
    PutOptions options;
    options.content_type = "text/plain";
    options.metadata = {{"donor", "d1"}, {"empty", ""}, {"bytes", std::string("\n\xff\0x", 4)}};
    clock.advance(Milliseconds{5});
    put("a/b", "some bytes", options);
    EXPECT_EQ(get("a/b"), "some bytes");
    const ObjectInfo info = store->head("a/b").value().value();
    EXPECT_EQ(info.key, "a/b");
    EXPECT_EQ(info.size_bytes, 10u);
    EXPECT_EQ(info.etag.size(), 32u);
    EXPECT_EQ(info.content_type, "text/plain");
    EXPECT_EQ(info.metadata, options.metadata);
    EXPECT_EQ(info.modified_ms, clock.unix_ms());
    EXPECT_TRUE(store->verify("a/b"));
}

TEST_P(ObjectStoreConformance, AnEmptyObjectIsAnObject) {
    put("empty", "");
    EXPECT_EQ(get("empty"), "");
    EXPECT_EQ(store->head("empty").value()->size_bytes, 0u);
    EXPECT_TRUE(store->verify("empty"));
}

TEST_P(ObjectStoreConformance, AMissingObjectIsNotFound) {
    EXPECT_EQ(store->open("none").error().code, ErrorCode::not_found);
    EXPECT_EQ(store->verify("none").error().code, ErrorCode::not_found);
    EXPECT_FALSE(store->head("none").value());
    EXPECT_FALSE(store->remove("none").value());
}

TEST_P(ObjectStoreConformance, TheSameBytesHaveTheSameEtagHoweverTheyWereWritten) {
    const std::string bytes(600'000, 'x');
    put("whole", bytes);
    const auto writer = store->begin_put("pieces", {}).value();
    std::mt19937 random(1);
    for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t part = std::min<std::size_t>(bytes.size() - at, random() % 70'000);
        ASSERT_TRUE(writer->write(as_bytes(bytes).subspan(at, part)));
        at += part;
    }
    const ObjectInfo info = writer->commit().value();
    EXPECT_EQ(info.etag, store->head("whole").value()->etag);
    EXPECT_EQ(get("pieces"), bytes);
    put("other", "y");
    EXPECT_NE(store->head("other").value()->etag, info.etag);
}

TEST_P(ObjectStoreConformance, NothingIsVisibleBeforeCommit) {
    auto writer = store->begin_put("key", {}).value();
    ASSERT_TRUE(writer->write(as_bytes("bytes")));
    EXPECT_FALSE(store->head("key").value());
    EXPECT_TRUE(list({}).empty());
    writer.reset();
    EXPECT_FALSE(store->head("key").value());
}

TEST_P(ObjectStoreConformance, AReaderKeepsTheBytesItWasOpenedOn) {
    put("key", "old bytes");
    const auto reader = store->open("key").value();
    put("key", "new");
    ASSERT_TRUE(store->remove("key").value());
    std::string bytes(9, ' ');
    ASSERT_TRUE(reader->read_at(0, std::as_writable_bytes(std::span(bytes))));
    EXPECT_EQ(bytes, "old bytes");
    EXPECT_EQ(reader->info().size_bytes, 9u);
}

TEST_P(ObjectStoreConformance, RangesAreReadAndThoseThatPassTheEndAreRefused) {
    put("key", "0123456789");
    const auto reader = store->open("key").value();
    std::string part(3, ' ');
    const auto into = std::as_writable_bytes(std::span(part));
    ASSERT_TRUE(reader->read_at(7, into));
    EXPECT_EQ(part, "789");
    EXPECT_EQ(reader->read_at(8, into).error().code, ErrorCode::invalid_input);
    EXPECT_EQ(reader->read_at(~std::uint64_t{0}, into).error().code, ErrorCode::invalid_input);
    EXPECT_TRUE(reader->read_at(10, into.first(0)));
    EXPECT_EQ(store->get("key", 9).error().code, ErrorCode::exhausted);
    EXPECT_TRUE(store->get("key", 10));
}

TEST_P(ObjectStoreConformance, MappedBytesAndDescriptorGiveTheObjectWhereTheDriverHasThem) {
    put("key", "0123456789");
    const auto reader = store->open("key").value();
    EXPECT_EQ(reader->mapped().has_value(), GetParam().maps);
    if (reader->mapped()) {
        EXPECT_EQ(as_text(*reader->mapped()), "0123456789");
    }
    EXPECT_EQ(reader->descriptor() >= 0, GetParam().has_descriptor);
    if (reader->descriptor() < 0) return;
    char byte = 0;
    EXPECT_EQ(::pread(reader->descriptor(), &byte, 1, 9), 1);
    EXPECT_EQ(byte, '9');
}

TEST_P(ObjectStoreConformance, IfAbsentPutsOnceOnly) {
    PutOptions once;
    once.condition.if_absent = true;
    put("key", "first", once);
    EXPECT_EQ(store->put("key", as_bytes("second"), once).error().code, ErrorCode::conflict);
    EXPECT_EQ(get("key"), "first");
    ASSERT_TRUE(store->remove("key").value());
    put("key", "third", once);
    EXPECT_EQ(get("key"), "third");
}

TEST_P(ObjectStoreConformance, IfEtagReplacesTheNamedObjectOnly) {
    PutOptions options;
    options.condition.if_etag = "00000000000000000000000000000000";
    EXPECT_EQ(store->put("key", as_bytes("x"), options).error().code, ErrorCode::conflict);
    EXPECT_FALSE(store->head("key").value());
    put("key", "first");
    EXPECT_EQ(store->put("key", as_bytes("x"), options).error().code, ErrorCode::conflict);
    options.condition.if_etag = store->head("key").value()->etag;
    put("key", "second", options);
    EXPECT_EQ(store->put("key", as_bytes("x"), options).error().code, ErrorCode::conflict);
    EXPECT_EQ(get("key"), "second");
}

TEST_P(ObjectStoreConformance, RemoveWithAnEtagRemovesThatObjectOnly) {
    put("key", "first");
    const std::string etag = store->head("key").value()->etag;
    put("key", "second");
    EXPECT_EQ(store->remove("key", etag).error().code, ErrorCode::conflict);
    EXPECT_TRUE(store->remove("key", store->head("key").value()->etag).value());
    EXPECT_FALSE(store->head("key").value());
}

TEST_P(ObjectStoreConformance, OfManyConditionalPutsAtOnceOneWins) {
    for (int round = 0; round < 10; ++round) {
        const std::string key = "key" + std::to_string(round);
        std::atomic<int> won{0};
        std::vector<std::thread> threads;
        for (int t = 0; t < 8; ++t)
            threads.emplace_back([&, t] {
                PutOptions once;
                once.condition.if_absent = true;
                if (store->put(key, as_bytes(std::to_string(t)), once)) ++won;
            });
        for (std::thread& thread : threads) thread.join();
        EXPECT_EQ(won, 1);
    }
}

TEST_P(ObjectStoreConformance, AFileIsTakenIn) {
    PutOptions options;
    options.metadata = {{"a", "b"}};
    const fs::path path = write_file("finished", "the bytes of a file");
    const ObjectInfo info = store->put_file("taken", path, options).value();
    EXPECT_FALSE(fs::exists(path));
    EXPECT_EQ(get("taken"), "the bytes of a file");
    EXPECT_EQ(store->head("taken").value()->etag, info.etag);
    EXPECT_EQ(store->head("taken").value()->metadata, options.metadata);
    put("written", "the bytes of a file");
    EXPECT_EQ(store->head("written").value()->etag, info.etag);
}

TEST_P(ObjectStoreConformance, AFileWhoseConditionFailsStaysAsItWas) {
    put("key", "first");
    PutOptions once;
    once.condition.if_absent = true;
    const fs::path path = write_file("finished", "bytes");
    EXPECT_EQ(store->put_file("key", path, once).error().code, ErrorCode::conflict);
    EXPECT_EQ(read_file(path).value(), "bytes");
    EXPECT_EQ(get("key"), "first");
}

TEST_P(ObjectStoreConformance, AFileWithASecondNameIsCopied) {
    const fs::path path = write_file("finished", "bytes");
    fs::create_hard_link(path, folder / "second");
    ASSERT_TRUE(store->put_file("key", path, {}));
    EXPECT_EQ(read_file(folder / "second").value(), "bytes");
    EXPECT_EQ(get("key"), "bytes");
}

TEST_P(ObjectStoreConformance, AnyKeyIsANameAndNeverAPath) {
    const Keys keys = {"a",
                       "A",
                       "a/",
                       "/a",
                       "//",
                       "/",
                       ".",
                       "..",
                       "../up",
                       "a/../b",
                       "a/./b",
                       "~",
                       "a~",
                       "a+",
                       "a=",
                       "a=/b",
                       "%2e",
                       "%",
                       "CON",
                       "nul.txt",
                       "a.",
                       "a ",
                       " a",
                       "-rf",
                       "a\nb",
                       "a\tb",
                       "\x01",
                       "\xe2\x80\xae"
                       "abc",
                       "\xc3\xa9",
                       "e\xcc\x81",
                       "a\\b",
                       "..\\b",
                       "a:b",
                       "*?\"<>|",
                       std::string(1024, 'x'),
                       std::string(1024, '/'),
                       std::string(1023, 'X') + "y",
                       std::string(64, 'p'),
                       std::string(64, 'p') + "/",
                       std::string(64, 'p') + "/q",
                       std::string(64, 'p') + "-q",
                       std::string(64, 'p') + "q",
                       std::string(63, 'p'),
                       std::string(128, 'p'),
                       std::string(65, 'p') + "/"};
    for (const std::string& key : keys) put(key, "bytes of " + key);
    Keys sorted = keys;
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(list({}), sorted);
    for (const std::string& key : keys) EXPECT_EQ(get(key), "bytes of " + key);
    for (const std::string& key : keys) EXPECT_TRUE(store->remove(key).value());
    EXPECT_TRUE(list({}).empty());
}

TEST_P(ObjectStoreConformance, KeysThatAreNotUtf8OrHaveNulAreRefused) {
    using std::string_literals::operator""s;
    for (const std::string& key : {""s, "a\0b"s, "\xff"s, "\xc3"s, "\xc0\xaf"s, "\xed\xa0\x80"s,
                                   "\xf5\x80\x80\x80"s, "\x80"s, std::string(1025, 'x')}) {
        EXPECT_EQ(store->put(key, {}).error().code, ErrorCode::invalid_input);
        EXPECT_EQ(store->head(key).error().code, ErrorCode::invalid_input);
        EXPECT_EQ(store->remove(key).error().code, ErrorCode::invalid_input);
    }
}

TEST_P(ObjectStoreConformance, MetadataPastItsLimitIsRefused) {
    PutOptions options;
    options.metadata = {{"name", std::string(metadata_bytes_max - 4, 'x')}};
    put("key", "", options);
    EXPECT_EQ(store->head("key").value()->metadata, options.metadata);
    options.metadata["name"] += "x";
    EXPECT_EQ(store->put("key", {}, options).error().code, ErrorCode::exhausted);
}

TEST_P(ObjectStoreConformance, AListingIsInByteOrderAndStartsAfterTheGivenKey) {
    for (const char* key : {"b", "a", "a/b", "a-b", "a0", "aa"}) put(key, "");
    EXPECT_EQ(list({}), (Keys{"a", "a-b", "a/b", "a0", "aa", "b"}));
    ListOptions options;
    options.after = "a-b";
    EXPECT_EQ(list(options), (Keys{"a/b", "a0", "aa", "b"}));
    options.prefix = "a/";
    EXPECT_EQ(list(options), (Keys{"a/b"}));
    options.after = "zzz";
    EXPECT_TRUE(list(options).empty());
}

TEST_P(ObjectStoreConformance, ADelimiterCutsKeysIntoCommonPrefixesEachListedOnce) {
    for (const char* key : {"a/1", "a/2", "b", "c/x/1", "c/y", "d", "a-/1"}) put(key, "");
    for (std::size_t limit : {1, 2, 1000}) {
        ListOptions options;
        options.delimiter = "/";
        options.limit = limit;
        EXPECT_EQ(list(options), (Keys{"b", "d", "a-/", "a/", "c/"}));
        options.prefix = "c/";
        EXPECT_EQ(list(options), (Keys{"c/y", "c/x/"}));
        options.prefix = "a";
        EXPECT_EQ(list(options), (Keys{"a-/", "a/"}));
    }
    ListOptions unusual;
    unusual.delimiter = "/x/";
    EXPECT_EQ(list(unusual), (Keys{"a-/1", "a/1", "a/2", "b", "c/y", "d", "c/x/"}));
}

TEST_P(ObjectStoreConformance, ListingsOfRandomKeysAreThoseOfASortedMap) {
    std::mt19937 random(7);
    std::set<std::string> keys;
    const std::string letters = "ab/-~";
    while (keys.size() < 300) {
        std::string key;
        const std::size_t size = 1 + random() % 9;
        for (std::size_t i = 0; i < size; ++i) key += letters[random() % letters.size()];
        if (random() % 8 == 0) key += std::string(60 + random() % 10, 'a');
        if (keys.insert(key).second) put(key, "");
    }
    for (int round = 0; round < 200; ++round) {
        ListOptions options;
        const auto some = std::next(keys.begin(), static_cast<long>(random() % keys.size()));
        options.prefix = some->substr(0, random() % 3);
        if (random() % 2 == 0)
            options.after = *std::next(keys.begin(), static_cast<long>(random() % keys.size()));
        options.limit = 1 + random() % 50;
        Keys expected;
        for (const std::string& key : keys)
            if (key > options.after && key.starts_with(options.prefix)) expected.push_back(key);
        EXPECT_EQ(list(options), expected) << options.prefix << " after " << options.after;
    }
}

}  // namespace

}  // namespace stroma::object
