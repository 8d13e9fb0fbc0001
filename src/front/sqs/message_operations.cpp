#include <fmt/format.h>

#include <algorithm>

#include "base/digest.h"
#include "front/sqs/sqs_service.h"

namespace stroma::front::sqs {
namespace {

constexpr std::size_t batch_bytes_max = 1u << 20;
constexpr std::int64_t visibility_max = 43'200;

Json sent_json(const ReadMessage& read, const message::Sent& sent) {
    Json json = Json::object();
    json["MessageId"] = sent.id;
    json["MD5OfMessageBody"] = md5_hex(read.message.body);
    if (!read.message.attributes.empty())
        json["MD5OfMessageAttributes"] = attributes_md5(message::laid_out(read.message.attributes));
    if (read.names_trace)
        json["MD5OfMessageSystemAttributes"] =
            attributes_md5(message::laid_out({{"AWSTraceHeader", "String", read.message.trace}}));
    if (!sent.sequence.empty()) json["SequenceNumber"] = sent.sequence;
    return json;
}

Json failed_json(std::string_view id, const Fault& fault) {
    const std::string& code = fault.legacy_type.empty() ? fault.type : fault.legacy_type;
    return {{"Id", id},
            {"SenderFault", fault.status < 500},
            {"Code", code},
            {"Message", fault.message}};
}

Json batch_json(Json successful, Json failed) {
    Json json = Json::object();
    json["Successful"] = std::move(successful);
    if (!failed.empty()) json["Failed"] = std::move(failed);
    return json;
}

/// Which of a message's attributes a receiver asked for.
bool is_wanted(const std::vector<std::string>& wanted, std::string_view name) {
    return std::any_of(wanted.begin(), wanted.end(), [&](std::string_view one) {
        if (one == "All" || one == ".*") return true;
        if (one.ends_with(".*")) return name.starts_with(one.substr(0, one.size() - 2));
        if (one.ends_with("*")) return name.starts_with(one.substr(0, one.size() - 1));
        return one == name;
    });
}

Json system_attributes(const message::Received& message, const std::vector<std::string>& wanted) {
    Json json = Json::object();
    const bool all = std::find(wanted.begin(), wanted.end(), "All") != wanted.end();
    const auto put = [&](const char* name, std::string value) {
        if (value.empty()) return;
        if (all || std::find(wanted.begin(), wanted.end(), name) != wanted.end())
            json[name] = std::move(value);
    };
    put("SenderId", message.sender);
    put("SentTimestamp", std::to_string(message.sent_ms));
    put("ApproximateReceiveCount", std::to_string(message.receive_count));
    put("ApproximateFirstReceiveTimestamp", std::to_string(message.first_received_ms));
    put("SequenceNumber", message.sequence);
    put("MessageDeduplicationId", message.deduplication);
    put("MessageGroupId", message.group);
    put("AWSTraceHeader", message.trace);
    put("DeadLetterQueueSourceArn", message.origin);
    return json;
}

Json received_json(const message::Received& message, const std::vector<std::string>& system,
                   const std::vector<std::string>& wanted) {
    Json json = Json::object();
    json["MessageId"] = message.id;
    json["ReceiptHandle"] = message.receipt;
    json["MD5OfBody"] = md5_hex(message.body);
    json["Body"] = message.body;
    if (Json attributes = system_attributes(message, system); !attributes.empty())
        json["Attributes"] = std::move(attributes);
    if (message.attributes.empty() || wanted.empty()) return json;
    auto attributes = message::attributes_of(message.attributes);
    std::erase_if(attributes, [&](const auto& one) { return !is_wanted(wanted, one.name); });
    if (attributes.empty()) return json;
    json["MD5OfMessageAttributes"] = attributes_md5(message::laid_out(attributes));
    json["MessageAttributes"] = attributes_json(attributes);
    return json;
}

/// A number in its bounds, or SQS's words for one that isn't.
Outcome<std::optional<std::int64_t>> number_within(const Json& members, std::string_view name,
                                                   std::int64_t least, std::int64_t most,
                                                   std::string_view reason) {
    auto number = number_member(members, name);
    if (number && *number && (**number < least || **number > most))
        return invalid_value(fmt::format("Value {} for parameter {} is invalid. Reason: {}",
                                         **number, name, reason));
    return number;
}

Outcome<Milliseconds> visibility_of(const Json& members) {
    const auto seconds = number_within(members, "VisibilityTimeout", 0, visibility_max,
                                       "VisibilityTimeout must be an integer between 0 and 43200");
    if (!seconds) return tl::unexpected(seconds.error());
    if (!*seconds) return missing("VisibilityTimeout");
    return Milliseconds{1000 * **seconds};
}

/// Of a receipt that didn't do: what SQS says.
tl::unexpected<Fault> receipt_fault(const aws::Call& call, const Error& error) {
    if (error.code == ErrorCode::conflict) return invalid_value(error.message);
    return queue_fault(call, error);
}

/// The answer of a batch of deletions or changes.
Json entries_json(const aws::Call& call, const std::vector<const Json*>& entries,
                  const std::vector<Result<void>>& answers) {
    Json successful = Json::array(), failed = Json::array();
    for (std::size_t e = 0; e < entries.size(); ++e) {
        const std::string id = text_or_empty(*entries[e], "Id");
        if (answers[e])
            successful.push_back({{"Id", id}});
        else
            failed.push_back(failed_json(id, receipt_fault(call, answers[e].error()).value()));
    }
    return batch_json(std::move(successful), std::move(failed));
}

}  // namespace

Outcome<Json> SqsService::send_message(const aws::Call& call, const Json& members) {
    const auto queue = queue_to_use(call, members);
    if (!queue) return tl::unexpected(queue.error());
    auto read = read_message(**queue, members, false, call.trace);
    if (!read) return tl::unexpected(read.error());
    const std::size_t most = (*queue)->behaviour.body_bytes_max;
    if (read->size_bytes > most)
        return invalid_value(
            fmt::format("One or more parameters are invalid. Reason: Message must "
                        "be shorter than {} bytes.",
                        most));
    read->message.sender = call.principal.id;
    const auto sent = queues_.send(*queue, {&read->message, 1});
    if (!sent[0]) return queue_fault(call, sent[0].error());
    return sent_json(*read, *sent[0]);
}

Outcome<Json> SqsService::send_message_batch(const aws::Call& call, const Json& members) {
    const auto queue = queue_to_use(call, members);
    if (!queue) return tl::unexpected(queue.error());
    const auto entries = batch_entries(members);
    if (!entries) return tl::unexpected(entries.error());
    std::vector<ReadMessage> read;
    std::size_t size_bytes = 0;
    Json successful = Json::array(), failed = Json::array();
    std::vector<const Json*> good;
    for (const Json* entry : *entries) {
        auto one = read_message(**queue, *entry, true, call.trace);
        // What a message says wrongly fails the message; what its entry lacks, the request.
        if (!one && one.error().type == "InvalidMessageContents") {
            failed.push_back(failed_json(text_or_empty(*entry, "Id"), one.error()));
            continue;
        }
        if (!one) return tl::unexpected(one.error());
        one->message.sender = call.principal.id;
        size_bytes += one->size_bytes;
        read.push_back(*std::move(one));
        good.push_back(entry);
    }
    if (size_bytes > batch_bytes_max)
        return sqs_fault("BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong",
                         fmt::format("Batch requests cannot be longer than {} bytes. You have sent "
                                     "{} bytes.",
                                     batch_bytes_max, size_bytes));
    const std::size_t most = (*queue)->behaviour.body_bytes_max;
    std::vector<message::NewMessage> messages;
    std::vector<std::size_t> places;
    for (std::size_t e = 0; e < read.size(); ++e) {
        if (read[e].size_bytes <= most) {
            messages.push_back(read[e].message);
            places.push_back(e);
            continue;
        }
        failed.push_back(failed_json(
            text_or_empty(*good[e], "Id"),
            invalid_value(fmt::format("One or more parameters cannot be validated. Reason: Message "
                                      "must be shorter than {} bytes.",
                                      most))
                .value()));
    }
    const auto sent = queues_.send(*queue, messages);
    for (std::size_t m = 0; m < sent.size(); ++m) {
        const std::string id = text_or_empty(*good[places[m]], "Id");
        if (!sent[m]) {
            failed.push_back(failed_json(id, queue_fault(call, sent[m].error()).value()));
            continue;
        }
        Json json{{"Id", id}};
        json.update(sent_json(read[places[m]], *sent[m]));
        successful.push_back(std::move(json));
    }
    return batch_json(std::move(successful), std::move(failed));
}

Outcome<Json> SqsService::receive_message(const aws::Call& call, const Json& members) {
    const auto queue = queue_to_use(call, members);
    if (!queue) return tl::unexpected(queue.error());
    const auto most = number_within(members, "MaxNumberOfMessages", 1, 10,
                                    "Must be between 1 and 10, if provided.");
    if (!most) return tl::unexpected(most.error());
    const auto wait =
        number_within(members, "WaitTimeSeconds", 0, 20, "Must be >= 0 and <= 20, if provided.");
    if (!wait) return tl::unexpected(wait.error());
    const auto visibility = number_within(members, "VisibilityTimeout", 0, visibility_max,
                                          "Must be >= 0 and <= 43200, if provided.");
    if (!visibility) return tl::unexpected(visibility.error());
    message::ReceiveOptions options;
    options.most = static_cast<int>(most->value_or(1));
    options.wait = *wait ? Milliseconds{1000 * **wait} : (*queue)->behaviour.wait;
    if (*visibility) options.visibility = Milliseconds{1000 * **visibility};
    options.left = call.left;
    const auto received = queues_.receive(*queue, options);
    if (!received) return queue_fault(call, received.error());
    auto system = texts_member(members, "AttributeNames");
    for (std::string& name : texts_member(members, "MessageSystemAttributeNames"))
        system.push_back(std::move(name));
    const auto wanted = texts_member(members, "MessageAttributeNames");
    Json json = Json::object();
    for (const message::Received& message : *received)
        json["Messages"].push_back(received_json(message, system, wanted));
    return json;
}

Outcome<Json> SqsService::delete_message(const aws::Call& call, const Json& members) {
    const auto queue = queue_to_use(call, members);
    if (!queue) return tl::unexpected(queue.error());
    const std::string receipt = text_or_empty(members, "ReceiptHandle");
    if (receipt.empty()) return missing("ReceiptHandle");
    const auto done = queues_.remove_messages(*queue, {&receipt, 1});
    if (!done[0]) return receipt_fault(call, done[0].error());
    return Json::object();
}

Outcome<Json> SqsService::delete_message_batch(const aws::Call& call, const Json& members) {
    const auto queue = queue_to_use(call, members);
    if (!queue) return tl::unexpected(queue.error());
    const auto entries = batch_entries(members);
    if (!entries) return tl::unexpected(entries.error());
    std::vector<std::string> receipts;
    for (const Json* entry : *entries) receipts.push_back(text_or_empty(*entry, "ReceiptHandle"));
    return entries_json(call, *entries, queues_.remove_messages(*queue, receipts));
}

Outcome<Json> SqsService::change_message_visibility(const aws::Call& call, const Json& members) {
    const auto queue = queue_to_use(call, members);
    if (!queue) return tl::unexpected(queue.error());
    const auto visibility = visibility_of(members);
    if (!visibility) return tl::unexpected(visibility.error());
    const message::VisibilityChange change{text_or_empty(members, "ReceiptHandle"), *visibility};
    if (change.receipt.empty()) return missing("ReceiptHandle");
    const auto done = queues_.change_visibility(*queue, {&change, 1});
    if (!done[0]) return receipt_fault(call, done[0].error());
    return Json::object();
}

Outcome<Json> SqsService::change_message_visibility_batch(const aws::Call& call,
                                                          const Json& members) {
    const auto queue = queue_to_use(call, members);
    if (!queue) return tl::unexpected(queue.error());
    const auto entries = batch_entries(members);
    if (!entries) return tl::unexpected(entries.error());
    std::vector<message::VisibilityChange> changes;
    for (const Json* entry : *entries) {
        const auto visibility = visibility_of(*entry);
        if (!visibility) return tl::unexpected(visibility.error());
        changes.push_back({text_or_empty(*entry, "ReceiptHandle"), *visibility});
    }
    return entries_json(call, *entries, queues_.change_visibility(*queue, changes));
}

}  // namespace stroma::front::sqs
