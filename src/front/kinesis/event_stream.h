#pragma once

#include "front/aws/call.h"
#include "stream/streams.h"

namespace stroma::front::kinesis {

/// Writes what comes to a shard from the position on as events of AWS's framing, for five minutes
/// or until the client has left: first that it begins, then records as they come, and without any
/// for a while an event of none.
std::function<Result<void>(http::BodyWriter&)> subscription(stream::Streams& streams,
                                                            stream::Position position,
                                                            aws::Wire wire, std::stop_token left);

/// One message of "application/vnd.amazon.eventstream": lengths and headers between two CRC-32.
std::string event_message(std::string_view event_type, std::string_view content_type,
                          std::string_view payload);

}  // namespace stroma::front::kinesis
