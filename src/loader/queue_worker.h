#pragma once

#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "loader/table_load.h"
#include "message/queues.h"

namespace stroma::loader {

/// How a configuration fares.
struct WorkerStatus {
    std::string state = "starting";  ///< starting waiting loading failing stopped
    std::string error;               ///< why it fails, or the last refusal
    std::int64_t messages = 0, loaded = 0, known = 0, missing = 0, refused = 0;
    std::int64_t rows = 0, loads = 0, retries = 0;
    std::int64_t busy_since_ms = 0;  ///< 0: it waits
};

/// Takes messages of one queue and loads what they tell of. Messages go once their rows are
/// committed; meanwhile they stay hidden, however long it takes. What can't be loaded goes to the
/// queue's dead letters with its reason. Where nothing can be loaded (a full disk, a database that
/// is away) they are kept and tried again: given back, they would be received too often and be
/// taken for dead letters.
class QueueWorker {
public:
    QueueWorker(LoadParts parts, message::Queues& queues,
                std::function<Result<catalog::Principal>(const std::string&)> principal_of,
                LoaderConfig config);
    ~QueueWorker();
    void start();
    /// Doesn't wait; the destructor does.
    void stop();
    WorkerStatus status() const;
    const LoaderConfig& config() const { return config_; }
    /// Everything that a receive gives now is loaded; gives the messages. For tests and drains.
    Result<std::size_t> work_once(Milliseconds wait);

private:
    struct Taken;
    void work(std::stop_token stop);
    void keep_hidden(std::stop_token stop);
    Result<std::size_t> take_and_load(TableLoad& load, Milliseconds wait, std::stop_token stop);
    Result<void> take(const message::QueuePointer& queue, Milliseconds wait, std::stop_token stop);
    Result<void> take_company(Taken& taken, std::stop_token stop);
    void read(Taken& taken, std::vector<message::Received> messages);
    Result<void> settle(Taken& taken, const std::vector<ObjectOutcome>& outcomes);
    Result<void> bury(Taken& taken, const std::vector<ObjectOutcome>& refused);
    void note(const std::function<void(WorkerStatus&)>& change);
    void hold(const Taken* taken);

    LoadParts parts_;
    message::Queues& queues_;
    std::function<Result<catalog::Principal>(const std::string&)> principal_of_;
    LoaderConfig config_;
    mutable std::mutex mutex_;
    WorkerStatus status_;
    std::mutex held_mutex_;
    message::QueuePointer held_queue_;
    std::vector<std::string> held_;  ///< receipts that stay hidden
    TableLoad load_;
    bool is_blocked_ = false;  ///< nothing can be taken yet
    /// What couldn't be loaded for a reason that isn't its own: it stays hidden until it can be.
    std::unique_ptr<Taken> kept_;
    std::string target_;  ///< the table as it was found; "" when it must be looked for
    std::jthread thread_, keeper_;
};

}  // namespace stroma::loader
