#pragma once

#include <functional>
#include <stop_token>

#include "app/terminal/progress_line.h"
#include "pipeline/job.h"

namespace stroma::app {

/// A job as a verb reaches it: in its own data directory or over HTTP.
struct WatchedJob {
    /// The record once its version passes the given one, or after the wait.
    std::function<Result<pipeline::Job>(std::int64_t version, Milliseconds wait)> wait_for_change;
    std::function<Result<pipeline::Job>()> cancel;
};

/// Shows a job's progress until it is final. When `stop` is asked the job is asked to cancel, and
/// that is said. Gives the job when it succeeded, else its error with its own code.
Result<pipeline::Job> follow_job(const WatchedJob& watched, ProgressLine& line,
                                 std::stop_token stop);

}  // namespace stroma::app
