#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "app/terminal/terminal.h"
#include "base/context.h"
#include "pipeline/job.h"

namespace stroma::app {

/// Shows how far a job is. On a terminal one line that is drawn anew at most ten times a second:
/// step, bar, share, rate, time left. Elsewhere a plain line at each new step and every ten
/// seconds. Nothing when quiet. Any thread.
class ProgressLine {
public:
    ProgressLine(Terminal& terminal, const Clock& clock, std::string title);
    ~ProgressLine();  ///< takes the drawn line away
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    void update(const pipeline::Progress& progress);
    /// Takes the drawn line away and says a sentence in its place.
    void say(std::string_view sentence);
    /// Takes the drawn line away, before results are printed.
    void clear();

private:
    void draw(const pipeline::Progress& progress);
    void print_plain(const pipeline::Progress& progress);
    void take_away();
    void measure_rate(const pipeline::Progress& progress, std::int64_t now_ms);

    Terminal& terminal_;
    const Clock& clock_;
    const std::string title_;
    std::mutex mutex_;
    std::string step_;
    std::int64_t shown_ms_ = -1, measured_ms_ = -1;
    double measured_done_ = 0, rate_ = -1;  ///< units a second; -1 unknown
    bool drawn_ = false;
};

/// "12.3 M" for counts, "11.7 MiB" for bytes: three figures at most.
std::string short_count(double count);
std::string short_bytes(double bytes);
/// "850 ms", "12 s", "3:07 min", "2:05 h".
std::string short_duration(double seconds);

}  // namespace stroma::app
