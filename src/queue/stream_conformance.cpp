#include "queue/queue_conformance.h"

#include <thread>

namespace stroma::queue {
namespace {

Record record(std::string key, std::string data) {
    Record made;
    made.partition_key = std::move(key);
    made.data = std::move(data);
    return made;
}

TEST_P(StreamConformance, RecordsAreReadInTheOrderTheyWereAppended) {
    const std::vector<Record> records = {record("k1", "one"),
                                         record("k2", std::string("\0\xff", 2))};
    const std::uint64_t first = stream->append(0, records).value();
    const auto read = stream->read(0, 0, 10).value();
    ASSERT_EQ(read.size(), 2u);
    EXPECT_EQ(read[0].sequence_number, first);
    EXPECT_GT(read[1].sequence_number, first);
    EXPECT_EQ(read[1].partition_key, "k2");
    EXPECT_EQ(read[1].data, std::string("\0\xff", 2));
    EXPECT_EQ(read[0].arrived_ms, clock.unix_ms());
    EXPECT_EQ(stream->read(0, read[1].sequence_number, 10)->size(), 1u);
    EXPECT_EQ(stream->read(0, 0, 1)->size(), 1u);
}

TEST_P(StreamConformance, ShardsAreSeparate) {
    EXPECT_EQ(stream->shard_count().value(), 2);
    ASSERT_TRUE(stream->append(1, std::vector{record("k", "one")}));
    EXPECT_TRUE(stream->read(0, 0, 10)->empty());
    EXPECT_EQ(stream->read(1, 0, 10)->size(), 1u);
    for (const int shard : {-1, 2}) {
        EXPECT_EQ(stream->append(shard, {}).error().code, ErrorCode::not_found);
        EXPECT_EQ(stream->read(shard, 0, 1).error().code, ErrorCode::not_found);
        EXPECT_EQ(stream->end(shard).error().code, ErrorCode::not_found);
    }
}

TEST_P(StreamConformance, TheEndIsBehindTheLastRecordAndStaysThereAfterATrim) {
    const std::uint64_t empty = stream->end(0).value();
    const std::uint64_t first = stream->append(0, std::vector{record("k", "one")}).value();
    EXPECT_GE(first, empty);
    const std::uint64_t end = stream->end(0).value();
    EXPECT_GT(end, first);
    ASSERT_TRUE(stream->trim(0, end));
    EXPECT_TRUE(stream->read(0, 0, 10)->empty());
    EXPECT_EQ(stream->end(0).value(), end);
    EXPECT_GE(stream->append(0, std::vector{record("k", "two")}).value(), end);
}

TEST_P(StreamConformance, ATrimDropsWhatLiesBeforeOnly) {
    std::uint64_t last = 0;
    for (const char* data : {"1", "2", "3"})
        last = stream->append(0, std::vector{record("k", data)}).value();
    ASSERT_TRUE(stream->trim(0, last));
    const auto left = stream->read(0, 0, 10).value();
    ASSERT_EQ(left.size(), 1u);
    EXPECT_EQ(left[0].data, "3");
}

TEST_P(StreamConformance, AppendsOfManyThreadsKeepEachBatchTogether) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            const std::string key = std::to_string(t);
            for (int round = 0; round < 10; ++round)
                EXPECT_TRUE(stream->append(0, std::vector{record(key, "a"), record(key, "b")}));
        });
    for (std::thread& thread : threads) thread.join();
    const auto records = stream->read(0, 0, 1000).value();
    ASSERT_EQ(records.size(), 80u);
    for (std::size_t r = 0; r < records.size(); r += 2) {
        EXPECT_EQ(records[r].partition_key, records[r + 1].partition_key);
        EXPECT_EQ(records[r].data + records[r + 1].data, "ab");
        EXPECT_LT(records[r].sequence_number, records[r + 1].sequence_number);
    }
}

}  // namespace
}  // namespace stroma::queue
