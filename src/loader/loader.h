#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "loader/loader_rows.h"
#include "loader/queue_worker.h"

namespace stroma::loader {

/// A bucket's objects of which a queue is told.
struct NotificationSource {
    std::string bucket, prefix, suffix;
};

struct LoaderOptions {
    /// Where configurations lie: "s3://bucket/prefix/", a folder, or "".
    std::string configs;
    std::string role;              ///< of configurations that name none
    Milliseconds interval{5'000};  ///< how often they are looked at
};

/// What the loader needs of the program beside LoadParts. All outlives it.
struct LoaderParts {
    LoadParts load;
    message::Queues& queues;
    /// By whose rights objects are read: of a queue's owner.
    std::function<Result<catalog::Principal>(const std::string& owner)> principal_of;
    /// What tells a queue of its objects.
    std::function<Result<std::vector<NotificationSource>>(const std::string& queue_arn)> sources_of;
};

struct ConfigStatus {
    std::string name, origin;  ///< origin: the file, the object, or "given"
    std::optional<LoaderConfig> config;
    std::string error;  ///< why there is no config
    WorkerStatus work;  ///< of all its workers together
};

/// What a bucket has and the ledger lacks.
struct Reconciliation {
    std::string table;
    std::vector<NotificationSource> sources;
    std::int64_t objects = 0, loaded = 0;  ///< in the bucket; of these, in the ledger
    std::int64_t gone = 0;                 ///< loaded once, not in the bucket any more
    std::int64_t dead = 0;                 ///< among `lost`: among the dead letters too
    std::int64_t waiting = 0;              ///< messages of its queues, which may tell of `lost`
    std::vector<std::string> lost;         ///< addresses, in byte order
    std::optional<LoadReport> report;      ///< of loading them, where that was asked for
};

/// Loads by configurations, one worker or more for each queue; bulk loads, one after the other; and
/// the comparison of buckets with the ledger. Any thread.
class Loader {
public:
    /// Makes its tables. errors  as the user database's
    static Result<std::unique_ptr<Loader>> open(LoaderParts parts, LoaderOptions options);
    ~Loader();
    void start();
    void stop();

    std::vector<ConfigStatus> status() const;
    /// Takes a configuration, which stays over restarts; the same name replaces.
    /// errors  invalid_input  file, field and fix
    Result<void> give_config(const std::string& name, const std::string& document);
    /// errors  not_found  it wasn't given so
    Result<void> take_config(const std::string& name);
    /// Looks at the configurations now.
    Result<void> refresh();
    /// Loads what waits in the queue of that name, until a receive gives nothing. For one process
    /// without workers; not beside start().
    Result<WorkerStatus> drain(const std::string& name, std::stop_token stop);

    /// errors  invalid_input  file, field and fix
    Result<std::string> begin_bulk(const std::string& document);
    Result<std::vector<BulkRow>> bulks(const std::string& id = {});
    /// errors  not_found  no such one, or it is over
    Result<void> cancel_bulk(const std::string& id);
    /// Does the queued ones now; without start().
    Result<void> work_on_bulks(std::stop_token stop);

    /// Of the table as it is named, over all configurations that load into it. `from`: of this
    /// s3:// prefix in place of what queues are told of.
    /// errors  not_found  no configuration loads into it
    Result<Reconciliation> reconcile(const std::string& table, const std::string& from, bool loads,
                                     std::stop_token stop = {});
    redshift::Engine& engine() { return parts_.load.engine; }

private:
    struct Entry;
    Loader(LoaderParts parts, LoaderOptions options);
    std::map<std::string, std::pair<std::string, std::string>> documents(std::string& error);
    Result<void> read_lake(std::map<std::string, std::pair<std::string, std::string>>& found);
    Result<void> read_folder(std::map<std::string, std::pair<std::string, std::string>>& found);
    void watch(std::stop_token stop);
    Result<void> run_bulk(BulkRow row, std::stop_token stop);
    Result<std::string> run_path(const BulkPath& path, const BulkConfig& bulk, const BulkRow& row,
                                 std::stop_token stop);
    Result<std::vector<Notice>> listed(const std::string& path, bool is_exact);
    Result<void> compare(Reconciliation& made, const std::string& target,
                         std::vector<Notice>& absent);

    LoaderParts parts_;
    LoaderOptions options_;
    std::mutex refresh_mutex_;  ///< one refresh at a time
    std::string refresh_error_;
    std::atomic<bool> is_stopping_{false};
    mutable std::mutex mutex_;
    std::map<std::string, std::unique_ptr<Entry>> entries_;
    bool is_started_ = false;
    std::mutex bulk_mutex_;
    std::condition_variable_any bulk_wakes_;
    bool has_bulks_ = true;
    std::string running_bulk_;
    std::stop_source running_stop_;
    TableLoad bulk_load_;
    std::condition_variable_any wakes_;
    std::jthread watcher_, bulk_worker_;
};

}  // namespace stroma::loader
