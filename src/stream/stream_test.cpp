#include <gtest/gtest.h>

#include <map>
#include <set>
#include <thread>

#include "queue/segments/segment_stream.h"
#include "stream/streams.h"

namespace stroma::stream {
namespace {

struct Folder {
    Folder() {
        std::string pattern = (fs::temp_directory_path() / "stroma-streams-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
    }
    ~Folder() { fs::remove_all(path); }
    fs::path path;
};

TEST(HashKey, IsTheMd5OfTheKeyWhateverItsLength) {
    // md5("") and md5("a") of RFC 1321; the third is longer than a block.
    EXPECT_EQ(hash_of(""), *parse_hash_key("281949768489412648962353822266799178366"));
    EXPECT_EQ(decimal(hash_of("a")), "16955237001963240173058271559858726497");
    EXPECT_EQ(decimal(hash_of("12345678901234567890123456789012345678901234567890123456789012345678"
                              "901234567890")),
              "116878371745249285768420430739153598074");
    EXPECT_FALSE(parse_hash_key("340282366920938463463374607431768211456"));
    EXPECT_EQ(*parse_hash_key("340282366920938463463374607431768211455"), hash_key_max);
    EXPECT_FALSE(parse_hash_key("-1"));
}

TEST(SequenceNumber, HasAwsLayoutAndComesBackFromItsText) {
    const SequenceNumber number{1'421'376'506, 3, 0x0123'4567'89ab'cdef, 1'421'376'510};
    const std::string text = to_text(number);
    EXPECT_EQ(text.size(), 56u);
    const auto parsed = parse_sequence(text);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->version, 2);
    EXPECT_EQ(parsed->shard_created_s, number.shard_created_s);
    EXPECT_EQ(parsed->shard, 3);
    EXPECT_EQ(parsed->counter, number.counter);
    EXPECT_EQ(parsed->time_s, number.time_s);
    // One that AWS gave: the first of a shard made at 2015-01-16T02:48:26Z.
    EXPECT_EQ(to_text({1'421'376'506, 0, 0, 1'421'376'506}).substr(0, 6), "495470");
    EXPECT_LT(text, to_text({1'421'376'506, 3, number.counter + 1, 1'421'376'510}));
    EXPECT_FALSE(parse_sequence("9999999999999999999999999999999999999999999999999999999999"));
    EXPECT_FALSE(parse_sequence("x"));
    EXPECT_EQ(parse_sequence("0")->version, 0);
}

TEST(ShardName, IsReadFromItsShortForms) {
    EXPECT_EQ(shard_name(7), "shardId-000000000007");
    for (const char* name : {"shardId-000000000007", "shardId-7", "7", "x-7"})
        EXPECT_EQ(parse_shard_name(name).value_or(0), 7u) << name;
    for (const char* name : {"shardId-", "x", "shardId-2147483648", "7x"})
        EXPECT_FALSE(parse_shard_name(name)) << name;
}

TEST(Position, OnlyItsMakerCanSealIt) {
    const Position position{"s", "an id", 3, 99, 1234};
    const std::string sealed = seal(position, "secret");
    EXPECT_EQ(sealed.size() % 16, 8u);
    EXPECT_EQ(unseal(sealed, "secret")->from, 99u);
    EXPECT_EQ(unseal(sealed, "secret")->id, "an id");
    EXPECT_FALSE(unseal(sealed, "another"));
    for (std::size_t at = 0; at < sealed.size(); ++at) {
        std::string changed = sealed;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        EXPECT_FALSE(unseal(changed, "secret")) << at;
    }
    for (std::size_t cut = 0; cut < sealed.size(); ++cut)
        EXPECT_FALSE(unseal(sealed.substr(0, cut), "secret"));
}

class StreamsTest : public ::testing::Test {
protected:
    void SetUp() override { open(); }
    void open() {
        streams.reset();
        const OpenLog open_log = [this](const fs::path& at, const LogOptions& options) {
            return queue::open_segments(at,
                                        {.shards = options.shards,
                                         .retention = options.retention,
                                         .identity = options.identity},
                                        clock);
        };
        streams =
            Streams::open({.folder = folder.path, .limits = limits}, open_log, clock, ids).value();
    }
    NewRecord put(std::string_view key, std::string_view data,
                  std::optional<HashKey> hash = std::nullopt) {
        NewRecord record{.partition_key = key, .data = data, .hash = hash};
        EXPECT_TRUE(streams->put("s", {&record, 1}));
        return record;
    }
    Result<Reading> read(std::uint32_t shard, std::uint64_t from = 0) {
        return streams->read({"s", streams->find("s").value()->id, shard, from, 0}, 10'000);
    }
    std::string all(std::uint32_t shard) {
        std::string text;
        const auto reading = read(shard).value();
        for (const auto& record : reading.records) text += record.data;
        return text;
    }
    std::vector<Shard> shards() { return streams->find("s").value()->shards; }
    void spread(int count) {
        ASSERT_TRUE(streams->reshard("s", [&](StreamInfo& info, const ShardEnd& end) {
            return spread_evenly(info, count, clock.unix_ms(), end);
        }));
    }
    /// The open shards cover every hash once.
    void expect_whole_range() {
        std::map<HashKey, HashKey> ranges;
        for (const Shard& shard : shards())
            if (shard.is_open()) ranges[shard.first] = shard.last;
        HashKey next = 0;
        for (const auto& [first, last] : ranges) {
            EXPECT_EQ(decimal(first), decimal(next));
            next = last + 1;
        }
        EXPECT_EQ(decimal(next), "0");
    }

    Folder folder;
    ManualClock clock;
    IdSource ids{1};
    bool limits = false;
    std::unique_ptr<Streams> streams;
};

TEST_F(StreamsTest, ARecordGoesToTheShardWhoseRangeHoldsItsHash) {
    ASSERT_TRUE(streams->create("s", "me", 3, false));
    expect_whole_range();
    EXPECT_EQ(decimal(shards()[1].first), "113427455640312821154458202477256070485");
    for (int k = 0; k < 200; ++k) {
        const std::string key = "key " + std::to_string(k);
        const NewRecord record = put(key, "x");
        const Shard shard = shards()[record.shard];
        EXPECT_TRUE(shard.first <= hash_of(key) && hash_of(key) <= shard.last);
    }
    EXPECT_EQ(put("any", "x", HashKey{0}).shard, 0u);
    EXPECT_EQ(put("any", "x", hash_key_max).shard, 2u);
}

TEST_F(StreamsTest, NumbersRiseAcrossARestartAndRecordsStay) {
    ASSERT_TRUE(streams->create("s", "me", 1, false));
    const std::string first = to_text(put("k", "a").number);
    EXPECT_GT(first, to_text(shards()[0].first_number()));
    open();
    EXPECT_GT(to_text(put("k", "b").number), first);
    EXPECT_EQ(all(0), "ab");
    EXPECT_EQ(streams->names(), std::vector<std::string>{"s"});
}

TEST_F(StreamsTest, AParentIsDrainedAndItsChildrenGoOn) {
    ASSERT_TRUE(streams->create("s", "me", 1, false));
    put("k", "old", HashKey{5});
    ASSERT_TRUE(streams->reshard("s", [&](StreamInfo& info, const ShardEnd& end) {
        return split_shard(info, 0, HashKey{100}, clock.unix_ms(), end);
    }));
    EXPECT_EQ(put("k", "low", HashKey{99}).shard, 1u);
    EXPECT_EQ(put("k", "high", HashKey{100}).shard, 2u);
    open();
    const Reading parent = read(0).value();
    EXPECT_TRUE(parent.drained);
    EXPECT_EQ(parent.records.at(0).data, "old");
    EXPECT_FALSE(read(1)->drained);
    EXPECT_EQ(*shards()[2].parent, 0u);
    EXPECT_GT(to_text(shards()[1].first_number()),
              to_text(shards()[0].number(parent.records[0].sequence_number,
                                         parent.records[0].arrived_ms)));
    ASSERT_TRUE(streams->reshard("s", [&](StreamInfo& info, const ShardEnd& end) {
        return merge_shards(info, 1, 2, clock.unix_ms(), end);
    }));
    EXPECT_EQ(put("k", "merged", HashKey{3}).shard, 3u);
    EXPECT_EQ(*shards()[3].adjacent_parent, 2u);
    expect_whole_range();
}

TEST_F(StreamsTest, AnyNumberOfShardsBecomesAnyOtherEvenly) {
    ASSERT_TRUE(streams->create("s", "me", 1, false));
    for (const int count : {2, 3, 5, 4, 7, 1, 6}) {
        clock.advance(Milliseconds{1000});
        spread(count);
        expect_whole_range();
        const auto told = streams->find("s").value();
        EXPECT_EQ(told->open_shards(), count);
        const auto even = equal_shards(count, 0);
        std::set<std::string> wanted, are;
        for (const Shard& shard : even) wanted.insert(decimal(shard.first));
        for (const Shard& shard : told->shards)
            if (shard.is_open()) are.insert(decimal(shard.first));
        EXPECT_EQ(are, wanted);
        for (int k = 0; k < 20; ++k) put("key" + std::to_string(k), "x");
    }
    std::size_t records = 0;
    for (const Shard& shard : shards()) records += read(shard.index)->records.size();
    EXPECT_EQ(records, 140u);
}

TEST_F(StreamsTest, PutsGoOnWhileShardsChangeAndNoneIsLost) {
    ASSERT_TRUE(streams->create("s", "me", 2, false));
    std::vector<std::thread> writers;
    for (int w = 0; w < 3; ++w)
        writers.emplace_back([&, w] {
            for (int n = 0; n < 100; ++n) {
                const std::string key = std::to_string(w * 1000 + n);
                NewRecord record{.partition_key = key, .data = "x"};
                EXPECT_TRUE(streams->put("s", {&record, 1}));
            }
        });
    for (const int count : {4, 2, 3}) spread(count);
    for (std::thread& writer : writers) writer.join();
    std::multiset<std::string> keys;
    for (const Shard& shard : shards()) {
        const auto reading = read(shard.index).value();
        for (const auto& record : reading.records) {
            keys.insert(record.partition_key);
            const HashKey hash = hash_of(record.partition_key);
            EXPECT_TRUE(shard.first <= hash && hash <= shard.last);
        }
        EXPECT_EQ(reading.drained, !shard.is_open());
    }
    EXPECT_EQ(keys.size(), 300u);
    EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), 300u);
}

TEST_F(StreamsTest, AStreamThatIsMadeAnewKnowsNoEarlierPosition) {
    ASSERT_TRUE(streams->create("s", "me", 1, false));
    EXPECT_EQ(streams->create("s", "me", 1, false).error().code, ErrorCode::already_exists);
    const Position earlier{"s", streams->find("s").value()->id, 0, 0, 0};
    ASSERT_TRUE(streams->remove("s"));
    EXPECT_EQ(streams->find("s").error().code, ErrorCode::not_found);
    ASSERT_TRUE(streams->create("s", "me", 1, false));
    EXPECT_EQ(streams->read(earlier, 1).error().code, ErrorCode::conflict);
    open();
    EXPECT_EQ(streams->names().size(), 1u);
}

TEST_F(StreamsTest, ADecreasedRetentionHidesOldRecordsAndFreesTheirSpace) {
    ASSERT_TRUE(streams->create("s", "me", 1, false));
    ASSERT_TRUE(streams->change("s", [](StreamInfo& info) -> Result<void> {
        info.retention_hours = 48;
        return {};
    }));
    put("k", std::string(50'000, 'o'));
    clock.advance(Milliseconds{30LL * 3'600'000});
    EXPECT_EQ(all(0).size(), 50'000u);
    ASSERT_TRUE(streams->change("s", [](StreamInfo& info) -> Result<void> {
        info.retention_hours = 24;
        return {};
    }));
    EXPECT_EQ(all(0), "");
    streams->tidy();
    EXPECT_LT(streams->traffic("s")->stored_bytes, 1000u);
}

TEST_F(StreamsTest, OnRequestAShardRefusesItsThousandAndFirstRecordOfASecond) {
    limits = true;
    open();
    ASSERT_TRUE(streams->create("s", "me", 1, false));
    std::vector<NewRecord> records(1001, NewRecord{.partition_key = "k", .data = "x"});
    ASSERT_TRUE(streams->put("s", records));
    EXPECT_FALSE(records[999].throttled);
    EXPECT_TRUE(records[1000].throttled);
    clock.advance(Milliseconds{1000});
    EXPECT_FALSE(put("k", "y").throttled);
    for (int r = 0; r < 5; ++r) EXPECT_TRUE(read(0));
    EXPECT_EQ(read(0).error().code, ErrorCode::exhausted);
}

TEST_F(StreamsTest, AReaderIsToldHowFarItIsBehind) {
    ASSERT_TRUE(streams->create("s", "me", 1, false));
    put("k", "a");
    clock.advance(Milliseconds{5000});
    put("k", "b");
    const Position start{"s", streams->find("s").value()->id, 0, 0, 0};
    EXPECT_EQ(streams->read(start, 1)->millis_behind, 5000);
    EXPECT_EQ(streams->read(start, 2)->millis_behind, 0);
}

}  // namespace
}  // namespace stroma::stream
