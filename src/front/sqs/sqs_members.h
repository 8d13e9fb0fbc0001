#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "front/aws/call.h"
#include "message/message.h"

// Private to this folder: what a request says, and refusals in the words of SQS.

namespace stroma::front::sqs {

using aws::Fault;
using aws::Json;
using aws::Outcome;

/// The members of a request of either protocol, named as the JSON protocol names them.
Outcome<Json> request_members(const aws::Call& call);

/// What stands within <OperationResult>.
std::string result_xml(std::string_view operation, const Json& members);

std::optional<std::string> text_member(const Json& members, std::string_view name);
std::string text_or_empty(const Json& members, std::string_view name);
/// errors  InvalidParameterValue  neither a number nor its text
Outcome<std::optional<std::int64_t>> number_member(const Json& members, std::string_view name);
std::vector<std::string> texts_member(const Json& members, std::string_view name);
message::TextMap map_member(const Json& members, std::string_view name);
/// The objects of a list; [] when there is none.
std::vector<const Json*> list_member(const Json& members, std::string_view name);

tl::unexpected<Fault> invalid_value(std::string message);
tl::unexpected<Fault> missing(std::string_view parameter);
/// One of SQS's own errors: "QueueDoesNotExist", known to older clients by that other name.
tl::unexpected<Fault> sqs_fault(std::string type, std::string legacy, std::string message,
                                int status = 400);
tl::unexpected<Fault> no_such_queue(const aws::Call& call);
/// A domain's error of an operation on a queue or its attributes.
tl::unexpected<Fault> queue_fault(const aws::Call& call, const Error& error);

/// The message of a SendMessage or of one entry of a batch, checked but for its size.
struct ReadMessage {
    message::NewMessage message;
    std::size_t size_bytes = 0;  ///< with its attributes
    bool names_trace = false;    ///< in the message itself
};
/// `trace` is that of the request, for a message which names none.
Outcome<ReadMessage> read_message(const message::Queue& queue, const Json& members, bool in_batch,
                                  const std::string& trace);
/// How long a batch's ids and list may be.
Outcome<std::vector<const Json*>> batch_entries(const Json& members);

/// The attributes as SQS prints them, and the MD5 of those.
Json attributes_json(const std::vector<message::MessageAttribute>& attributes);
std::string attributes_md5(const std::string& laid_out);

}  // namespace stroma::front::sqs
