#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "base/crash_states.h"
#include "queue/segments/segment_stream.h"

namespace stroma::queue {
namespace {

/// STROMA_CRASH_STATES: how many states of the disk are looked at.
std::size_t crash_states_wanted() {
    const char* text = std::getenv("STROMA_CRASH_STATES");
    return text == nullptr ? 300 : std::strtoull(text, nullptr, 10);
}

struct CrashFolder {
    CrashFolder() {
        std::string pattern = (fs::temp_directory_path() / "stroma-crash-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
    }
    ~CrashFolder() { fs::remove_all(path); }
    fs::path path;
};

constexpr int crash_shards = 2;
const SegmentOptions crash_options{.shards = crash_shards, .segment_bytes = 6000};

/// What happened up to some change: "a" what was about to be appended, "k" what was acknowledged,
/// "t" a trim that is about to be done.
struct Told {
    std::vector<std::set<std::string>> attempted{crash_shards}, acknowledged{crash_shards};
    std::vector<std::uint64_t> trimmed = std::vector<std::uint64_t>(crash_shards);
    Told(const std::vector<FileChange>& changes, std::size_t count) {
        for (std::size_t c = 0; c < std::min(count, changes.size()); ++c) {
            if (changes[c].kind != FileChange::Kind::note) continue;
            std::istringstream words(changes[c].bytes);
            std::string what, data;
            std::size_t shard = 0;
            words >> what >> shard >> data;
            if (what == "a") attempted.at(shard).insert(data);
            if (what == "k") acknowledged.at(shard).insert(data);
            if (what == "t") trimmed.at(shard) = std::stoull(data);
        }
    }
};

std::string note_of(const char* what, int shard, const std::string& data) {
    return std::string(what) + " " + std::to_string(shard) + " " + data;
}

/// Appends batches of one to four records of all sizes, and trims now and then.
void append_and_trim(GrowingStream& stream, int rounds, const std::string& prefix,
                     std::mt19937_64& random) {
    for (int round = 0; round < rounds; ++round) {
        std::vector<std::string> datas;
        std::vector<Arrival> batch;
        for (std::uint64_t n = 0, most = 1 + random() % 4; n < most; ++n)
            datas.push_back(prefix + std::to_string(round) + "-" + std::to_string(n) + "-" +
                            std::string(random() % (round % 7 == 0 ? 3000 : 200), 'x'));
        for (const std::string& data : datas)
            batch.push_back({.shard = static_cast<int>(random() % crash_shards),
                             .partition_key = "k",
                             .data = data});
        for (const Arrival& each : batch)
            RecordedChanges::note(note_of("a", each.shard, std::string(each.data)));
        ASSERT_TRUE(stream.append_each(batch));
        for (const Arrival& each : batch)
            RecordedChanges::note(note_of("k", each.shard, std::string(each.data)));
        if (round % 9 == 8) {
            const int shard = round % crash_shards;
            const std::uint64_t first = stream.tip(shard)->end / 2;
            RecordedChanges::note(note_of("t", shard, std::to_string(first)));
            ASSERT_TRUE(stream.trim(shard, first));
        }
    }
}

/// What was acknowledged is there, in order and once; nothing is that was never put.
void expect_whole(GrowingStream& stream, const Told& told, const std::string& state) {
    for (int shard = 0; shard < crash_shards; ++shard) {
        const auto s = static_cast<std::size_t>(shard);
        const auto records = stream.read(shard, 0, 1'000'000);
        ASSERT_TRUE(records) << state << ": " << records.error().message;
        std::set<std::string> found;
        std::uint64_t before = 0;
        for (const Record& record : *records) {
            EXPECT_GT(record.sequence_number, before) << state;
            before = record.sequence_number;
            EXPECT_TRUE(found.insert(record.data).second) << state << ": there twice";
            EXPECT_TRUE(told.attempted[s].contains(record.data)) << state << ": never put";
        }
        std::size_t lost = 0;
        for (const std::string& data : told.acknowledged[s]) lost += found.contains(data) ? 0 : 1;
        // Numbers begin at 1 and have no gaps: a trim takes away at most what lies before it.
        const std::uint64_t gone = told.trimmed[s] == 0 ? 0 : told.trimmed[s] - 1;
        EXPECT_LE(lost, gone) << state << ": shard " << shard;
    }
}

TEST(SegmentsCrashed, WhateverTheDiskKeptWhatWasAcknowledgedIsThereOnceAndInOrder) {
    const CrashFolder folder;
    const fs::path live = folder.path / "live";
    fs::create_directory(live);
    std::mt19937_64 random(7);
    std::vector<FileChange> changes;
    {
        RecordedChanges recorded(live);
        const auto stream = open_segments(live, crash_options, system_clock()).value();
        append_and_trim(*stream, 60, "", random);
        changes = recorded.take();
    }
    ASSERT_GT(changes.size(), 200u);
    for (std::size_t n = 0; n < crash_states_wanted(); ++n) {
        const std::size_t count = random() % (changes.size() + 1);
        const std::string state = "state " + std::to_string(n);
        const fs::path built = folder.path / "built";
        fs::remove_all(built);
        build_crash_state(changes, count, n, live, built);
        const Told told(changes, count);
        auto stream = open_segments(built, crash_options, system_clock());
        ASSERT_TRUE(stream) << state << ": " << stream.error().message;
        expect_whole(**stream, told, state);
        // It goes on, and what is put now outlives the next start.
        std::vector<Arrival> next = {{.shard = 0, .partition_key = "k", .data = "next"}};
        ASSERT_TRUE((*stream)->append_each(next)) << state;
        stream->reset();
        stream = open_segments(built, crash_options, system_clock());
        ASSERT_TRUE(stream) << state << ": " << stream.error().message;
        const auto last = (*stream)->read(0, next[0].sequence_number, 2);
        ASSERT_TRUE(last && last->size() == 1) << state;
        EXPECT_EQ(last->at(0).data, "next") << state;
        if (testing::Test::HasFailure()) break;
    }
}

TEST(SegmentsCrashed, ThePowerMayFailAgainWhileTheStreamIsOpenedAndGoesOn) {
    const CrashFolder folder;
    const fs::path live = folder.path / "live";
    fs::create_directory(live);
    std::mt19937_64 random(8);
    std::vector<FileChange> changes;
    {
        RecordedChanges recorded(live);
        const auto stream = open_segments(live, crash_options, system_clock()).value();
        append_and_trim(*stream, 40, "", random);
        changes = recorded.take();
    }
    for (std::size_t n = 0; n < crash_states_wanted() / 4; ++n) {
        const std::string state = "state " + std::to_string(n);
        const std::size_t count = random() % (changes.size() + 1);
        const fs::path once = folder.path / "once", twice = folder.path / "twice";
        fs::remove_all(once);
        fs::remove_all(twice);
        build_crash_state(changes, count, n, live, once);
        Told told(changes, count);
        std::vector<FileChange> again;
        std::size_t before = 0;
        {
            RecordedChanges recorded(once);
            before = recorded.before();
            const auto stream = open_segments(once, crash_options, system_clock());
            ASSERT_TRUE(stream) << state << ": " << stream.error().message;
            append_and_trim(**stream, 3, "again", random);
            again = recorded.take();
        }
        const std::size_t second = before + random() % (again.size() - before + 1);
        build_crash_state(again, second, n, once, twice);
        const Told later(again, second);
        for (std::size_t s = 0; s < crash_shards; ++s) {
            told.attempted[s].insert(later.attempted[s].begin(), later.attempted[s].end());
            told.acknowledged[s].insert(later.acknowledged[s].begin(), later.acknowledged[s].end());
        }
        const auto stream = open_segments(twice, crash_options, system_clock());
        ASSERT_TRUE(stream) << state << ": " << stream.error().message;
        expect_whole(**stream, told, state);
        if (testing::Test::HasFailure()) break;
    }
}

TEST(SegmentsCrashed, AStreamThatNeverSyncedWouldBeFoundOut) {
    const CrashFolder folder;
    const fs::path live = folder.path / "live";
    fs::create_directory(live);
    std::mt19937_64 random(9);
    std::vector<FileChange> changes;
    {
        RecordedChanges recorded(live);
        const auto stream = open_segments(live, crash_options, system_clock()).value();
        append_and_trim(*stream, 8, "", random);
        changes = recorded.take();
    }
    std::erase_if(changes, [](const FileChange& each) {
        return each.kind == FileChange::Kind::sync || each.kind == FileChange::Kind::sync_folder;
    });
    const Told told(changes, changes.size());
    int short_ones = 0;
    for (std::uint64_t n = 0; n < 20; ++n) {
        const fs::path built = folder.path / "built";
        fs::remove_all(built);
        build_crash_state(changes, changes.size(), n, live, built);
        const auto stream = open_segments(built, crash_options, system_clock());
        const auto records = stream ? (*stream)->read(0, 0, 1000) : fail(stream.error());
        short_ones += !records || records->size() < told.acknowledged[0].size() ? 1 : 0;
    }
    EXPECT_GT(short_ones, 5);
}

}  // namespace
}  // namespace stroma::queue
