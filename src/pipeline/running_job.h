#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "pipeline/job_records.h"
#include "pipeline/stage.h"
#include "queue/queue.h"

// Private to this folder: the jobs that a worker's threads are running now.

namespace stroma::pipeline {

/// One attempt under way, as its stage sees it. Any thread.
class RunningJob final : public StageContext {
public:
    RunningJob(JobStore::State& records, Job job, std::string receipt, std::stop_token stop);

    const Job& job() const override { return job_; }
    void progress(const Progress& progress) override;
    void note(std::string_view level, std::string_view text) override;
    bool cancelled() const override { return cancelled_ || lease_lost_ || stop_.stop_requested(); }

    /// Records the last progress told, at most ten times a second. Only by the heartbeat, so that
    /// no thread of the stage waits for a disk.
    void record_progress(std::int64_t now_ms);
    /// What was told and isn't recorded yet.
    std::optional<Progress> take_progress();
    void cancel() { cancelled_ = true; }
    void lose_lease() { lease_lost_ = true; }
    bool lease_lost() const { return lease_lost_; }
    bool stopping() const { return stop_.stop_requested(); }
    const std::string& receipt() const { return receipt_; }

private:
    JobStore::State& records_;
    const Job job_;
    const std::string receipt_;
    const std::stop_token stop_;
    std::atomic<bool> cancelled_{false};
    std::atomic<bool> lease_lost_{false};
    std::optional<std::int64_t> recorded_ms_;  // the heartbeat's alone
    std::mutex mutex_;
    double fraction_ = 0;
    std::optional<Progress> unrecorded_;
};

/// Keeps the leases of the attempts under way, records their progress and brings them the wish to
/// cancel. Any thread.
class RunningJobs {
public:
    /// The job's lease was last extended, or began, at `leased_ms` or later.
    void add(RunningJob& job, std::int64_t leased_ms);
    /// Returns when no beat uses the job any more.
    void remove(RunningJob& job);
    void beat(JobStore::State& records, queue::Queue& queue, Milliseconds lease);

private:
    std::mutex mutex_;
    std::map<RunningJob*, std::int64_t> extended_ms_;  // when each lease was last extended
};

}  // namespace stroma::pipeline
