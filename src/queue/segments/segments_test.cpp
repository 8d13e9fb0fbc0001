#include "queue/segments/segment_stream.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <fstream>
#include <map>
#include <thread>

#include "queue/queue_conformance.h"
#include "queue/segments/segment_index.h"

namespace stroma::queue {

using segments::index_path;

namespace {

/// A folder that goes when the test does.
struct Folder {
    Folder() {
        std::string pattern = (fs::temp_directory_path() / "stroma-segments-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
    }
    ~Folder() { fs::remove_all(path); }
    fs::path path;
};

std::shared_ptr<Stream> open_in_new_folder(int shards, const Clock& clock) {
    auto folder = std::make_shared<Folder>();
    std::shared_ptr<GrowingStream> stream =
        open_segments(folder->path, {.shards = shards}, clock).value();
    GrowingStream* const raw = stream.get();
    return {raw, [folder, stream](Stream*) mutable { stream.reset(); }};
}

INSTANTIATE_TEST_SUITE_P(Segments, StreamConformance,
                         ::testing::Values(StreamUnderTest{"Segments", open_in_new_folder}),
                         [](const auto& driver) { return driver.param.name; });

class Segments : public ::testing::Test {
protected:
    void TearDown() override { set_fault_plan({}); }
    std::unique_ptr<GrowingStream> open() {
        return open_segments(folder.path, options, clock).value();
    }
    static std::uint64_t append(GrowingStream& to, std::string_view data, int shard = 0) {
        std::vector<Arrival> one = {{.shard = shard, .partition_key = "key", .data = data}};
        EXPECT_TRUE(to.append_each(one));
        return one[0].sequence_number;
    }
    static std::string all(GrowingStream& of, int shard = 0, std::uint64_t from = 0) {
        std::string text;
        const auto records = of.read(shard, from, 1000).value();
        for (const Record& record : records) text += record.data;
        return text;
    }
    std::vector<fs::path> files() const {
        std::vector<fs::path> found;
        for (const auto& entry : fs::directory_iterator(folder.path))
            if (entry.path().extension() == ".segment") found.push_back(entry.path());
        std::ranges::sort(found);
        return found;
    }
    static void flip(const fs::path& file, std::int64_t from_end) {
        std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
        bytes.seekg(-from_end, std::ios::end);
        const char was = static_cast<char>(bytes.get());
        bytes.seekp(-from_end, std::ios::end);
        bytes.put(static_cast<char>(was ^ 1));
    }

    Folder folder;
    ManualClock clock;
    SegmentOptions options{.shards = 2};
};

TEST_F(Segments, RecordsNumbersAndTrimsOutliveTheStream) {
    auto stream = open();
    append(*stream, "a");
    const std::uint64_t second = append(*stream, "b");
    append(*stream, "x", 1);
    ASSERT_TRUE(stream->trim(0, second));
    stream.reset();
    stream = open();
    EXPECT_EQ(all(*stream), "b");
    EXPECT_EQ(all(*stream, 1), "x");
    EXPECT_EQ(append(*stream, "c"), second + 1);
}

TEST_F(Segments, AnAppendToManyShardsKeepsEachOnesOrder) {
    auto stream = open();
    ASSERT_TRUE(stream->grow(3));
    std::vector<Arrival> records;
    for (const char* data : {"0", "1", "2", "3", "4", "5"})
        records.push_back({.shard = (data[0] - '0') % 3, .partition_key = "", .data = data});
    ASSERT_TRUE(stream->append_each(records));
    EXPECT_EQ(all(*stream, 0) + all(*stream, 1) + all(*stream, 2), "031425");
    records[1].shard = 3;
    EXPECT_EQ(stream->append_each(records).error().code, ErrorCode::not_found);
    EXPECT_EQ(all(*stream, 0), "03");
}

TEST_F(Segments, AReadStopsAtItsBytesButGivesOneRecordWhateverItsSize) {
    auto stream = open();
    for (const char* data : {"aaaa", "bbbb", "cccc"}) append(*stream, data);
    EXPECT_EQ(stream->read_within(0, 0, 10, 14)->size(), 2u);
    EXPECT_EQ(stream->read_within(0, 0, 10, 1)->size(), 1u);
}

TEST_F(Segments, ManySegmentsReadAsOneStreamAndByTime) {
    options.segment_bytes = 2000;
    auto stream = open();
    std::string expected;
    std::vector<std::uint64_t> numbers;
    for (int n = 0; n < 300; ++n) {
        const std::string data = std::to_string(n) + ",";
        numbers.push_back(append(*stream, data));
        append(*stream, "other", 1);
        expected += data;
        clock.advance(Milliseconds{10});
    }
    EXPECT_GT(files().size(), 5u);
    for (int opened = 0; opened < 2; ++opened) {
        EXPECT_EQ(all(*stream), expected);
        EXPECT_EQ(all(*stream, 0, numbers[297]), "297,298,299,");
        const std::int64_t end = clock.unix_ms();
        EXPECT_EQ(stream->first_since(0, end - 3000).value(), numbers[0]);
        EXPECT_EQ(stream->first_since(0, end - 1000).value(), numbers[200]);
        EXPECT_EQ(stream->first_since(0, end - 1005).value(), numbers[200]);
        EXPECT_EQ(stream->first_since(0, end).value(), stream->end(0).value());
        stream.reset();
        stream = open();
    }
}

TEST_F(Segments, AStartReadsNoFinishedSegmentThatHasAnIndex) {
    options.segment_bytes = 2000;
    auto stream = open();
    std::string expected;
    for (int n = 0; n < 100; ++n) {
        expected += std::to_string(n) + ",";
        append(*stream, std::to_string(n) + ",", n % 2);
    }
    const std::string even = all(*stream), odd = all(*stream, 1);
    stream.reset();
    // Damage that a start would log and a reader names: nobody has looked at it.
    flip(files().at(0), 20);
    stream = open();
    EXPECT_FALSE(stream->read(1, 0, 1000).value().empty());
    EXPECT_EQ(append(*stream, "next"), 51u);
    stream.reset();
    flip(files().at(0), 20);
    EXPECT_EQ(all(*open()), even + "next");
    // Without indexes, and with one of another segment, files are read as ever.
    const auto segments = files();
    fs::copy_file(index_path(segments.at(0)), index_path(segments.at(1)),
                  fs::copy_options::overwrite_existing);
    fs::remove(index_path(segments.at(2)));
    EXPECT_EQ(all(*open()), even + "next");
    EXPECT_EQ(all(*open(), 1), odd);
    EXPECT_TRUE(fs::exists(index_path(segments.at(2))));
}

TEST_F(Segments, ACopyHoldsWhatWasThereWhenItWasAskedForAndGoesOn) {
    options.segment_bytes = 2000;
    auto stream = open();
    std::string expected;
    for (int n = 0; n < 100; ++n) {
        expected += std::to_string(n) + ",";
        append(*stream, std::to_string(n) + ",");
    }
    ASSERT_TRUE(stream->trim(0, 3));
    const CopyLog copy = stream->copy_of_now().value();
    for (int n = 0; n < 100; ++n) append(*stream, "later");
    const Folder to;
    ASSERT_TRUE(copy(to.path / "records"));
    EXPECT_TRUE(check_segments(to.path / "records")->empty());
    auto copied = open_segments(to.path / "records", options, clock).value();
    EXPECT_EQ(all(*copied), expected.substr(4));
    EXPECT_EQ(append(*copied, "next"), 101u);
    EXPECT_EQ(append(*stream, "next"), 201u);
}

TEST_F(Segments, ABlockLargerThanWhatIsReadAtOnceIsReadWhole) {
    auto stream = open();
    const std::string large(3u << 20, 'l');
    append(*stream, "before");
    append(*stream, large);
    append(*stream, "behind");
    EXPECT_EQ(all(*stream), "before" + large + "behind");
}

TEST_F(Segments, AnUnfinishedEndIsCutOffAndTheStreamGoesOn) {
    auto stream = open();
    append(*stream, "kept");
    append(*stream, "torn");
    stream.reset();
    const fs::path file = files().at(0);
    fs::resize_file(file, fs::file_size(file) - 5);
    stream = open();
    EXPECT_EQ(all(*stream), "kept");
    append(*stream, "next");
    EXPECT_EQ(all(*stream), "keptnext");
}

TEST_F(Segments, ASegmentWhoseHeadWasNeverFinishedIsForgotten) {
    auto stream = open();
    const std::uint64_t first = append(*stream, "kept");
    stream.reset();
    std::ofstream(folder.path / "0000000000000002.segment") << "STRS";
    stream = open();
    EXPECT_EQ(all(*stream), "kept");
    EXPECT_EQ(append(*stream, "next"), first + 1);
    stream.reset();
    EXPECT_EQ(all(*open()), "keptnext");
}

TEST_F(Segments, AFlippedBitInWhatWasAcknowledgedIsNamedAndNeverServed) {
    auto stream = open();
    append(*stream, "first");
    append(*stream, "damaged");
    const std::uint64_t third = append(*stream, "third");
    stream.reset();
    // The last block has 56 + 16 bytes; before it lies the damaged one's padding and data.
    flip(files().at(0), 72 + 4);
    stream = open();
    ASSERT_EQ(check_segments(folder.path).value().size(), 1u);
    EXPECT_NE(check_segments(folder.path)->at(0).find("is damaged at byte"), std::string::npos);
    EXPECT_EQ(all(*stream), "first");
    const auto read = stream->read(0, third - 1, 10);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::corrupt);
    EXPECT_NE(read.error().message.find(".segment is damaged at byte"), std::string::npos);
    EXPECT_EQ(append(*stream, "fourth"), third + 1);
}

TEST_F(Segments, ExpiredRecordsAreNotGivenAndTheirFilesGo) {
    options.retention = Milliseconds{3'600'000};
    auto stream = open();
    append(*stream, std::string(100'000, 'o'));
    clock.advance(Milliseconds{3'600'001});
    EXPECT_EQ(all(*stream), "");
    EXPECT_GT(stream->stored_bytes(), 100'000u);
    ASSERT_TRUE(stream->drop_expired());
    EXPECT_LT(stream->stored_bytes(), 1000u);
    const std::uint64_t next = stream->end(0).value();
    stream.reset();
    stream = open();
    EXPECT_EQ(append(*stream, "new"), next);
    stream->retain(Milliseconds{24LL * 3'600'000});
    clock.advance(Milliseconds{3'600'001});
    EXPECT_EQ(all(*stream), "new");
}

TEST_F(Segments, AFailedWriteLeavesNothingAndAFailedSyncEndsAppends) {
    auto stream = open();
    append(*stream, "one");
    std::vector<Arrival> lost = {{.shard = 0, .partition_key = "k", .data = "lost"}};
    set_fault_plan({.at = 1, .kind = FaultPlan::Kind::torn_write, .error_number = 28});
    EXPECT_EQ(stream->append_each(lost).error().code, ErrorCode::exhausted);
    set_fault_plan({});
    append(*stream, "two");
    EXPECT_EQ(all(*stream), "onetwo");
    set_fault_plan({.at = 2});
    EXPECT_FALSE(stream->append_each(lost));
    set_fault_plan({});
    EXPECT_EQ(stream->append_each(lost).error().code, ErrorCode::unavailable);
    EXPECT_EQ(all(*stream), "onetwo");
}

/// Appends numbered batches from two threads until it is killed; tells what was acknowledged.
void append_until_killed(const fs::path& path, int tell, int round) {
    const auto stream =
        open_segments(path, {.shards = 2, .segment_bytes = 4096}, system_clock()).value();
    const auto append = [&](int shard) {
        for (int n = 0;; ++n) {
            const std::string data = std::to_string(round * 1'000'000 + n);
            std::vector<Arrival> batch(2, {.shard = shard, .partition_key = "k", .data = data});
            if (!stream->append_each(batch)) ::_exit(1);
            const std::int64_t told[2] = {shard, round * 1'000'000 + n};
            if (::write(tell, told, sizeof told) != sizeof told) ::_exit(1);
        }
    };
    std::thread other([&] { append(1); });
    append(0);
}

TEST(SegmentsKilled, WhatWasAcknowledgedIsThereOnceAndInOrder) {
    Folder folder;
    std::array<std::vector<std::int64_t>, 2> acknowledged;
    for (int round = 0; round < 5; ++round) {
        int pipes[2];
        ASSERT_EQ(::pipe(pipes), 0);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) append_until_killed(folder.path, pipes[1], round);
        ::close(pipes[1]);
        std::int64_t told[2];
        for (int n = 0;; ++n) {
            if (n == 40 + round * 7) ::kill(child, SIGKILL);
            if (::read(pipes[0], told, sizeof told) != sizeof told) break;
            acknowledged[static_cast<std::size_t>(told[0])].push_back(told[1]);
        }
        ::waitpid(child, nullptr, 0);
        ::close(pipes[0]);
    }
    const auto stream =
        open_segments(folder.path, {.shards = 2, .segment_bytes = 4096}, system_clock()).value();
    for (int shard = 0; shard < 2; ++shard) {
        const auto records = stream->read(shard, 0, 1'000'000).value();
        std::map<std::int64_t, int> times;
        for (std::size_t r = 0; r < records.size(); ++r) {
            EXPECT_TRUE(r == 0 || records[r].sequence_number > records[r - 1].sequence_number);
            ++times[std::stoll(records[r].data)];
        }
        for (const auto& [number, count] : times) EXPECT_EQ(count, 2) << number;
        for (const std::int64_t number : acknowledged[static_cast<std::size_t>(shard)])
            EXPECT_EQ(times.count(number), 1u) << number << " was acknowledged and is lost";
    }
}

}  // namespace
}  // namespace stroma::queue
