#pragma once

#include "app/verb.h"

namespace stroma::app {

struct SyncAddOptions {
    std::string folder, to, name, endpoint, region = "us-east-1";
    std::vector<std::string> includes, excludes;
    std::string schedule, bandwidth, ready_marker, settle = "60s", rescan = "15m";
    std::string part_size = "16MiB", deletes = "keep", verify = "transferred";
    std::int64_t connections = 4;
};

struct SyncOptions {
    std::vector<std::string> names;  ///< of jobs; none stands for all
    std::string name, user;
    bool once = false, dry_run = false, delete_most = false;
};

struct SyncPlanOptions {
    std::string arrival, line, backlog, bandwidth, efficiency = "0.89", compression = "1";
};

Result<void> run_sync_add(const SyncAddOptions& options, Invocation& invocation);
Result<void> run_sync_list(Invocation& invocation);
Result<void> run_sync_show(const SyncOptions& options, Invocation& invocation);
Result<void> run_sync_remove(const SyncOptions& options, Invocation& invocation);
Result<void> run_sync_pause(const SyncOptions& options, bool is_paused, Invocation& invocation);
Result<void> run_sync_run(const SyncOptions& options, Invocation& invocation);
Result<void> run_sync_check(const SyncOptions& options, Invocation& invocation);
Result<void> run_sync_plan(const SyncPlanOptions& options, Invocation& invocation);

}  // namespace stroma::app
