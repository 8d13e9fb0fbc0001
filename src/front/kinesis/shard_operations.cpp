#include <fmt/format.h>

#include <algorithm>

#include "front/kinesis/operation.h"

// Listing shards, splitting and merging them.

namespace stroma::front::kinesis {
namespace {

using stream::Shard;
using stream::Status;
using stream::StreamInfo;

constexpr std::int64_t token_life_ms = 300'000;

// ---- listing ------------------------------------------------------------------------------------

/// What the next page of ListShards begins with.
struct PageToken {
    std::int64_t created_ms = 0;
    std::string id, stream, after, filter;
};

std::string token_text(const Request& request, const PageToken& token) {
    return aws::base64(stream::seal_text(fmt::format("{}/{}/{}/{}/{}", token.created_ms, token.id,
                                                     token.stream, token.after, token.filter),
                                         request.streams.secret()));
}

aws::Outcome<PageToken> read_token(const Request& request) {
    std::string sealed;
    const auto text = aws::base64_decode(request.text("NextToken"), sealed)
                          ? stream::unseal_text(sealed, request.streams.secret())
                          : std::nullopt;
    if (!text) return invalid_argument("NextToken is invalid.");
    std::vector<std::string> parts;
    for (std::size_t from = 0; from <= text->size() && parts.size() < 4;) {
        const std::size_t end = std::min(text->find('/', from), text->size());
        parts.push_back(text->substr(from, end - from));
        from = end + 1;
    }
    if (parts.size() < 4) return invalid_argument("NextToken is invalid.");
    const std::size_t rest =
        parts[0].size() + parts[1].size() + parts[2].size() + parts[3].size() + 4;
    PageToken token{std::stoll(parts[0]), parts[1], parts[2], parts[3],
                    rest <= text->size() ? text->substr(rest) : ""};
    if (request.streams.now_ms() - token.created_ms > token_life_ms)
        return aws::refuse("ExpiredNextTokenException", "NextToken has expired.");
    return token;
}

/// Whether the shard passes a filter; times in ms.
bool passes(const Shard& shard, const StreamInfo& stream, const Json& filter, std::int64_t now_ms,
            bool times_in_ms) {
    const std::string type = filter.value("Type", "");
    const std::int64_t horizon = now_ms - stream.retention_hours * 3'600'000LL;
    const auto at = filter.find("Timestamp");
    const std::int64_t time =
        at == filter.end()
            ? 0
            : static_cast<std::int64_t>(at->get<double>() * (times_in_ms ? 1.0 : 1000.0));
    const auto open_at = [&](std::int64_t ms) {
        return shard.created_ms <= ms && (shard.is_open() || shard.closed_ms > ms);
    };
    const auto open_from = [&](std::int64_t ms) {
        return shard.is_open() || shard.closed_ms >= ms;
    };
    if (type == "AT_LATEST") return shard.is_open();
    if (type == "AT_TRIM_HORIZON") return open_at(std::max(horizon, stream.created_ms));
    if (type == "FROM_TRIM_HORIZON") return open_from(horizon);
    if (type == "AT_TIMESTAMP") return open_at(std::max(time, stream.created_ms));
    if (type == "FROM_TIMESTAMP") return open_from(time);
    if (type == "AFTER_SHARD_ID")
        return stream::shard_name(shard.index) > filter.value("ShardId", "");
    return true;
}

aws::Outcome<aws::Reply> list_shards(const Request& request) {
    const bool named = request.has("StreamName"), paged = request.has("NextToken");
    if (!named && !paged)
        return invalid_argument("Either NextToken or StreamName should be provided.");
    if (named && paged)
        return invalid_argument("NextToken and StreamName cannot be provided together.");
    PageToken page{.stream = request.stream(), .after = request.text("ExclusiveStartShardId")};
    if (request.has("ShardFilter")) page.filter = request.parameters["ShardFilter"].dump();
    if (paged) {
        auto token = read_token(request);
        if (!token) return aws::refuse(std::move(token.error()));
        page = *std::move(token);
    }
    const auto info = request.streams.find(page.stream);
    if (!info) return refuse_for(request.call, page.stream, info.error());
    if (auto allowed = request.allow(catalog::Action::read, **info); !allowed)
        return aws::refuse(std::move(allowed.error()));
    if (paged && (*info)->id != page.id) return invalid_argument("NextToken is invalid.");
    const auto filter = page.filter.empty() ? Json(Json::object()) : *parse_json(page.filter);
    const auto limit = static_cast<std::size_t>(request.integer("MaxResults", 1000));
    const std::int64_t now = request.streams.now_ms();
    Json shards = Json::array();
    bool more = false;
    for (const Shard& shard : told_shards(**info, now)) {
        const std::string name = stream::shard_name(shard.index);
        if (!page.after.empty() && name <= page.after) continue;
        if (!passes(shard, **info, filter, now, request.call.wire == aws::Wire::cbor_1_1)) continue;
        more = shards.size() == limit;
        if (more) break;
        shards.push_back(shard_json(shard));
    }
    Json json = Json::object();
    if (more) {
        page.created_ms = now;
        page.id = (*info)->id;
        page.after = shards.back()["ShardId"].get<std::string>();
        json["NextToken"] = token_text(request, page);
    }
    json["Shards"] = std::move(shards);
    return aws::reply(std::move(json));
}

// ---- changing -----------------------------------------------------------------------------------

/// A refusal found while the stream's shards are held.
using Change = std::function<aws::Outcome<void>(StreamInfo&, const stream::ShardEnd&)>;

aws::Outcome<void> reshard(const Request& request, const Change& change) {
    std::optional<aws::Fault> refused;
    const auto done = request.streams.reshard(
        request.stream(), [&](StreamInfo& stream, const stream::ShardEnd& end) -> Result<void> {
            const std::int64_t now = request.streams.now_ms();
            aws::Outcome<void> changed;
            if (const Status status = stream.status(now); status != Status::active)
                changed = not_active(request.call, stream, status);
            else
                changed = change(stream, end);
            if (!changed) {
                refused = std::move(changed.error());
                return fail(ErrorCode::invalid_input, "refused");
            }
            stream.changing = Status::updating;
            stream.changing_until_ms = now + request.streams.transition().count();
            return {};
        });
    if (refused) return aws::refuse(*std::move(refused));
    if (!done) return refuse_for(request.call, request.stream(), done.error());
    return {};
}

aws::Outcome<void> from_domain(Result<void> result) {
    if (!result) return invalid_argument(result.error().message);
    return {};
}

aws::Outcome<aws::Reply> split_shard(const Request& request) {
    const std::string name = request.text("ShardToSplit");
    if (!stream::parse_shard_name(name)) return no_shard(request.call, name, request.stream());
    const auto done = reshard(
        request, [&](StreamInfo& stream, const stream::ShardEnd& end) -> aws::Outcome<void> {
            const auto index = known_shard(request, stream, name);
            if (!index) return aws::refuse(index.error());
            if (auto room = room_for_shards(request, 1); !room) return room;
            const Shard& shard = stream.shards[*index];
            const std::string wanted = request.text("NewStartingHashKey");
            const auto at = stream::parse_hash_key(wanted);
            if (!at || *at <= shard.first + 1 || *at >= shard.last)
                return invalid_argument(fmt::format(
                    "NewStartingHashKey {} used in SplitShard() on shard {} in stream {} under "
                    "account {} is not both greater than one plus the shard's StartingHashKey {} "
                    "and less than the shard's EndingHashKey {}.",
                    wanted, stream::shard_name(*index), stream.name, request.call.account,
                    stream::decimal(shard.first), stream::decimal(shard.last)));
            if (!shard.is_open())
                return aws::refuse(
                    "ResourceInUseException",
                    fmt::format("Shard {} in stream {} under account {} is already "
                                "closed.",
                                stream::shard_name(*index), stream.name, request.call.account));
            return from_domain(
                stream::split_shard(stream, *index, *at, request.streams.now_ms(), end));
        });
    if (!done) return aws::refuse(done.error());
    return nothing();
}

aws::Outcome<aws::Reply> merge_shards(const Request& request) {
    const std::string names[2] = {request.text("ShardToMerge"),
                                  request.text("AdjacentShardToMerge")};
    for (const std::string& name : names)
        if (!stream::parse_shard_name(name)) return no_shard(request.call, name, request.stream());
    const auto done = reshard(
        request, [&](StreamInfo& stream, const stream::ShardEnd& end) -> aws::Outcome<void> {
            std::uint32_t index[2];
            for (int i = 0; i < 2; ++i) {
                const auto found = known_shard(request, stream, names[i]);
                if (!found) return aws::refuse(found.error());
                index[i] = *found;
            }
            const Shard &a = stream.shards[index[0]], &b = stream.shards[index[1]];
            if (!a.is_open() || !b.is_open() || a.last == stream::hash_key_max ||
                a.last + 1 != b.first)
                return invalid_argument(fmt::format(
                    "Shards {} and {} in stream {} under account {} are not an adjacent pair of "
                    "shards eligible for merging",
                    stream::shard_name(index[0]), stream::shard_name(index[1]), stream.name,
                    request.call.account));
            return from_domain(
                stream::merge_shards(stream, index[0], index[1], request.streams.now_ms(), end));
        });
    if (!done) return aws::refuse(done.error());
    return nothing();
}

aws::Outcome<aws::Reply> update_shard_count(const Request& request) {
    const auto target = static_cast<int>(request.integer("TargetShardCount", 1));
    int before = 0;
    const auto done = reshard(
        request, [&](StreamInfo& stream, const stream::ShardEnd& end) -> aws::Outcome<void> {
            before = stream.open_shards();
            if (stream.on_demand)
                return aws::refuse("ValidationException",
                                   "Request is invalid. Stream " + stream.name +
                                       " uses the ON_DEMAND mode, whose shards are not set.");
            if (target > before * 2)
                return aws::refuse(
                    "LimitExceededException",
                    fmt::format("UpdateShardCount cannot scale up over double your current open "
                                "shard count. Current open shard count: {} Target shard count: {}",
                                before, target));
            if (target * 2 < before)
                return aws::refuse(
                    "LimitExceededException",
                    fmt::format("UpdateShardCount cannot scale down below half your current open "
                                "shard count. Current open shard count: {} Target shard count: {}",
                                before, target));
            if (target > before)
                if (auto room = room_for_shards(request, target - before); !room) return room;
            return from_domain(
                stream::spread_evenly(stream, target, request.streams.now_ms(), end));
        });
    if (!done) return aws::refuse(done.error());
    return aws::reply({{"StreamName", request.stream()},
                       {"StreamARN", request.arn(request.stream())},
                       {"CurrentShardCount", before},
                       {"TargetShardCount", target}});
}

}  // namespace

std::vector<Operation> shard_operations() {
    const aws::Member filter = {
        "ShardFilter",
        {.type = aws::Type::structure,
         .members = {{"Type",
                      {.needed = true,
                       .values = {"AFTER_SHARD_ID", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON",
                                  "AT_LATEST", "AT_TIMESTAMP", "FROM_TIMESTAMP"}}},
                     any_text("ShardId"),
                     {"Timestamp", {.type = aws::Type::timestamp}}}}};
    return {{"ListShards",
             {shard_id("ExclusiveStartShardId", false),
              whole_number("MaxResults", false, 1, 10000),
              {"NextToken", {.length_min = 1}},
              {"StreamCreationTimestamp", {.type = aws::Type::timestamp}},
              filter,
              stream_name(false)},
             list_shards},
            {"SplitShard",
             {{"NewStartingHashKey", hash_key(true)}, stream_name(), shard_id("ShardToSplit")},
             split_shard},
            {"MergeShards",
             {shard_id("ShardToMerge"), shard_id("AdjacentShardToMerge"), stream_name()},
             merge_shards},
            {"UpdateShardCount",
             {whole_number("TargetShardCount", true, 1, 10000),
              {"ScalingType", {.needed = true, .values = {"UNIFORM_SCALING"}}},
              stream_name()},
             update_shard_count}};
}

}  // namespace stroma::front::kinesis
