#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <sstream>

#include "base/crash_states.h"
#include "delivery/delivery_test_site.h"

namespace stroma::delivery {
namespace {

/// STROMA_CRASH_STATES: how many states of the disk are looked at.
std::size_t crash_states_wanted(std::size_t usual) {
    const char* text = std::getenv("STROMA_CRASH_STATES");
    return text == nullptr ? usual : std::strtoull(text, nullptr, 10);
}

/// "k 7" says that record 7 was acknowledged, "o key bytes" that an object was put.
struct Seen {
    std::set<int> attempted, acknowledged;
    std::map<std::string, std::string> objects;
    Seen(const std::vector<FileChange>& changes, std::size_t count) {
        for (std::size_t c = 0; c < std::min(count, changes.size()); ++c) {
            if (changes[c].kind != FileChange::Kind::note) continue;
            const std::string& text = changes[c].bytes;
            if (text[0] == 'a') attempted.insert(std::stoi(text.substr(2)));
            if (text[0] == 'k') acknowledged.insert(std::stoi(text.substr(2)));
            if (text[0] == 'o') {
                const std::size_t end = text.find('\n');
                objects[text.substr(2, end - 2)] = text.substr(end + 1);
            }
        }
    }
};

/// How often each record lies in objects.
std::map<int, int> times_in(const std::map<std::string, std::string>& objects) {
    std::map<int, int> times;
    for (const auto& [key, bytes] : objects) {
        std::istringstream lines(bytes);
        for (std::string line; std::getline(lines, line);)
            ++times[std::stoi(line.substr(line.find("\"n\":") + 4))];
    }
    return times;
}

/// Puts records while they are delivered, and notes what is promised and seen.
std::vector<FileChange> recorded_run(const fs::path& live, const std::string& config) {
    fs::create_directory(live);
    RecordedChanges recorded(live);
    MemorySink sink;
    sink.on_new = [](const MadeObject& object) {
        RecordedChanges::note("o " + object.key + "\n" + object.bytes);
    };
    DeliverySite site(live);
    Deliveries& deliveries = site.open(sink);
    EXPECT_TRUE(deliveries.create(DeliverySite::wanted(config)));
    RecordedChanges::note("made");
    deliveries.start();
    int number = 0;
    for (int batch = 0; batch < 12; ++batch) {
        std::vector<std::string> records;
        const int first = number;
        for (int n = 0; n < 5; ++n, ++number)
            records.push_back(R"({"p":)" + std::to_string(number % 3) +
                              ",\"n\":" + std::to_string(number) + "}");
        for (int n = first; n < number; ++n) RecordedChanges::note("a " + std::to_string(n));
        EXPECT_TRUE(deliveries.put("d", records));
        for (int n = first; n < number; ++n) RecordedChanges::note("k " + std::to_string(n));
        if (batch % 3 == 2)
            sink.wait_until([&] { return times_in(sink.objects).contains(number - 1); });
    }
    sink.wait_until([&] { return times_in(sink.objects).size() == 60; });
    deliveries.stop();
    return recorded.take();
}

/// From each state that the disk may hold the deliveries go on; nothing is lost, nothing twice.
void expect_each_record_once(const std::string& config, std::size_t states) {
    std::string pattern = (fs::temp_directory_path() / "stroma-crash-XXXXXX").string();
    const fs::path folder = ::mkdtemp(pattern.data());
    const auto changes = recorded_run(folder / "live", config);
    std::size_t made = 0;
    while (changes[made].bytes != "made") ++made;
    std::mt19937_64 random(11);
    for (std::size_t n = 0; n < states; ++n) {
        SCOPED_TRACE("state " + std::to_string(n));
        const std::size_t count = made + random() % (changes.size() - made + 1);
        const fs::path built = folder / "built";
        fs::remove_all(built);
        build_crash_state(changes, count, n, folder / "live", built);
        const Seen seen(changes, count);
        MemorySink sink;
        sink.objects = seen.objects;
        DeliverySite site(built);
        Deliveries& deliveries = site.open(sink);
        deliveries.start();
        ASSERT_TRUE(deliveries.put("d", std::vector<std::string>{R"({"p":9,"n":99})"}));
        // Records are delivered in order, so that the last one comes behind all others.
        sink.wait_until([&] {
            const auto times = times_in(sink.objects);
            return times.contains(99) && std::ranges::all_of(seen.acknowledged, [&](int each) {
                       return times.contains(each);
                   });
        });
        deliveries.stop();
        EXPECT_EQ(sink.differing, 0);
        for (const auto& [number, times] : times_in(sink.objects)) {
            EXPECT_EQ(times, 1) << number;
            EXPECT_TRUE(number == 99 || seen.attempted.contains(number)) << number;
        }
        if (testing::Test::HasFailure()) break;
    }
    fs::remove_all(folder);
}

TEST(DeliveriesCrashed, WhateverTheDiskKeptEachRecordLiesInOneObject) {
    expect_each_record_once(
        R"({"BucketARN":"arn:aws:s3:::b","BufferingHints":{"SizeInMBs":1,"IntervalInSeconds":0},
            "ProcessingConfiguration":{"Enabled":true,"Processors":[
            {"Type":"AppendDelimiterToRecord"}]}})",
        crash_states_wanted(60));
}

TEST(DeliveriesCrashed, WhateverTheDiskKeptEachRecordLiesInOneObjectOfItsPartition) {
    expect_each_record_once(
        R"({"BucketARN":"arn:aws:s3:::b","Prefix":"p=!{partitionKeyFromQuery:p}/",
            "ErrorOutputPrefix":"e/","BufferingHints":{"SizeInMBs":1,"IntervalInSeconds":0},
            "DynamicPartitioningConfiguration":{"Enabled":true},
            "ProcessingConfiguration":{"Enabled":true,"Processors":[{"Type":"MetadataExtraction",
            "Parameters":[{"ParameterName":"MetadataExtractionQuery","ParameterValue":"{p:.p}"}]},
            {"Type":"AppendDelimiterToRecord"}]}})",
        crash_states_wanted(12));
}

}  // namespace
}  // namespace stroma::delivery
