#include "event/schedule.h"

#include <gtest/gtest.h>

#include "base/context.h"

namespace stroma::event {
namespace {

constexpr std::int64_t start = 1'700'000'000'000;  // 2023-11-14T22:13:20Z, a Tuesday

std::string next(std::string_view text, int times = 1) {
    const Schedule schedule = Schedule::read(text).value();
    std::int64_t at = start;
    for (int n = 0; n < times; ++n) at = schedule.next_after(at, start).value();
    return iso_time(at).substr(0, 19);
}

TEST(Schedule, RatesCountFromTheirStart) {
    EXPECT_EQ(next("rate(1 minute)"), "2023-11-14T22:14:20");
    EXPECT_EQ(next("rate(5 minutes)", 3), "2023-11-14T22:28:20");
    EXPECT_EQ(next("rate(2 days)"), "2023-11-16T22:13:20");
    EXPECT_EQ(Schedule::read("rate(1 hour)")->next_after(start + 1, start), start + 3'600'000);
}

TEST(Schedule, CronFieldsMeanWhatTheyMeanInTheCloud) {
    EXPECT_EQ(next("cron(0 12 * * ? *)"), "2023-11-15T12:00:00");
    EXPECT_EQ(next("cron(0/15 * * * ? *)", 2), "2023-11-14T22:30:00");
    EXPECT_EQ(next("cron(15 10 ? * MON-FRI *)", 4), "2023-11-20T10:15:00");
    EXPECT_EQ(next("cron(0 0 L * ? *)", 4), "2024-02-29T00:00:00");
    EXPECT_EQ(next("cron(0 8 1W * ? *)", 2), "2024-01-01T08:00:00");
    EXPECT_EQ(next("cron(0 8 15W 6 ? *)"), "2024-06-14T08:00:00");
    EXPECT_EQ(next("cron(0 9 ? * 2#1 *)"), "2023-12-04T09:00:00");
    EXPECT_EQ(next("cron(0 9 ? * 6L *)"), "2023-11-24T09:00:00");
    EXPECT_EQ(next("cron(0 0 LW * ? *)", 2), "2023-12-29T00:00:00");
    EXPECT_EQ(next("cron(0 10 ? JAN,JUL SUN 2025/2)"), "2025-01-05T10:00:00");
    EXPECT_FALSE(Schedule::read("cron(0 0 1 1 ? 2020)")->next_after(start, start));
    EXPECT_FALSE(Schedule::read("cron(0 0 30 2 ? *)")->next_after(start, start));
}

TEST(Schedule, WhatIsNoScheduleIsRefused) {
    for (const char* text :
         {"", "rate(0 minutes)", "rate(2 minute)", "rate(1 minutes)", "rate(1 second)", "rate(1)",
          "cron(0 12 * * * *)", "cron(0 12 ? * ? *)", "cron(60 12 * * ? *)", "cron(0 12 * * ?)",
          "cron(0 12 * 13 ? *)", "cron(a 12 * * ? *)", "cron(0 12 ? * 8#1 *)", "hourly"})
        EXPECT_FALSE(Schedule::read(text)) << text;
}

}  // namespace
}  // namespace stroma::event
