#pragma once

#include "app/aws/aws_client.h"

namespace stroma::app {

struct LiveDemo {
    std::int64_t rate = 50;     ///< offers a second
    std::int64_t duration = 0;  ///< seconds; 0 is until the stop
    std::int64_t seed = 1;
};

/// Offers of this moment from a producer to a chart: onto the stream ticks, by its delivery into
/// objects, by events of those into the queue ticks-landed, by the loader into the table ticks, and
/// from there onto the dashboard Quotes, which is made anew. At the server that has the data
/// directory, whose administrator's the client's keys are.
Result<void> run_demo_live(AwsClient& client, const LiveDemo& demo, Invocation& invocation);

}  // namespace stroma::app
