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
    const std::int64_t now = records_.clock.steady_ms();
    if (written_ms_ != 0 && now - written_ms_ < progress_interval_ms) {
        held_back_ = std::move(kept);
        return;
    }
    written_ms_ = now;
    write(kept);
}

void RunningJob::flush() {
    const std::lock_guard lock(mutex_);
    if (held_back_) write(*held_back_);
}

void RunningJob::write(const Progress& progress) {
    const Progress copy = progress;
    held_back_.reset();
    if (auto done = records_.set_progress(job_, copy); !done)
        log_lost("a job's progress could not be recorded", job_, done.error());
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
