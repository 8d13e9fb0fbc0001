#include "delivery/partition_buffers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "delivery/delivery_test_site.h"

namespace stroma::delivery {
namespace {

/// A log of three shards whose records have a partition each, and what was delivered of it.
class ModelSite {
public:
    explicit ModelSite(std::uint64_t seed) : random_(seed) {}

    void arrive() {
        const std::uint32_t shard = draw(3);
        auto& log = logs_[shard];
        ItemPlace place{.record = 0,
                        .id = std::to_string(shard) + "-" + std::to_string(log.size() + 1),
                        .buffer = "{\"p\":" + std::to_string(draw(8)) + "}",
                        .bytes = 1 + draw(100),
                        .forced = ""};
        if (draw(20) == 0) place.buffer = errors_buffer;
        if (draw(30) == 0) {
            place.buffer = errors_buffer;
            place.forced = stopped_code;
        }
        log.push_back(std::move(place));
    }
    void look() {
        const std::uint32_t shard = draw(3);
        const std::uint64_t from = buffers_.next(shard);
        const auto& log = logs_[shard];
        const std::uint64_t to = std::min<std::uint64_t>(log.size() + 1, from + draw(12));
        std::vector<RawRecord> records;
        std::vector<ItemPlace> places;
        for (std::uint64_t number = from; number < to; ++number) {
            records.push_back({"", 1000, log[number - 1].id, shard, number});
            places.push_back(log[number - 1]);
            places.back().record = records.size() - 1;
        }
        ASSERT_TRUE(buffers_.note(shard, to, records, places));
    }
    void look_at_all() {
        for (std::uint32_t shard = 0; shard < 3 && !testing::Test::HasFailure();)
            if (buffers_.next(shard) <= logs_[shard].size())
                look();
            else
                ++shard;
    }
    /// Some of the open buffers, all with `everything`.
    void deliver(bool everything) {
        if (!buffers_.is_caught_up() || buffers_.is_empty()) return;
        auto chosen = buffers_.all();
        if (!everything) {
            std::ranges::shuffle(chosen, random_);
            chosen.resize(1 + draw(chosen.size()));
        }
        buffers_.plan(chosen, 2000, state_);
        if (draw(4) == 0) restart();
        note_objects();
        if (draw(4) == 0) {
            restart();
            note_objects();
        }
        const auto delivered = state_.plan->buffers;
        note_delivered(state_);
        buffers_.close(delivered);
        if (draw(4) == 0) restart();
    }
    void restart() {
        state_ = parse_state(state_json(state_)).value();
        if (!state_.plan) buffers_ = PartitionBuffers(state_);
    }
    void expect_each_once() {
        std::size_t all = 0;
        for (const auto& [shard, log] : logs_) {
            all += log.size();
            EXPECT_EQ(state_.cursors[shard], log.size() + 1);
            for (const ItemPlace& item : log) EXPECT_EQ(delivered_[item.id].size(), 1u) << item.id;
        }
        EXPECT_EQ(delivered_.size(), all);
    }

private:
    std::uint32_t draw(std::uint64_t below) {
        return static_cast<std::uint32_t>(random_() % below);
    }
    /// By what the plan says alone: in which object each item is now.
    void note_objects() {
        const Plan& plan = *state_.plan;
        const Chosen chosen{plan.buffers, plan.open->forced};
        for (const Range& range : plan.ranges)
            for (std::uint64_t number = range.from; number < range.to; ++number) {
                const ItemPlace& item = logs_[range.shard][number - 1];
                const bool is_forced = chosen.forced.contains(item.id);
                if (is_chosen(chosen, is_forced ? std::string(errors_buffer) : item.buffer,
                              range.shard, number))
                    delivered_[item.id].insert(plan.text());
            }
    }

    std::mt19937_64 random_;
    std::map<std::uint32_t, std::vector<ItemPlace>> logs_ = {{0, {}}, {1, {}}, {2, {}}};
    DeliveryState state_;
    PartitionBuffers buffers_{state_};
    std::map<std::string, std::set<std::string>> delivered_;
};

TEST(PartitionBuffers, WhateverArrivesIsDeliveredOrRestartedEachItemIsDeliveredOnce) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        SCOPED_TRACE(seed);
        ModelSite site(seed);
        std::mt19937_64 random(seed);
        for (int step = 0; step < 300; ++step) {
            const auto what = random() % 20;
            if (what < 10)
                site.arrive();
            else if (what < 16)
                site.look();
            else if (what < 19)
                site.deliver(false);
            else
                site.restart();
        }
        site.look_at_all();
        site.deliver(true);
        site.expect_each_once();
        if (testing::Test::HasFailure()) break;
    }
}

TEST(PartitionBuffers, EachHasASizeAndAnAgeOfItsOwn) {
    Destination destination;
    destination.buffer_bytes = 100;
    destination.buffer_time = Milliseconds{10'000};
    PartitionBuffers buffers{DeliveryState{}};
    const auto note = [&](std::uint64_t number, const std::string& name, std::uint64_t bytes,
                          std::int64_t arrived_ms) {
        const RawRecord record{"", arrived_ms, std::to_string(number), 0, number};
        ASSERT_TRUE(buffers.note(0, number + 1, {record}, {{0, record.id, name, bytes, ""}}));
    };
    using Names = std::vector<std::string>;
    note(1, "hot", 60, 1000);
    note(2, "cold", 1, 2000);
    note(3, "later", 1, 9000);
    EXPECT_EQ(buffers.due(destination, 5000), Names{});
    EXPECT_EQ(buffers.left(destination, 5000), Milliseconds{6000});
    note(4, "hot", 40, 5000);
    EXPECT_EQ(buffers.due(destination, 5000), Names{"hot"});
    DeliveryState state;
    buffers.plan({"hot"}, 5000, state);
    buffers.close(state.plan->buffers);
    EXPECT_EQ(buffers.due(destination, 11'999), Names{});
    // "later" is due in 7 s, more than a fifth of its time.
    EXPECT_EQ(buffers.due(destination, 12'000), Names{"cold"});
    EXPECT_EQ(buffers.due(destination, 17'000), (Names{"cold", "later"}));
}

TEST(PartitionBuffers, ThePartitionBeyondTheLimitGoesToTheErrorsAndTheOthersGoOn) {
    PartitionBuffers buffers{DeliveryState{}};
    std::vector<RawRecord> records;
    std::vector<ItemPlace> places;
    const auto add = [&](std::size_t partition) {
        const std::uint64_t number = records.size() + 1;
        records.push_back({"", 1000, "i" + std::to_string(number), 0, number});
        places.push_back(
            {records.size() - 1, records.back().id, "{" + std::to_string(partition) + "}", 1, ""});
    };
    for (std::size_t p = 0; p <= partitions_max; ++p) add(p);
    add(0);
    ASSERT_TRUE(buffers.note(0, records.size() + 1, records, places));
    EXPECT_EQ(buffers.all().size(), partitions_max + 1);
    DeliveryState state;
    buffers.plan(buffers.all(), 2000, state);
    ASSERT_EQ(state.plan->open->forced.size(), 1u);
    EXPECT_EQ(state.plan->open->forced.begin()->first, "i501");
    EXPECT_EQ(state.plan->open->forced.begin()->second.code, too_many_code);
}

constexpr const char* by_partition =
    R"({"BucketARN":"arn:aws:s3:::b","Prefix":"p=!{partitionKeyFromQuery:p}/",
        "ErrorOutputPrefix":"e/","BufferingHints":{"SizeInMBs":1,"IntervalInSeconds":900},
        "DynamicPartitioningConfiguration":{"Enabled":true},
        "ProcessingConfiguration":{"Enabled":true,"Processors":[{"Type":"MetadataExtraction",
        "Parameters":[{"ParameterName":"MetadataExtractionQuery","ParameterValue":"{p:.p}"}]}]}})";

TEST(DeliveriesApart, AFullPartitionGoesAloneAndTheOthersWithTheirDestination) {
    MemorySink sink;
    DeliverySite site;
    Deliveries& deliveries = site.open(sink);
    ASSERT_TRUE(deliveries.create(DeliverySite::wanted(by_partition)));
    deliveries.start();
    const std::string hot = R"({"p":"hot","x":")" + std::string(400'000, 'x') + "\"}";
    ASSERT_TRUE(deliveries.put("d", std::vector<std::string>{R"({"p":"cold"})", hot, "broken"}));
    ASSERT_TRUE(deliveries.put("d", std::vector<std::string>{hot, hot}));
    sink.wait_for(1);
    EXPECT_TRUE(sink.objects.begin()->first.starts_with("p=hot/"));
    EXPECT_EQ(sink.objects.begin()->second, hot + hot + hot);
    // Another start knows what was buffered; what was begun goes where it was meant to.
    deliveries.stop();
    Deliveries& again = site.open(sink);
    EXPECT_EQ(again.stats("d")->waiting, 5u);
    std::string changed = by_partition;
    changed.replace(changed.find("p=!"), 3, "q=!");
    ASSERT_TRUE(again.put("d", std::vector<std::string>{R"({"p":"cold","n":2})"}));
    ASSERT_TRUE(again.update("d", 1, changed));
    again.start();
    sink.wait_for(3);
    again.stop();
    std::map<std::string, std::string> by_prefix;
    for (const auto& [key, bytes] : sink.objects) by_prefix[key.substr(0, 6)] += bytes;
    EXPECT_EQ(by_prefix["p=cold"], R"({"p":"cold"})");
    EXPECT_NE(by_prefix["e/proc"].find("YnJva2Vu"), std::string::npos);
    EXPECT_EQ(sink.objects.size(), 3u);
    EXPECT_EQ(again.stats("d")->waiting, 1u);
}

}  // namespace
}  // namespace stroma::delivery
