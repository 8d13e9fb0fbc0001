#pragma once

#include "front/aws/call.h"
#include "stream/streams.h"

namespace stroma::front::kinesis {

/// A consumer's subscription to a shard, and where it begins.
struct Subscribed {
    stream::Position position;
    std::string consumer;
    std::uint64_t number = 0;  ///< of Streams::subscribe
};

/// Writes what comes to a shard from the position on as events of AWS's framing, for five minutes
/// or until the client has left: first that it begins, then records as they come, and without any
/// for a while an event of none. Who is subscribed anew ends it, with an exception.
std::function<Result<void>(http::BodyWriter&)> subscription(stream::Streams& streams,
                                                            Subscribed subscribed, aws::Wire wire,
                                                            std::stop_token left);

/// One message of "application/vnd.amazon.eventstream": lengths and headers between two CRC-32.
std::string event_message(std::string_view event_type, std::string_view content_type,
                          std::string_view payload);
/// The same that says why the stream ends.
std::string exception_message(std::string_view type, std::string_view content_type,
                              std::string_view payload);

}  // namespace stroma::front::kinesis
