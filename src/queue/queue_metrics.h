#pragma once

#include <string_view>

#include "queue/queue.h"

namespace stroma::queue {

/// Sets the gauges stroma_queue_messages{queue,state} and stroma_queue_oldest_seconds{queue} from
/// the queue's stats. Call it before the metrics are read.
Result<void> publish_depth(Queue& queue, std::string_view name);

}  // namespace stroma::queue
