#pragma once

#include <functional>
#include <stop_token>

#include "sync/pass.h"

namespace stroma::sync {

/// What the agent tells while it runs.
struct AgentEvents {
    std::function<void(const SyncJob&, const PassProgress&)> progressed;
    std::function<void(const SyncJob&, const PassReport&)> passed;  ///< after each pass
};

/// Keeps a folder in its bucket until the stop: a pass at start, then one whenever something in
/// the folder changed and settled, at the times of its schedule (then only at those), and at least
/// every rescan_ms. A job that is paused or taken away meanwhile is left alone.
/// errors  what the manifest fails with; a pass that fails is reported and tried again
Result<void> keep_in_step(const SendSite& site, const AgentEvents& events,
                          const std::stop_token& stop);

}  // namespace stroma::sync
