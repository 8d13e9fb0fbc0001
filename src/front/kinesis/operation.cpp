#include "front/kinesis/operation.h"

#include <fmt/format.h>

#include <algorithm>

namespace stroma::front::kinesis {
namespace {

bool is_name(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '.' || c == '-';
    });
}

bool is_decimal(std::string_view text, std::size_t digits_max) {
    if (text.empty() || text.size() > digits_max) return false;
    if (text[0] == '0') return text.size() == 1;
    return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}
bool is_hash_key(std::string_view text) { return is_decimal(text, 39); }

aws::Shape name_shape(bool needed) {
    return {.needed = needed,
            .length_min = 1,
            .length_max = 128,
            .pattern = "[a-zA-Z0-9_.-]+",
            .matches = is_name};
}

}  // namespace

std::string Request::text(std::string_view name) const {
    const auto found = parameters.find(name);
    return found != parameters.end() && found->is_string() ? found->get<std::string>()
                                                           : std::string();
}

std::int64_t Request::integer(std::string_view name, std::int64_t otherwise) const {
    const auto found = parameters.find(name);
    return found != parameters.end() && found->is_number() ? found->get<std::int64_t>() : otherwise;
}

aws::Outcome<std::shared_ptr<const stream::StreamInfo>> Request::find() const {
    auto found = streams.find(stream());
    if (!found) return refuse_for(call, stream(), found.error());
    return *std::move(found);
}

std::string Request::arn(std::string_view stream_name) const {
    return fmt::format("arn:aws:kinesis:{}:{}:stream/{}", call.region, call.account, stream_name);
}

aws::Outcome<void> Request::allow(catalog::Action action, const stream::StreamInfo& stream) const {
    const auto allowed =
        may(call.principal, action, {catalog::ThingKind::stream, stream.name, stream.owner});
    if (!allowed) return aws::refuse(allowed.error());
    if (*allowed) return {};
    return aws::refuse("AccessDeniedException",
                       fmt::format("User: {} is not authorized to perform: kinesis:{} on resource: "
                                   "{}",
                                   call.principal.id, call.operation, arn(stream.name)));
}

aws::Member stream_name(bool needed) { return {"StreamName", name_shape(needed)}; }
aws::Member shard_id(std::string_view name, bool needed) { return {name, name_shape(needed)}; }
aws::Member whole_number(std::string_view name, bool needed, double at_least, double at_most) {
    return {
        name,
        {.type = aws::Type::integer, .needed = needed, .at_least = at_least, .at_most = at_most}};
}
aws::Member any_text(std::string_view name) { return {name, {}}; }
aws::Shape hash_key(bool needed) {
    return {.needed = needed, .pattern = "0|([1-9]\\d{0,38})", .matches = is_hash_key};
}

tl::unexpected<aws::Fault> no_stream(const aws::Call& call, std::string_view name) {
    return aws::refuse("ResourceNotFoundException",
                       fmt::format("Stream {} under account {} not found.", name, call.account));
}

tl::unexpected<aws::Fault> no_shard(const aws::Call& call, std::string_view shard,
                                    std::string_view stream) {
    return aws::refuse("ResourceNotFoundException",
                       fmt::format("Could not find shard {} in stream {} under account {}.", shard,
                                   stream, call.account));
}

tl::unexpected<aws::Fault> not_active(const aws::Call& call, const stream::StreamInfo& stream,
                                      stream::Status status) {
    return aws::refuse("ResourceInUseException",
                       fmt::format("Stream {} under account {} not ACTIVE, instead in state {}",
                                   stream.name, call.account, status_name(status)));
}

tl::unexpected<aws::Fault> invalid_argument(std::string message) {
    return aws::refuse("InvalidArgumentException", std::move(message));
}

tl::unexpected<aws::Fault> refuse_for(const aws::Call& call, std::string_view stream,
                                      const Error& error) {
    switch (error.code) {
        case ErrorCode::not_found: return no_stream(call, stream);
        case ErrorCode::invalid_input: return invalid_argument(error.message);
        case ErrorCode::exhausted:
        case ErrorCode::unavailable: return aws::refuse("InternalFailure", error.message, 500);
        default: return aws::refuse(error);
    }
}

std::string_view status_name(stream::Status status) {
    switch (status) {
        case stream::Status::creating: return "CREATING";
        case stream::Status::updating: return "UPDATING";
        case stream::Status::deleting: return "DELETING";
        case stream::Status::active: break;
    }
    return "ACTIVE";
}

std::vector<stream::Shard> told_shards(const stream::StreamInfo& stream, std::int64_t now_ms) {
    std::vector<stream::Shard> told;
    const stream::Status status = stream.status(now_ms);
    if (status == stream::Status::creating || status == stream::Status::deleting) return told;
    // While a stream is said to be updating, it is told of as it was.
    std::int64_t hidden_ms = 0;
    if (status == stream::Status::updating)
        for (const stream::Shard& shard : stream.shards)
            hidden_ms = std::max(hidden_ms, shard.closed_ms);
    for (stream::Shard shard : stream.shards) {
        if (hidden_ms != 0 && shard.parent && shard.created_ms == hidden_ms) continue;
        if (hidden_ms != 0 && shard.closed_ms == hidden_ms) shard.closed_ms = 0;
        if (stream.is_told(shard, now_ms)) told.push_back(shard);
    }
    return told;
}

Json shard_json(const stream::Shard& shard) {
    Json json = {{"ShardId", stream::shard_name(shard.index)}};
    if (shard.parent) json["ParentShardId"] = stream::shard_name(*shard.parent);
    if (shard.adjacent_parent)
        json["AdjacentParentShardId"] = stream::shard_name(*shard.adjacent_parent);
    json["HashKeyRange"] = {{"StartingHashKey", stream::decimal(shard.first)},
                            {"EndingHashKey", stream::decimal(shard.last)}};
    Json range = {{"StartingSequenceNumber", stream::to_text(shard.first_number())}};
    if (!shard.is_open()) range["EndingSequenceNumber"] = stream::to_text(shard.last_number());
    json["SequenceNumberRange"] = std::move(range);
    return json;
}

aws::Outcome<std::uint32_t> known_shard(const Request& request, const stream::StreamInfo& stream,
                                        std::string_view name) {
    const auto index = stream::parse_shard_name(name);
    if (!index) return no_shard(request.call, name, stream.name);
    if (*index >= stream.shards.size() ||
        !stream.is_told(stream.shards[*index], request.streams.now_ms()))
        return no_shard(request.call, stream::shard_name(*index), stream.name);
    return *index;
}

}  // namespace stroma::front::kinesis
