#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "pipeline/job.h"
#include "queue/queue.h"
#include "sql/database.h"

namespace stroma::pipeline {

/// The records of all jobs, in the control database, next to the queue that hands them out.
/// Any thread, any number of processes.
class JobStore {
public:
    /// Makes its tables when they are not there. The references must outlive the store.
    static Result<std::unique_ptr<JobStore>> open(sql::Database& database, queue::Queue& queue,
                                                  const Clock& clock, IdSource& ids,
                                                  JobLimits limits = {});
    ~JobStore();
    /// Jobs of that stage are handed out by that queue, so that they don't wait behind others.
    /// Before the first submit.
    void route(std::string_view stage, queue::Queue& queue);

    /// Records the job and queues it in one transaction.
    /// errors  exhausted  as many are queued as JobLimits allow
    Result<Job> submit(const NewJob& job);
    Result<std::optional<Job>> find(std::string_view id);
    /// The id that begins so, as people type it. errors  not_found; conflict  several do
    Result<std::string> id_beginning(std::string_view beginning);
    Result<std::vector<Job>> list(const JobFilter& filter);
    /// Jobs that have ended, in the order of their ends, behind that one: at most so many.
    Result<std::vector<Job>> ended_after(std::int64_t ended_ms, std::string_view id, int most);
    Result<std::vector<JobLogLine>> log_lines(std::string_view id, std::int64_t after_ms = 0);
    /// A queued job is cancelled at once, a running one is asked to stop. not_found if unknown.
    Result<Job> cancel(std::string_view id);
    /// A failed or cancelled job is queued again as a new attempt. conflict when it is neither.
    Result<Job> retry(std::string_view id);
    /// Waits until the record's version passes `version` or `wait` is over; gives the record.
    /// Wakes at once for changes made in this process, within 200 ms for others'.
    Result<Job> wait_for_change(std::string_view id, std::int64_t version, Milliseconds wait);
    /// Waits until this process has made more than `seen` changes of jobs, or `wait` is over; gives
    /// how many there were. Looked at before a list is read, none is missed.
    std::uint64_t wait_for_any_change(std::uint64_t seen, Milliseconds wait);

    struct State;
    State& state() { return *state_; }  ///< for Worker

private:
    explicit JobStore(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace stroma::pipeline
