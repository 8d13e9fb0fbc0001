#pragma once

#include <memory>

#include "app/settings.h"
#include "delivery/deliveries.h"
#include "event/events.h"
#include "message/queues.h"
#include "stream/streams.h"
#include "watch/watcher.h"

namespace stroma::app {

/// What is watched: everything behind the AWS port. All must outlive what looks.
struct Watched {
    stream::Streams& streams;
    delivery::Deliveries& deliveries;
    message::Queues& queues;
    event::Events& events;
};

/// Watches by the settings "watch.…". Thresholds are told of on the default bus: source
/// "stroma.watch", detail-type "Threshold Passed" or "Threshold Back To Normal", detail {kind,
/// name, measure, value, threshold, note}. What was told of is kept in the file.
std::unique_ptr<watch::Watcher> make_watcher(Watched watched, const Settings& settings,
                                             const fs::path& file, const Clock& clock);

/// Sets the gauges of streams and deliveries.
Result<void> publish_streams(Watched watched);

}  // namespace stroma::app
