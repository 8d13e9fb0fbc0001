#pragma once

#include <functional>
#include <stop_token>

#include "sync/pass_report.h"
#include "sync/sending.h"

namespace stroma::sync {

/// How far a pass is, for who watches.
struct PassProgress {
    std::int64_t files_done = 0, files_total = 0;
    std::int64_t bytes_done = 0, bytes_total = 0;  ///< with those that need no sending any more
};

struct PassOptions {
    bool is_dry = false;
    /// A mirror that would remove more than half of what it sent (and more than 10 objects) removes
    /// nothing: the folder may not be mounted.
    bool may_delete_most = false;
    std::function<void(const PassProgress&)> watch;  ///< called often, by one thread
};

/// Walks the job's folder once and sends what is new or changed and settled; then, for a mirror,
/// removes the objects it sent whose files are gone. What it did, and why it ended early, is in the
/// report, which the manifest keeps (not of a dry run).
PassReport run_pass(const SendSite& site, const PassOptions& options, const std::stop_token& stop);

}  // namespace stroma::sync
