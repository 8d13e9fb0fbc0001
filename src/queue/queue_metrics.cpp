#include "queue/queue_metrics.h"

#include <string>

#include "base/metrics.h"

namespace stroma::queue {

Result<void> publish_depth(Queue& queue, std::string_view name) {
    const QueueStats stats = TRY(queue.stats());
    const std::string label(name);
    const auto set = [&](const char* state, std::int64_t value) {
        gauge("stroma_queue_messages", "Messages in a queue", {{"queue", label}, {"state", state}})
            .set(static_cast<double>(value));
    };
    set("ready", stats.ready);
    set("leased", stats.leased);
    set("delayed", stats.delayed);
    set("dead", stats.dead);
    gauge("stroma_queue_oldest_seconds", "Age of the oldest message not yet acknowledged",
          {{"queue", label}})
        .set(static_cast<double>(stats.oldest_age_ms) / 1000);
    return {};
}

}  // namespace stroma::queue
