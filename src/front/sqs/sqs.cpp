#include "front/sqs/sqs.h"

#include <fmt/format.h>

#include <map>

#include "front/sqs/sqs_service.h"

namespace stroma::front::sqs {

SqsService::Operation SqsService::operation_named(std::string_view name) {
    static const std::map<std::string_view, Operation> operations = {
        {"AddPermission", &SqsService::add_permission},
        {"CancelMessageMoveTask", &SqsService::cancel_message_move_task},
        {"ChangeMessageVisibility", &SqsService::change_message_visibility},
        {"ChangeMessageVisibilityBatch", &SqsService::change_message_visibility_batch},
        {"CreateQueue", &SqsService::create_queue},
        {"DeleteMessage", &SqsService::delete_message},
        {"DeleteMessageBatch", &SqsService::delete_message_batch},
        {"DeleteQueue", &SqsService::delete_queue},
        {"GetQueueAttributes", &SqsService::get_queue_attributes},
        {"GetQueueUrl", &SqsService::get_queue_url},
        {"ListDeadLetterSourceQueues", &SqsService::list_dead_letter_source_queues},
        {"ListMessageMoveTasks", &SqsService::list_message_move_tasks},
        {"ListQueueTags", &SqsService::list_queue_tags},
        {"ListQueues", &SqsService::list_queues},
        {"PurgeQueue", &SqsService::purge_queue},
        {"ReceiveMessage", &SqsService::receive_message},
        {"RemovePermission", &SqsService::remove_permission},
        {"SendMessage", &SqsService::send_message},
        {"SendMessageBatch", &SqsService::send_message_batch},
        {"SetQueueAttributes", &SqsService::set_queue_attributes},
        {"StartMessageMoveTask", &SqsService::start_message_move_task},
        {"TagQueue", &SqsService::tag_queue},
        {"UntagQueue", &SqsService::untag_queue},
    };
    const auto found = operations.find(name);
    return found == operations.end() ? nullptr : found->second;
}

aws::Outcome<aws::Reply> SqsService::call(aws::Call& call) {
    Operation operation = operation_named(call.operation);
    // The address of one queue has no say about others.
    if (call.wire == aws::Wire::query && call.path.size() > 1 &&
        (call.operation == "CreateQueue" || call.operation == "ListQueues"))
        operation = nullptr;
    if (operation == nullptr) {
        if (call.wire == aws::Wire::query)
            return aws::refuse(
                "InvalidAction",
                fmt::format("The action {} is not valid for this endpoint.", call.operation));
        return aws::refuse(
            Fault{"UnknownOperationException", "", 400, {}, "com.amazon.coral.service#"});
    }
    const auto members = request_members(call);
    if (!members) return tl::unexpected(members.error());
    auto answer = (this->*operation)(call, *members);
    if (!answer) return tl::unexpected(answer.error());
    aws::Reply reply;
    if (call.wire == aws::Wire::query) {
        reply.xml = result_xml(call.operation, *answer);
        // Clients look for <…Result> also where nothing is in it.
        if (reply.xml.empty()) reply.xml = "\n";
    } else {
        reply = aws::reply(*std::move(answer));
    }
    return reply;
}

Outcome<void> SqsService::allow(const aws::Call& call, const message::QueuePointer& queue,
                                catalog::Action action, const Decide& decide) const {
    if (!queue) return no_such_queue(call);
    const auto allowed =
        decide(call.principal, action, {catalog::ThingKind::queue, queue->name, queue->owner});
    if (!allowed) return aws::refuse(allowed.error());
    if (*allowed) return {};
    return aws::refuse(
        Fault{"AccessDeniedException",
              fmt::format("User: {} is not authorized to perform: sqs:{} on resource: {}",
                          call.principal.name, call.operation, queue->arn),
              403, "AccessDenied"});
}

Outcome<void> SqsService::allow_dead_letters(const aws::Call& call,
                                             const message::TextMap& attributes) const {
    const auto policy = attributes.find("RedrivePolicy");
    if (policy == attributes.end()) return {};
    const auto read = parse_json(policy->second);
    if (!read || !read->is_object()) return {};  // refused by who keeps it, in AWS's words
    const auto arn = read->find("deadLetterTargetArn");
    if (arn == read->end() || !arn->is_string()) return {};
    const std::string whole = arn->get<std::string>(), name = whole.substr(whole.rfind(':') + 1);
    const auto letters = queues_.find(name);
    const auto allowed =
        access_.may(call.principal, catalog::Action::change,
                    {catalog::ThingKind::queue, name, letters ? letters->owner : ""});
    if (!allowed) return aws::refuse(allowed.error());
    if (*allowed) return {};
    return aws::refuse(Fault{"AccessDeniedException",
                             fmt::format("User: {} is not authorized to send dead letters to {}",
                                         call.principal.name, whole),
                             403, "AccessDenied"});
}

Outcome<message::QueuePointer> SqsService::queue_of(const aws::Call& call, const Json& members,
                                                    catalog::Action action,
                                                    const Decide& decide) const {
    std::string url = text_or_empty(members, "QueueUrl");
    if (url.empty()) url = call.path;
    while (url.ends_with('/')) url.pop_back();
    if (url.empty()) return missing("QueueUrl");
    message::QueuePointer queue = queues_.find(url.substr(url.rfind('/') + 1));
    if (auto done = allow(call, queue, action, decide); !done) return tl::unexpected(done.error());
    return queue;
}

std::string SqsService::url_of(const aws::Call& call, std::string_view name) const {
    return fmt::format("{}/{}/{}", call.endpoint(), call.account, name);
}

std::unique_ptr<aws::Service> make_service(message::Queues& queues, Access access) {
    return std::make_unique<SqsService>(queues, std::move(access));
}

}  // namespace stroma::front::sqs
