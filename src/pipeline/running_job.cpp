#include "pipeline/running_job.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace stroma::pipeline {
namespace {

constexpr std::int64_t progress_interval_ms = 100;

void log_lost(std::string_view what, const Job& job, const Error& error) {
    log(LogLevel::warning, what, {{"job", job.id}, {"error", error.message}});
}

}  // namespace

RunningJob::RunningJob(JobStore::State& records, Job job, std::string receipt, std::stop_token stop)
    : records_(records),
      job_(std::move(job)),
      receipt_(std::move(receipt)),
      stop_(std::move(stop)) {}

void RunningJob::progress(const Progress& progress) {
    const std::lock_guard lock(mutex_);
    Progress kept = progress;
    if (kept.total > 0) {
        fraction_ = std::clamp(kept.done / kept.total, fraction_, 1.0);
        kept.done = fraction_ * kept.total;
    }
    unrecorded_ = std::move(kept);
}

void RunningJob::record_progress(std::int64_t now_ms) {
    if (recorded_ms_ && now_ms - *recorded_ms_ < progress_interval_ms) return;
    const auto progress = take_progress();
    if (!progress) return;
    recorded_ms_ = now_ms;
    if (auto done = records_.set_progress(job_, *progress); !done)
        log_lost("a job's progress could not be recorded", job_, done.error());
}

std::optional<Progress> RunningJob::take_progress() {
    const std::lock_guard lock(mutex_);
    return std::exchange(unrecorded_, std::nullopt);
}

void RunningJob::note(std::string_view level, std::string_view text) {
    if (auto done = records_.add_log_line(job_.id, level, text); !done)
        log_lost("a line of a job's log could not be recorded", job_, done.error());
}

void RunningJobs::add(RunningJob& job, std::int64_t leased_ms) {
    const std::lock_guard lock(mutex_);
    extended_ms_[&job] = leased_ms;
}

void RunningJobs::remove(RunningJob& job) {
    const std::lock_guard lock(mutex_);
    extended_ms_.erase(&job);
}

void RunningJobs::beat(JobStore::State& records, queue::Queue& queue, Milliseconds lease) {
    const std::lock_guard lock(mutex_);
    for (auto& [job, extended_ms] : extended_ms_) {
        if (const auto asked = records.cancel_asked(job->job().id); asked && *asked) job->cancel();
        const std::int64_t now = records.clock.steady_ms();
        job->record_progress(now);
        if (now - extended_ms < lease.count() / 3) continue;
        const auto extended = queue.extend(job->receipt(), lease);
        if (extended)
            extended_ms = now;
        else if (extended.error().code == ErrorCode::not_found)
            job->lose_lease();
        else
            log_lost("a job's lease could not be extended", job->job(), extended.error());
    }
}

}  // namespace stroma::pipeline
