#include "app/terminal/job_watch.h"

namespace stroma::app {
namespace {

/// How soon an interrupt is noticed while the job says nothing.
constexpr Milliseconds wait_max{200};

Result<pipeline::Job> outcome(const pipeline::Job& job) {
    if (job.state == pipeline::JobState::succeeded) return job;
    if (job.state == pipeline::JobState::cancelled)
        return fail(ErrorCode::cancelled, job.title + " was cancelled; nothing of it is kept");
    return fail(error_code_named(job.error_code), job.error);
}

}  // namespace

Result<pipeline::Job> follow_job(const WatchedJob& watched, ProgressLine& line,
                                 std::stop_token stop) {
    bool cancel_asked = false;
    std::int64_t version = -1;
    for (;;) {
        const pipeline::Job job = TRY(watched.wait_for_change(version, wait_max));
        version = job.version;
        if (pipeline::is_final(job.state)) return outcome(job);
        line.update(job.progress);
        if (stop.stop_requested() && !cancel_asked) {
            cancel_asked = true;
            line.say("cancelling job " + job.id + " …  (Ctrl-C again leaves at once)");
            TRY(watched.cancel());
        }
    }
}

}  // namespace stroma::app
