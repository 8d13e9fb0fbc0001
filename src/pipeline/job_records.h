#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/job_store.h"
#include "queue/transactional_queue.h"
#include "queue/wake.h"
#include "sql/connection_pool.h"

// Private to this folder: what the worker may do to records that others may not.

namespace stroma::pipeline {

/// The rows behind a JobStore. Any thread.
struct JobStore::State {
    State(sql::Database& database, queue::Queue& queue, const Clock& clock, IdSource& ids);

    /// The queued or abandoned job that the message names is running as a new attempt. Nothing
    /// when it is final, unknown, cancelled meanwhile (it is made so), or when another message
    /// has taken this one's place.
    Result<std::optional<Job>> start_attempt(const queue::Message& message);
    /// How often the job was tried since it was submitted or retried by a person.
    Result<int> attempts_made(std::string_view id);
    struct End {
        JobState state;
        std::string_view outputs, error_code, error;
        std::optional<Progress> progress;  ///< the last one told, when it isn't recorded
    };
    /// Ends the attempt; false when another attempt has taken the record over.
    Result<bool> finish(const Job& job, const End& end);
    /// The attempt ends without a result and the job waits again. An attempt that was only
    /// interrupted doesn't count.
    enum class Requeue { counted, not_counted };
    Result<bool> requeue(const Job& job, Requeue how);
    Result<void> set_progress(const Job& job, const Progress& progress);
    Result<void> add_log_line(std::string_view id, std::string_view level, std::string_view text);
    Result<bool> cancel_asked(std::string_view id);
    /// Every running record becomes queued; for recovery.
    Result<std::int64_t> requeue_all_running();

    /// The job's own row on that connection.
    Result<std::optional<Job>> find(sql::Connection& connection, std::string_view id);
    /// Sends the job's message in the open transaction where the queue can, and notes its id.
    Result<void> send_in(sql::Connection& connection, std::string_view stage,
                         const std::string& id);
    /// After the commit: sends where send_in could not, and wakes receivers and watchers.
    Result<void> sent(std::string_view stage, const std::string& id);
    void changed() { channel->wake(); }
    Result<void> in_transaction(const std::function<Result<void>(sql::Connection&)>& work);

    sql::ConnectionPool pool;
    /// A queue, and the same one when it lives in the jobs' database.
    struct Line {
        queue::Queue* queue;
        queue::TransactionalQueue* same_database;
    };
    Line line_of(queue::Queue& queue);
    const Line& line_for(std::string_view stage) const;

    Line line;
    std::map<std::string, Line, std::less<>> routes;  // of stages that have a line of their own
    const Clock& clock;
    IdSource& ids;
    std::shared_ptr<queue::WakeChannel> channel;
};

}  // namespace stroma::pipeline
