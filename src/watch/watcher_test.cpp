#include "watch/watcher.h"

#include <gtest/gtest.h>

namespace stroma::watch {
namespace {

class Watching : public ::testing::Test {
protected:
    Watching() { stand.name = "orders"; }
    Flow look(int seconds) {
        clock.advance(Milliseconds{seconds * 1000});
        EXPECT_TRUE(watcher.look());
        const auto flows = watcher.flows().value();
        return flows->empty() ? Flow{} : flows->front();
    }

    ManualClock clock;
    Stand stand{.kind = FlowKind::queue, .note = ""};
    bool is_there = true, can_tell = true;
    std::vector<std::string> told;
    Watcher watcher{
        {.thresholds = {{FlowKind::queue, {.age_ms = 5000, .waiting = 100, .errors = 3}}}},
        {[this](std::vector<Stand>& stands) -> Result<void> {
            if (is_there) stands.push_back(stand);
            return {};
        }},
        [this](const Crossing& crossing) -> Result<void> {
            if (!can_tell) return fail(ErrorCode::unavailable, "not now");
            told.push_back(std::string(name_of(crossing.measure)) +
                           (crossing.is_over ? " over " : " back ") +
                           std::to_string(crossing.value));
            return {};
        },
        clock};
};

TEST_F(Watching, RatesAreThoseOfTheLastTenSecondsAndErrorsOfTheLastMinute) {
    look(0);
    stand.in = 1000;
    stand.errors = 2;
    Flow flow = look(5);
    EXPECT_DOUBLE_EQ(flow.in_rate, 200);
    EXPECT_DOUBLE_EQ(flow.out_rate, 0);
    EXPECT_EQ(flow.errors_lately, 2u);
    stand.out = 50;
    EXPECT_DOUBLE_EQ(look(5).out_rate, 5);
    flow = look(5);
    EXPECT_DOUBLE_EQ(flow.in_rate, 0);
    for (int n = 0; n < 12; ++n) flow = look(5);
    EXPECT_EQ(flow.errors_lately, 0u);
}

TEST_F(Watching, AThresholdIsToldOfOnceWhenItIsPassedAndOnceWhenAllIsWell) {
    stand.age_ms = 4999;
    stand.waiting = 99;
    EXPECT_FALSE(look(1).is_alarmed);
    stand.age_ms = 5000;
    EXPECT_TRUE(look(1).is_alarmed);
    stand.waiting = 150;
    look(1);
    look(1);
    EXPECT_EQ(told, (std::vector<std::string>{"age over 5000", "waiting over 150"}));
    stand.age_ms = 0;
    look(1);
    EXPECT_EQ(told.back(), "age back 0");
    is_there = false;  // removed: nothing waits any more
    look(1);
    EXPECT_EQ(told.back(), "waiting back 0");
    look(1);
    EXPECT_EQ(told.size(), 4u);
}

TEST_F(Watching, WhatCouldNotBeToldIsToldLater) {
    look(1);
    stand.errors = 3;
    can_tell = false;
    look(1);
    EXPECT_TRUE(told.empty());
    can_tell = true;
    look(1);
    EXPECT_EQ(told, std::vector<std::string>{"errors over 3"});
}

TEST_F(Watching, AHotKeyIsAnAlarmWithoutASetting) {
    stand.has_hot_key = true;
    EXPECT_TRUE(look(1).is_alarmed);
    EXPECT_EQ(told, std::vector<std::string>{"hot_key over 1"});
}

TEST(WatchingKept, WhatWasToldOfBeforeARestartIsNotToldAgain) {
    std::string pattern = (fs::temp_directory_path() / "stroma-watch-XXXXXX").string();
    const fs::path folder = ::mkdtemp(pattern.data());
    ManualClock clock;
    Stand stand{.kind = FlowKind::queue, .name = "orders", .note = ""};
    std::vector<bool> told;
    const auto open = [&] {
        return std::make_unique<Watcher>(
            WatcherOptions{.thresholds = {{FlowKind::queue, {.waiting = 100}}},
                           .file = folder / "watched.json"},
            std::vector<Source>{[&](std::vector<Stand>& stands) -> Result<void> {
                stands.push_back(stand);
                return {};
            }},
            [&](const Crossing& crossing) -> Result<void> {
                told.push_back(crossing.is_over);
                return {};
            },
            clock);
    };
    const auto look = [&](Watcher& watcher, int seconds) {
        clock.advance(Milliseconds{seconds * 1000});
        ASSERT_TRUE(watcher.look());
    };
    stand.waiting = 100;
    look(*open(), 1);
    EXPECT_EQ(told, std::vector{true});
    auto watcher = open();
    look(*watcher, 1);
    EXPECT_EQ(told, std::vector{true});
    stand.waiting = 0;  // seen over since the start: that all is well is told at once
    look(*watcher, 1);
    EXPECT_EQ(told, (std::vector{true, false}));
    stand.waiting = 100;
    look(*watcher, 1);
    EXPECT_EQ(told, (std::vector{true, false, true}));
    stand.waiting = 0;
    watcher = open();
    look(*watcher, 30);  // not seen since: it may not be known yet
    EXPECT_EQ(told.size(), 3u);
    look(*watcher, 31);
    EXPECT_EQ(told, (std::vector{true, false, true, false}));
    look(*open(), 90);
    EXPECT_EQ(told.size(), 4u);
    fs::remove_all(folder);
}

}  // namespace
}  // namespace stroma::watch
