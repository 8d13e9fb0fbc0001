#pragma once

#include <memory>
#include <stop_token>
#include <string_view>
#include <vector>

#include "pipeline/job_store.h"
#include "pipeline/stage.h"

namespace stroma::pipeline {

struct WorkerOptions {
    int threads = 1;             ///< jobs run at the same time
    int attempts_max = 5;        ///< then the job fails and its message is buried
    Milliseconds lease{30'000};  ///< extended by a heartbeat while a stage runs
};

/// How the queue that hands out jobs must be opened: the worker counts attempts itself.
queue::QueueOptions job_queue_options(const WorkerOptions& options = {});

/// Leases job messages, runs their stages, and settles both. The only place that retries: on
/// conflict and unavailable, with jittered backoff. A job whose worker died comes back when its
/// lease ends; of a record that says "running" under no lease, recover() makes "queued" at start.
class Worker {
public:
    /// The stages must have distinct names and outlive the worker.
    Worker(JobStore& jobs, queue::Queue& queue, std::vector<Stage*> stages, const Clock& clock,
           WorkerOptions options);
    ~Worker();  ///< stops and joins

    /// Gives back at once what a dead process of this data directory held. Call before start(),
    /// by the one process that owns the directory.
    Result<void> recover();
    /// Starts the threads; nothing when they run already.
    void start();
    /// Ends after the running stages were asked to stop; they are queued again, not failed.
    void stop();
    /// Runs jobs in the caller's thread until the named one is final; for the command line.
    Result<Job> run_until_final(std::string_view job_id, std::stop_token stop = {});

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace stroma::pipeline
