#pragma once

#include "bucket/buckets.h"
#include "event/events.h"
#include "message/queues.h"

namespace stroma::app {

/// Tells whoever a bucket's notification rules name, inside the transaction of the change: the
/// object and its messages are there together or not at all.
bucket::Buckets::Listener object_events(message::Queues& queues, event::Events& events);

}  // namespace stroma::app
