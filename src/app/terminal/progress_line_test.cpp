#include "app/terminal/progress_line.h"

#include <gtest/gtest.h>

#include "app/terminal/job_watch.h"

namespace stroma::app {
namespace {

class RecordingTerminal final : public Terminal {
public:
    explicit RecordingTerminal(const Screen& errors) : Terminal(Screen{}, errors) {}
    void print(std::string_view) override {}
    void print_error(std::string_view text) override { complained += text; }
    std::string complained;
};

TEST(ProgressLine, PrintsPlainLinesWhereThereIsNoTerminal) {
    RecordingTerminal terminal(Screen{});
    ManualClock clock;
    ProgressLine line(terminal, clock, "import x.h5ad");
    line.update({"reading", 0, 100, "cells"});
    clock.advance(Milliseconds{5000});
    line.update({"reading", 25, 100, "cells"});
    EXPECT_EQ(terminal.complained, "import x.h5ad: reading    0 %\n");
    clock.advance(Milliseconds{5000});
    line.update({"reading", 50, 100, "cells"});
    EXPECT_EQ(terminal.complained,
              "import x.h5ad: reading    0 %\n"
              "import x.h5ad: reading   50 %  5 cells/s  10 s left\n");
    line.update({"packing", 0, 0, "cells"});
    EXPECT_TRUE(terminal.complained.ends_with("import x.h5ad: packing\n"));
}

TEST(ProgressLine, DrawsOverItselfOnATerminalAndGoesAway) {
    RecordingTerminal terminal(Screen{.is_terminal = true, .columns = 80});
    ManualClock clock;
    {
        ProgressLine line(terminal, clock, "import x.h5ad");
        line.update({"reading", 50, 100, "bytes"});
        EXPECT_TRUE(terminal.complained.starts_with("\r\033[Kimport x.h5ad: reading  ####"))
            << terminal.complained;
        EXPECT_NE(terminal.complained.find("50 %"), std::string::npos);
        EXPECT_EQ(terminal.complained.find('\n'), std::string::npos);
        const auto drawn = terminal.complained.size();
        clock.advance(Milliseconds{50});
        line.update({"reading", 51, 100, "bytes"});
        EXPECT_EQ(terminal.complained.size(), drawn);
    }
    EXPECT_TRUE(terminal.complained.ends_with("\r\033[K"));
}

TEST(ProgressLine, IsSilentWhenQuiet) {
    RecordingTerminal terminal(Screen{.is_terminal = true, .columns = 80});
    terminal.set_quiet(true);
    ManualClock clock;
    ProgressLine line(terminal, clock, "x");
    line.update({"reading", 50, 100, "bytes"});
    EXPECT_EQ(terminal.complained, "");
}

TEST(ProgressLine, NeverShowsMoreThanAllOfIt) {
    RecordingTerminal terminal(Screen{});
    ManualClock clock;
    ProgressLine line(terminal, clock, "x");
    line.update({"s", 120, 100, "cells"});
    EXPECT_EQ(terminal.complained, "x: s  100 %\n");
}

TEST(ShortNumbers, HaveThreeFiguresAtMost) {
    EXPECT_EQ(short_count(7), "7");
    EXPECT_EQ(short_count(999), "999");
    EXPECT_EQ(short_count(12'345), "12.3 k");
    EXPECT_EQ(short_count(999'999), "1.0 M");
    EXPECT_EQ(short_bytes(1536), "1.5 KiB");
    EXPECT_EQ(short_bytes(300.0 * (1 << 20)), "300 MiB");
    EXPECT_EQ(short_duration(0.25), "250 ms");
    EXPECT_EQ(short_duration(59.4), "59 s");
    EXPECT_EQ(short_duration(187), "3:07 min");
    EXPECT_EQ(short_duration(7500), "2:05 h");
}

pipeline::Job job_in(pipeline::JobState state, std::int64_t version) {
    pipeline::Job job;
    job.id = "j";
    job.title = "import x.h5ad";
    job.state = state;
    job.version = version;
    return job;
}

TEST(FollowJob, GivesTheJobWhenItSucceeds) {
    RecordingTerminal terminal(Screen{});
    ManualClock clock;
    ProgressLine line(terminal, clock, "x");
    const WatchedJob watched{
        [](std::int64_t version, Milliseconds) -> Result<pipeline::Job> {
            return job_in(version < 2 ? pipeline::JobState::running : pipeline::JobState::succeeded,
                          version + 1);
        },
        nullptr};
    const auto job = follow_job(watched, line, {});
    ASSERT_TRUE(job);
    EXPECT_EQ(job->version, 3);
}

TEST(FollowJob, GivesTheJobsOwnErrorWhenItFails) {
    RecordingTerminal terminal(Screen{});
    ManualClock clock;
    ProgressLine line(terminal, clock, "x");
    const WatchedJob watched{[](std::int64_t, Milliseconds) -> Result<pipeline::Job> {
                                 auto job = job_in(pipeline::JobState::failed, 1);
                                 job.error_code = "exhausted";
                                 job.error = "x.h5ad: past import.unpacked_max";
                                 return job;
                             },
                             nullptr};
    const auto job = follow_job(watched, line, {});
    ASSERT_FALSE(job);
    EXPECT_EQ(job.error().code, ErrorCode::exhausted);
    EXPECT_EQ(job.error().message, "x.h5ad: past import.unpacked_max");
}

TEST(FollowJob, AsksOnceToCancelWhenInterruptedAndSaysSo) {
    RecordingTerminal terminal(Screen{});
    ManualClock clock;
    ProgressLine line(terminal, clock, "x");
    std::stop_source stop;
    stop.request_stop();
    int cancels = 0, waits = 0;
    const WatchedJob watched{
        [&](std::int64_t, Milliseconds) -> Result<pipeline::Job> {
            ++waits;
            return job_in(waits > 3 ? pipeline::JobState::cancelled : pipeline::JobState::running,
                          waits);
        },
        [&]() -> Result<pipeline::Job> {
            ++cancels;
            return job_in(pipeline::JobState::running, waits);
        }};
    const auto job = follow_job(watched, line, stop.get_token());
    ASSERT_FALSE(job);
    EXPECT_EQ(job.error().code, ErrorCode::cancelled);
    EXPECT_EQ(cancels, 1);
    EXPECT_NE(terminal.complained.find("cancelling job j"), std::string::npos);
}

}  // namespace
}  // namespace stroma::app
