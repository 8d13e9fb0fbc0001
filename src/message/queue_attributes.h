#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "message/message.h"

// Private to this folder: what may be set on a queue.

namespace stroma::message {

/// The attributes with the given ones changed, checked; an empty value goes back to the default.
/// `now` is what they are ({} for a new queue).
/// errors  invalid_input, unsupported as Queues::create
Result<TextMap> changed_attributes(std::string_view queue, const TextMap& now,
                                   const TextMap& given);
/// Fills in what was not set.
TextMap with_defaults(TextMap attributes);
/// Of attributes that were checked.
QueueBehaviour behaviour_of(const TextMap& attributes);
/// errors  invalid_input
Result<void> check_queue_name(std::string_view name, bool is_ordered);
/// The last part of "arn:aws:sqs:region:account:name" when it is of that account; "" else.
std::string queue_of_arn(std::string_view arn, std::string_view account);

}  // namespace stroma::message
