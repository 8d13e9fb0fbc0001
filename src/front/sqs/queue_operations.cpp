#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "front/sqs/sqs_service.h"

namespace stroma::front::sqs {
namespace {

constexpr std::int64_t page_max = 1000;
constexpr std::size_t tags_max = 50;

std::string seconds_text(std::int64_t unix_ms) { return std::to_string(unix_ms / 1000); }

/// A statement of a queue's policy, as AddPermission writes them.
Json statement_of(const message::Queue& queue, const std::string& label,
                  const std::vector<std::string>& accounts,
                  const std::vector<std::string>& actions) {
    const auto one_or_all = [](Json list) { return list.size() == 1 ? Json(list[0]) : list; };
    Json principals = Json::array(), names = Json::array();
    for (const std::string& account : accounts)
        principals.push_back(fmt::format("arn:aws:iam::{}:root", account));
    for (const std::string& action : actions) names.push_back("SQS:" + action);
    return {{"Sid", label},
            {"Effect", "Allow"},
            {"Principal", {{"AWS", one_or_all(std::move(principals))}}},
            {"Action", one_or_all(std::move(names))},
            {"Resource", queue.arn}};
}

Json policy_of(const message::Queue& queue) {
    const auto found = queue.attributes.find("Policy");
    if (found != queue.attributes.end())
        if (auto policy = parse_json(found->second);
            policy && policy->contains("Statement") && (*policy)["Statement"].is_array())
            return *std::move(policy);
    return {{"Version", "2008-10-17"},
            {"Id", queue.arn + "/SQSDefaultPolicy"},
            {"Statement", Json::array()}};
}

tl::unexpected<Fault> bad_label(const std::string& label, std::string_view reason) {
    return invalid_value(
        fmt::format("Value {} for parameter Label is invalid. Reason: {}", label, reason));
}

tl::unexpected<Fault> move_fault(const Error& error) {
    if (error.code == ErrorCode::not_found)
        return sqs_fault("ResourceNotFoundException", "ResourceNotFoundException", error.message,
                         404);
    if (error.code == ErrorCode::invalid_input) return invalid_value(error.message);
    return aws::refuse(error);
}

/// Of what a queue has and gets.
Outcome<void> check_tags(std::string_view name, message::TextMap tags,
                         const message::TextMap& more) {
    for (const auto& [key, value] : more) tags[key] = value;
    if (tags.size() <= tags_max) return {};
    return invalid_value(fmt::format("Too many tags added for queue {}.", name));
}

}  // namespace

Outcome<Json> SqsService::create_queue(const aws::Call& call, const Json& members) {
    const std::string name = text_or_empty(members, "QueueName");
    if (name.empty()) return missing("QueueName");
    const auto known = queues_.find(name);
    const auto allowed =
        access_.decide(call.principal, known ? catalog::Action::change : catalog::Action::create,
                       {catalog::ThingKind::queue, known ? name : "", known ? known->owner : ""});
    if (!allowed) return aws::refuse(allowed.error());
    if (!*allowed) return aws::refuse("AccessDeniedException", "may not create a queue", 403);
    message::Queues::NewQueue wanted{name, call.region, call.principal.id,
                                     map_member(members, "Attributes"),
                                     map_member(members, "tags")};
    if (const auto done = allow_dead_letters(call, wanted.attributes); !done)
        return tl::unexpected(done.error());
    for (const auto& [key, value] : map_member(members, "Tags")) wanted.tags[key] = value;
    if (const auto few = check_tags(name, wanted.tags, {}); !few)
        return tl::unexpected(few.error());
    const auto made = queues_.create(wanted);
    if (!made) return queue_fault(call, made.error());
    return Json{{"QueueUrl", url_of(call, name)}};
}

Outcome<Json> SqsService::delete_queue(const aws::Call& call, const Json& members) {
    const auto queue = queue_of(call, members, catalog::Action::remove, access_.decide);
    if (!queue) return tl::unexpected(queue.error());
    if (const auto done = queues_.remove((*queue)->name); !done)
        return queue_fault(call, done.error());
    return Json::object();
}

Outcome<Json> SqsService::get_queue_url(const aws::Call& call, const Json& members) {
    const std::string name = text_or_empty(members, "QueueName");
    if (name.empty()) return missing("QueueName");
    if (const auto done = allow(call, queues_.find(name), catalog::Action::read, access_.may);
        !done)
        return tl::unexpected(done.error());
    return Json{{"QueueUrl", url_of(call, name)}};
}

Outcome<Json> SqsService::page_of(const aws::Call& call, const Json& members,
                                  std::vector<std::string> names, std::string_view list) const {
    const auto most = number_member(members, "MaxResults");
    if (!most) return tl::unexpected(most.error());
    if (*most && (**most < 1 || **most > page_max))
        return invalid_value(
            fmt::format("Value {} for parameter MaxResults is invalid. Reason: "
                        "Must be between 1 and {}, if provided.",
                        **most, page_max));
    std::string after;
    const std::string token = text_or_empty(members, "NextToken");
    if (!token.empty() && !aws::base64_decode(token, after))
        return invalid_value("Invalid or expired next token.");
    std::sort(names.begin(), names.end());
    names.erase(names.begin(), std::upper_bound(names.begin(), names.end(), after));
    const auto count = static_cast<std::size_t>(most->value_or(page_max));
    Json json = Json::object(), urls = Json::array();
    for (std::size_t n = 0; n < std::min(count, names.size()); ++n)
        urls.push_back(url_of(call, names[n]));
    if (!urls.empty()) json[std::string(list)] = std::move(urls);
    if (*most && names.size() > count) json["NextToken"] = aws::base64(names[count - 1]);
    return json;
}

Outcome<Json> SqsService::list_queues(const aws::Call& call, const Json& members) {
    std::vector<std::string> names;
    for (const auto& queue : queues_.list(text_or_empty(members, "QueueNamePrefix")))
        if (allow(call, queue, catalog::Action::read, access_.may)) names.push_back(queue->name);
    return page_of(call, members, std::move(names), "QueueUrls");
}

Outcome<Json> SqsService::get_queue_attributes(const aws::Call& call, const Json& members) {
    const auto found = queue_to_read(call, members);
    if (!found) return tl::unexpected(found.error());
    const message::Queue& queue = **found;
    const auto wanted = texts_member(members, "AttributeNames");
    Json json = Json::object();
    if (wanted.empty()) return json;
    message::TextMap all = queue.attributes;
    all["QueueArn"] = queue.arn;
    all["CreatedTimestamp"] = seconds_text(queue.created_ms);
    all["LastModifiedTimestamp"] = seconds_text(queue.modified_ms);
    const auto counts = queues_.counts(queue);
    if (!counts) return queue_fault(call, counts.error());
    all["ApproximateNumberOfMessages"] = std::to_string(counts->visible);
    all["ApproximateNumberOfMessagesNotVisible"] = std::to_string(counts->in_flight);
    all["ApproximateNumberOfMessagesDelayed"] = std::to_string(counts->delayed);
    static const std::set<std::string_view> may_be_absent = {
        "ContentBasedDeduplication",
        "DeduplicationScope",
        "FifoQueue",
        "FifoThroughputLimit",
        "KmsDataKeyReusePeriodSeconds",
        "KmsMasterKeyId",
        "Policy",
        "RedriveAllowPolicy",
        "RedrivePolicy",
    };
    Json attributes = Json::object();
    for (const std::string& name : wanted) {
        if (name == "All") {
            for (const auto& [each, value] : all) attributes[each] = value;
        } else if (const auto one = all.find(name); one != all.end()) {
            attributes[name] = one->second;
        } else if (!may_be_absent.contains(name)) {
            return sqs_fault("InvalidAttributeName", "InvalidAttributeName",
                             fmt::format("Unknown Attribute {}.", name));
        }
    }
    if (!attributes.empty()) json["Attributes"] = std::move(attributes);
    return json;
}

Outcome<Json> SqsService::set_queue_attributes(const aws::Call& call, const Json& members) {
    const auto queue = queue_to_change(call, members);
    if (!queue) return tl::unexpected(queue.error());
    const auto attributes = map_member(members, "Attributes");
    if (attributes.empty()) return missing("Attribute.Name");
    if (const auto done = allow_dead_letters(call, attributes); !done)
        return tl::unexpected(done.error());
    if (const auto done = queues_.set_attributes((*queue)->name, attributes); !done)
        return queue_fault(call, done.error());
    return Json::object();
}

Outcome<Json> SqsService::purge_queue(const aws::Call& call, const Json& members) {
    const auto queue = queue_to_change(call, members);
    if (!queue) return tl::unexpected(queue.error());
    const auto done = queues_.purge((*queue)->name);
    if (!done && done.error().code == ErrorCode::conflict)
        return sqs_fault("PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress",
                         done.error().message, 403);
    if (!done) return queue_fault(call, done.error());
    return Json::object();
}

Outcome<Json> SqsService::tag_queue(const aws::Call& call, const Json& members) {
    const auto queue = queue_to_change(call, members);
    if (!queue) return tl::unexpected(queue.error());
    const auto tags = map_member(members, "Tags");
    if (const auto few = check_tags((*queue)->name, (*queue)->tags, tags); !few)
        return tl::unexpected(few.error());
    if (const auto done = queues_.tag((*queue)->name, tags); !done)
        return queue_fault(call, done.error());
    return Json::object();
}

Outcome<Json> SqsService::untag_queue(const aws::Call& call, const Json& members) {
    const auto queue = queue_to_change(call, members);
    if (!queue) return tl::unexpected(queue.error());
    if (const auto done = queues_.untag((*queue)->name, texts_member(members, "TagKeys")); !done)
        return queue_fault(call, done.error());
    return Json::object();
}

Outcome<Json> SqsService::list_queue_tags(const aws::Call& call, const Json& members) {
    const auto queue = queue_to_read(call, members);
    if (!queue) return tl::unexpected(queue.error());
    Json json = Json::object();
    for (const auto& [key, value] : (*queue)->tags) json["Tags"][key] = value;
    return json;
}

Outcome<Json> SqsService::list_dead_letter_source_queues(const aws::Call& call,
                                                         const Json& members) {
    const auto queue = queue_to_read(call, members);
    if (!queue) return tl::unexpected(queue.error());
    return page_of(call, members, queues_.dead_letter_sources((*queue)->name), "queueUrls");
}

Outcome<Json> SqsService::add_permission(const aws::Call& call, const Json& members) {
    const auto queue = queue_to_change(call, members);
    if (!queue) return tl::unexpected(queue.error());
    const std::string label = text_or_empty(members, "Label");
    if (label.empty()) return missing("Label");
    Json policy = policy_of(**queue);
    for (const Json& statement : policy["Statement"])
        if (text_or_empty(statement, "Sid") == label) return bad_label(label, "Already exists.");
    policy["Statement"].push_back(statement_of(
        **queue, label, texts_member(members, "AWSAccountIds"), texts_member(members, "Actions")));
    if (const auto done = queues_.set_attributes((*queue)->name, {{"Policy", policy.dump()}});
        !done)
        return queue_fault(call, done.error());
    return Json::object();
}

Outcome<Json> SqsService::remove_permission(const aws::Call& call, const Json& members) {
    const auto queue = queue_to_change(call, members);
    if (!queue) return tl::unexpected(queue.error());
    const std::string label = text_or_empty(members, "Label");
    Json policy = policy_of(**queue), left = Json::array();
    for (const Json& statement : policy["Statement"])
        if (text_or_empty(statement, "Sid") != label) left.push_back(statement);
    if (left.size() == policy["Statement"].size()) return bad_label(label, "can't find label.");
    policy["Statement"] = left;
    const std::string text = left.empty() ? std::string() : policy.dump();
    if (const auto done = queues_.set_attributes((*queue)->name, {{"Policy", text}}); !done)
        return queue_fault(call, done.error());
    return Json::object();
}

Outcome<Json> SqsService::start_message_move_task(const aws::Call& call, const Json& members) {
    const std::string source = text_or_empty(members, "SourceArn");
    if (source.empty()) return missing("SourceArn");
    const auto rate = number_member(members, "MaxNumberOfMessagesPerSecond");
    if (!rate) return tl::unexpected(rate.error());
    if (*rate && (**rate < 1 || **rate > 500))
        return invalid_value(
            fmt::format("Value {} for parameter MaxNumberOfMessagesPerSecond is "
                        "invalid. Reason: Must be >= 1 and <= 500, if provided.",
                        **rate));
    const std::string destination = text_or_empty(members, "DestinationArn");
    for (const std::string& arn : {source, destination})
        if (const auto queue = queues_.find_arn(arn))
            if (const auto done = allow(call, queue, catalog::Action::change, access_.decide);
                !done)
                return tl::unexpected(done.error());
    const auto id = queues_.start_move(source, destination, rate->value_or(0));
    if (!id) return move_fault(id.error());
    const Json handle{{"taskId", *id}, {"sourceArn", source}};
    return Json{{"TaskHandle", aws::base64(handle.dump())}};
}

Outcome<Json> SqsService::cancel_message_move_task(const aws::Call& call, const Json& members) {
    std::string text;
    const bool is_base64 = aws::base64_decode(text_or_empty(members, "TaskHandle"), text);
    const auto handle = parse_json(text);
    if (!is_base64 || !handle || !handle->is_object() || !text_member(*handle, "taskId") ||
        !text_member(*handle, "sourceArn"))
        return invalid_value("Value for parameter TaskHandle is invalid.");
    const auto source = queues_.find_arn(text_or_empty(*handle, "sourceArn"));
    if (!source)
        return move_fault({ErrorCode::not_found,
                           "The resource that you specified for the SourceArn parameter doesn't "
                           "exist."});
    if (const auto done = allow(call, source, catalog::Action::change, access_.decide); !done)
        return tl::unexpected(done.error());
    const auto moved = queues_.cancel_move(text_or_empty(*handle, "taskId"));
    if (!moved) return move_fault(moved.error());
    return Json{{"ApproximateNumberOfMessagesMoved", *moved}};
}

Outcome<Json> SqsService::list_message_move_tasks(const aws::Call& call, const Json& members) {
    const std::string arn = text_or_empty(members, "SourceArn");
    const auto source = queues_.find_arn(arn);
    if (!source)
        return move_fault({ErrorCode::not_found,
                           "The resource that you specified for the SourceArn parameter doesn't "
                           "exist."});
    if (const auto done = allow(call, source, catalog::Action::read, access_.may); !done)
        return tl::unexpected(done.error());
    const auto most = number_member(members, "MaxResults");
    if (!most) return tl::unexpected(most.error());
    const auto tasks =
        queues_.moves(arn, static_cast<int>(std::clamp<std::int64_t>(most->value_or(1), 1, 10)));
    if (!tasks) return aws::refuse(tasks.error());
    Json results = Json::array();
    for (const message::MoveTask& task : *tasks) {
        Json json = Json::object();
        if (task.state == "RUNNING")
            json["TaskHandle"] =
                aws::base64(Json{{"taskId", task.id}, {"sourceArn", task.source}}.dump());
        json["Status"] = task.state;
        json["SourceArn"] = task.source;
        if (!task.destination.empty()) json["DestinationArn"] = task.destination;
        if (task.rate > 0) json["MaxNumberOfMessagesPerSecond"] = task.rate;
        json["ApproximateNumberOfMessagesMoved"] = task.moved;
        json["ApproximateNumberOfMessagesToMove"] = task.to_move;
        if (!task.reason.empty()) json["FailureReason"] = task.reason;
        json["StartedTimestamp"] = task.started_ms;
        results.push_back(std::move(json));
    }
    return Json{{"Results", std::move(results)}};
}

}  // namespace stroma::front::sqs
