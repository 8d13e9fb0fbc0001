#include <fmt/format.h>

#include <algorithm>

#include "front/kinesis/operation.h"

// Making, telling of and removing streams.

namespace stroma::front::kinesis {
namespace {

using stream::StreamInfo;

constexpr int shards_max = 500;

Json mode_json(const StreamInfo& stream) {
    return {{"StreamMode", stream.on_demand ? "ON_DEMAND" : "PROVISIONED"}};
}

aws::Outcome<aws::Reply> create_stream(const Request& request) {
    const std::string name = request.stream();
    const auto shards = static_cast<int>(request.integer("ShardCount", 1));
    if (request.streams.find(name))
        return aws::refuse(
            "ResourceInUseException",
            fmt::format("Stream {} under account {} already exists.", name, request.call.account));
    if (auto fits = room_for_shards(request, shards); !fits)
        return aws::refuse(std::move(fits.error()));
    std::map<std::string, std::string> tags;
    if (request.has("Tags"))
        for (const auto& [key, value] : request.parameters["Tags"].items())
            tags[key] = value.get<std::string>();
    const bool on_demand =
        request.has("StreamModeDetails") &&
        request.parameters["StreamModeDetails"].value("StreamMode", Json("")) == "ON_DEMAND";
    const auto made =
        request.streams.create(name, request.call.principal.id, shards, on_demand, std::move(tags));
    if (!made && made.error().code == ErrorCode::already_exists)
        return aws::refuse(
            "ResourceInUseException",
            fmt::format("Stream {} under account {} already exists.", name, request.call.account));
    if (!made) return aws::refuse(made.error());
    return nothing();
}

aws::Outcome<aws::Reply> delete_stream(const Request& request) {
    const auto info = request.find();
    if (!info) return aws::refuse(info.error());
    const bool enforce = request.parameters.value("EnforceConsumerDeletion", false);
    if (!(*info)->consumers.empty() && !enforce)
        return aws::refuse("ResourceInUseException",
                           fmt::format("Stream {} under account {} has consumers registered with "
                                       "it. To delete it anyway, set EnforceConsumerDeletion.",
                                       (*info)->name, request.call.account));
    const auto removed = request.streams.remove(request.stream());
    if (!removed) return refuse_for(request.call, request.stream(), removed.error());
    return nothing();
}

Json monitoring_json(const StreamInfo& stream) {
    Json metrics = Json::array();
    for (const std::string& metric : stream.shard_metrics) metrics.push_back(metric);
    return Json::array({Json{{"ShardLevelMetrics", std::move(metrics)}}});
}

/// What the description and the summary have in common.
Json described(const Request& request, const StreamInfo& stream) {
    Json json = {{"StreamName", stream.name},
                 {"StreamARN", request.arn(stream.name)},
                 {"StreamStatus", status_name(stream.status(request.streams.now_ms()))},
                 {"StreamModeDetails", mode_json(stream)},
                 {"RetentionPeriodHours", stream.retention_hours},
                 {"StreamCreationTimestamp", request.time(stream.created_ms / 1000 * 1000)},
                 {"EnhancedMonitoring", monitoring_json(stream)},
                 {"EncryptionType", stream.key_id.empty() ? "NONE" : "KMS"}};
    if (!stream.key_id.empty()) json["KeyId"] = stream.key_id;
    return json;
}

aws::Outcome<aws::Reply> describe_stream(const Request& request) {
    const auto info = request.find();
    if (!info) return aws::refuse(info.error());
    const auto shards = told_shards(**info, request.streams.now_ms());
    const auto limit = static_cast<std::size_t>(request.integer("Limit", 100));
    const std::string after = request.text("ExclusiveStartShardId");
    Json told = Json::array();
    bool more = false;
    for (const stream::Shard& shard : shards) {
        if (!after.empty() && stream::shard_name(shard.index) <= after) continue;
        more = told.size() == limit;
        if (more) break;
        told.push_back(shard_json(shard));
    }
    Json json = described(request, **info);
    json["Shards"] = std::move(told);
    json["HasMoreShards"] = more;
    return aws::reply({{"StreamDescription", std::move(json)}});
}

aws::Outcome<aws::Reply> describe_stream_summary(const Request& request) {
    const auto info = request.find();
    if (!info) return aws::refuse(info.error());
    const StreamInfo& stream = **info;
    Json json = described(request, stream);
    const bool creating = stream.status(request.streams.now_ms()) == stream::Status::creating;
    json["OpenShardCount"] = creating ? 0 : stream.open_shards();
    json["ConsumerCount"] = stream.consumers.size();
    json["MaxRecordSizeInKiB"] = stream.record_kib_max;
    return aws::reply({{"StreamDescriptionSummary", std::move(json)}});
}

aws::Outcome<aws::Reply> list_streams(const Request& request) {
    std::string after = request.text("ExclusiveStartStreamName");
    if (const std::string token = request.text("NextToken"); !token.empty()) {
        std::string sealed;
        const auto text = aws::base64_decode(token, sealed)
                              ? stream::unseal_text(sealed, request.streams.secret())
                              : std::nullopt;
        if (!text) return invalid_argument("NextToken is invalid.");
        after = *text;
    }
    const auto limit = static_cast<std::size_t>(request.integer("Limit", 100));
    Json names = Json::array(), summaries = Json::array();
    bool more = false;
    for (const std::string& name : request.streams.names()) {
        if (!after.empty() && name <= after) continue;
        const auto info = request.streams.find(name);
        if (!info || !request.allow(catalog::Action::read, **info)) continue;
        more = names.size() == limit;
        if (more) break;
        names.push_back(name);
        summaries.push_back(
            {{"StreamName", name},
             {"StreamARN", request.arn(name)},
             {"StreamStatus", status_name((*info)->status(request.streams.now_ms()))},
             {"StreamModeDetails", mode_json(**info)},
             {"StreamCreationTimestamp", request.time((*info)->created_ms / 1000 * 1000)}});
    }
    Json json = {{"HasMoreStreams", more}};
    if (more)
        json["NextToken"] = aws::base64(
            stream::seal_text(names.back().get<std::string>(), request.streams.secret()));
    json["StreamNames"] = std::move(names);
    json["StreamSummaries"] = std::move(summaries);
    return aws::reply(std::move(json));
}

aws::Outcome<aws::Reply> describe_limits(const Request& request) {
    int open = 0, on_demand = 0;
    for (const std::string& name : request.streams.names())
        if (const auto info = request.streams.find(name)) {
            open += (*info)->open_shards();
            on_demand += (*info)->on_demand ? 1 : 0;
        }
    return aws::reply({{"ShardLimit", shards_max},
                       {"OpenShardCount", open},
                       {"OnDemandStreamCount", on_demand},
                       {"OnDemandStreamCountLimit", 50}});
}

}  // namespace

aws::Outcome<void> room_for_shards(const Request& request, int more) {
    int open = 0;
    for (const std::string& name : request.streams.names())
        if (const auto info = request.streams.find(name)) open += (*info)->open_shards();
    if (open + more <= shards_max) return {};
    return aws::refuse(
        "LimitExceededException",
        fmt::format("This request would exceed the shard limit for the account {} in {}. Current "
                    "shard count for the account: {}. Limit: {}. Number of additional shards that "
                    "would have resulted from this request: {}. Refer to the AWS Service Limits "
                    "page (http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) "
                    "for current limits and how to request higher limits.",
                    request.call.account, request.call.region, open, shards_max, more));
}

std::vector<Operation> stream_operations() {
    const aws::Member tags = {"Tags", {.type = aws::Type::map, .child = aws::Type::text}};
    const aws::Member mode = {
        "StreamModeDetails",
        {.type = aws::Type::structure,
         .members = {{"StreamMode", {.values = {"PROVISIONED", "ON_DEMAND"}}}}}};
    return {{"CreateStream",
             {whole_number("ShardCount", true, 1, 100000), stream_name(), mode, tags},
             create_stream},
            {"DeleteStream",
             {stream_name(), {"EnforceConsumerDeletion", {.type = aws::Type::boolean}}},
             delete_stream},
            {"DescribeStream",
             {whole_number("Limit", false, 1, 10000), shard_id("ExclusiveStartShardId", false),
              stream_name()},
             describe_stream},
            {"DescribeStreamSummary", {stream_name()}, describe_stream_summary},
            {"ListStreams",
             {whole_number("Limit", false, 1, 10000), shard_id("ExclusiveStartStreamName", false),
              any_text("NextToken")},
             list_streams},
            {"DescribeLimits", {}, describe_limits}};
}

}  // namespace stroma::front::kinesis
