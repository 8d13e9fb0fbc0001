#include <fmt/format.h>

#include <algorithm>

#include "front/kinesis/event_stream.h"
#include "front/kinesis/operation.h"

// Registered consumers, and what they are sent as it comes.

namespace stroma::front::kinesis {
namespace {

using stream::Consumer;
using stream::StreamInfo;

constexpr std::size_t consumers_max = 20;

std::string consumer_arn(const Request& request, const StreamInfo& stream,
                         const Consumer& consumer) {
    return fmt::format("{}/consumer/{}:{}", request.arn(stream.name), consumer.name,
                       consumer.created_ms / 1000);
}

Json consumer_json(const Request& request, const StreamInfo& stream, const Consumer& consumer) {
    return {{"ConsumerName", consumer.name},
            {"ConsumerARN", consumer_arn(request, stream, consumer)},
            {"ConsumerStatus", "ACTIVE"},
            {"ConsumerCreationTimestamp", request.time(consumer.created_ms / 1000 * 1000)}};
}

tl::unexpected<aws::Fault> no_consumer(const Request& request, std::string_view name) {
    return aws::refuse("ResourceNotFoundException",
                       fmt::format("Consumer {}, Stream {} under account {} not found.", name,
                                   request.stream(), request.call.account));
}

/// By its name, or by the last part of its ARN.
std::string consumer_name(const Request& request) {
    if (request.has("ConsumerName")) return request.text("ConsumerName");
    const std::string arn = request.text("ConsumerARN");
    const std::size_t at = arn.find("/consumer/");
    if (at == std::string::npos) return {};
    const std::string rest = arn.substr(at + 10);
    return rest.substr(0, rest.rfind(':'));
}

aws::Outcome<aws::Reply> register_consumer(const Request& request) {
    const std::string name = request.text("ConsumerName");
    const std::int64_t now = request.streams.now_ms();
    std::optional<aws::Fault> refused;
    const auto changed =
        request.streams.change(request.stream(), [&](StreamInfo& stream) -> Result<void> {
            if (stream.consumer(name))
                refused = aws::Fault{
                    "ResourceInUseException",
                    fmt::format("Consumer {} under stream {} already exists.", name, stream.name)};
            else if (stream.consumers.size() >= consumers_max)
                refused =
                    aws::Fault{"LimitExceededException",
                               fmt::format("A stream has at most {} consumers.", consumers_max)};
            if (refused) return fail(ErrorCode::invalid_input, "refused");
            stream.consumers.push_back({name, now});
            return {};
        });
    if (refused) return aws::refuse(*std::move(refused));
    if (!changed) return refuse_for(request.call, request.stream(), changed.error());
    const auto info = request.find();
    if (!info) return aws::refuse(info.error());
    return aws::reply({{"Consumer", consumer_json(request, **info, {name, now})}});
}

aws::Outcome<aws::Reply> deregister_consumer(const Request& request) {
    const std::string name = consumer_name(request);
    bool found = false;
    const auto changed =
        request.streams.change(request.stream(), [&](StreamInfo& stream) -> Result<void> {
            found = std::erase_if(stream.consumers,
                                  [&](const Consumer& c) { return c.name == name; }) > 0;
            return {};
        });
    if (!changed) return refuse_for(request.call, request.stream(), changed.error());
    if (!found) return no_consumer(request, name);
    return nothing();
}

aws::Outcome<aws::Reply> describe_consumer(const Request& request) {
    const auto info = request.find();
    if (!info) return aws::refuse(info.error());
    const std::string name = consumer_name(request);
    const Consumer* const consumer = (*info)->consumer(name);
    if (!consumer) return no_consumer(request, name);
    Json json = consumer_json(request, **info, *consumer);
    json["StreamARN"] = request.arn((*info)->name);
    return aws::reply({{"ConsumerDescription", std::move(json)}});
}

aws::Outcome<aws::Reply> list_consumers(const Request& request) {
    const auto info = request.find();
    if (!info) return aws::refuse(info.error());
    Json consumers = Json::array();
    for (const Consumer& consumer : (*info)->consumers)
        consumers.push_back(consumer_json(request, **info, consumer));
    return aws::reply({{"Consumers", std::move(consumers)}});
}

// ---- subscriptions ------------------------------------------------------------------------------

/// Where a subscription begins, as an iterator would say it.
aws::Outcome<stream::Position> starting_position(const Request& request, const StreamInfo& info) {
    const std::string shard_text = request.text("ShardId");
    const auto index = known_shard(request, info, shard_text);
    if (!index) return aws::refuse(index.error());
    const Json& start = request.parameters["StartingPosition"];
    Json asked = {{"StreamName", info.name},
                  {"ShardId", shard_text},
                  {"ShardIteratorType", start.value("Type", "LATEST")}};
    for (const char* member : {"Timestamp"})
        if (start.contains(member)) asked[member] = start[member];
    if (start.contains("SequenceNumber")) asked["StartingSequenceNumber"] = start["SequenceNumber"];
    const auto from =
        starting_place({request.streams, request.call, asked, request.may}, info, *index);
    if (!from) return aws::refuse(from.error());
    return stream::Position{.stream = info.name, .id = info.id, .shard = *index, .from = *from};
}

aws::Outcome<aws::Reply> subscribe(const Request& request) {
    const auto info = request.find();
    if (!info) return aws::refuse(info.error());
    const std::string name = consumer_name(request);
    if (!(*info)->consumer(name)) return no_consumer(request, name);
    auto position = starting_position(request, **info);
    if (!position) return aws::refuse(std::move(position.error()));
    const auto number = request.streams.subscribe((*info)->name, name, position->shard);
    if (!number) return refuse_for(request.call, request.stream(), number.error());
    if (!*number)
        return aws::refuse("ResourceInUseException",
                           fmt::format("Another active subscription exists for this consumer: "
                                       "{}:{}:{}",
                                       request.call.account, (*info)->name, name));
    aws::Reply reply;
    reply.content_type = "application/vnd.amazon.eventstream";
    reply.stream = subscription(request.streams, {*std::move(position), name, **number},
                                request.call.wire, request.call.left);
    return reply;
}

}  // namespace

std::vector<Operation> consumer_operations() {
    using aws::Type;
    const aws::Member name = shard_id("ConsumerName", true),
                      either = shard_id("ConsumerName", false);
    const aws::Member arn = any_text("ConsumerARN");
    return {{"RegisterStreamConsumer", {stream_name(), name}, register_consumer},
            {"DeregisterStreamConsumer", {stream_name(), either, arn}, deregister_consumer},
            {"DescribeStreamConsumer", {stream_name(), either, arn}, describe_consumer},
            {"ListStreamConsumers", {stream_name()}, list_consumers},
            {"SubscribeToShard",
             {stream_name(),
              {"ConsumerARN", {.needed = true}},
              shard_id("ShardId"),
              {"StartingPosition",
               {.type = Type::structure,
                .needed = true,
                .members = {{"Type",
                             {.needed = true,
                              .values = {"AFTER_SEQUENCE_NUMBER", "LATEST", "AT_TIMESTAMP",
                                         "AT_SEQUENCE_NUMBER", "TRIM_HORIZON"}}},
                            any_text("SequenceNumber"),
                            {"Timestamp", {.type = Type::timestamp}}}}}},
             subscribe}};
}

}  // namespace stroma::front::kinesis
