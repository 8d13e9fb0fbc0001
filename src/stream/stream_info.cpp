#include "stream/stream_info.h"

#include <algorithm>

#include "base/json.h"

namespace stroma::stream {
namespace {

Json parent_json(const std::optional<std::uint32_t>& parent) {
    return parent ? Json(*parent) : Json(nullptr);
}

std::optional<std::uint32_t> parent_of(const Json& value) {
    if (value.is_null()) return std::nullopt;
    return value.get<std::uint32_t>();
}

Json shard_json(const Shard& shard) {
    return {{"first", decimal(shard.first)},
            {"last", decimal(shard.last)},
            {"created_ms", shard.created_ms},
            {"numbered_s", shard.numbered_s},
            {"parent", parent_json(shard.parent)},
            {"adjacent_parent", parent_json(shard.adjacent_parent)},
            {"closed_ms", shard.closed_ms},
            {"end", shard.end}};
}

Shard open_shard(const StreamInfo& stream, HashKey first, HashKey last, std::int64_t now_ms) {
    Shard shard;
    shard.index = static_cast<std::uint32_t>(stream.shards.size());
    shard.first = first;
    shard.last = last;
    shard.created_ms = now_ms;
    // Behind every number of its parents, also of those that come in this second.
    shard.numbered_s = now_ms / 1000 + 1;
    return shard;
}

Result<void> close_shard(Shard& shard, std::int64_t now_ms, const ShardEnd& end) {
    // A shard that is made and closed in one step has never had a record.
    shard.end = shard.created_ms == now_ms && shard.parent ? 1 : TRY(end(shard.index));
    shard.closed_ms = now_ms;
    return {};
}

std::vector<std::uint32_t> open_in_order(const StreamInfo& stream) {
    std::vector<std::uint32_t> open;
    for (const Shard& shard : stream.shards)
        if (shard.is_open()) open.push_back(shard.index);
    std::ranges::sort(open, {}, [&](std::uint32_t s) { return stream.shards[s].first; });
    return open;
}

/// i × ⌊2^128 / count⌋; the end of all for i = count is hash_key_max + 1, that is 0.
HashKey boundary(int i, int count) {
    const HashKey part =
        count == 1
            ? 0
            : hash_key_max / static_cast<unsigned>(count) +
                  (hash_key_max % static_cast<unsigned>(count) + 1 == static_cast<unsigned>(count)
                       ? 1
                       : 0);
    return i == count ? 0 : part * static_cast<unsigned>(i);
}

}  // namespace

int StreamInfo::open_shards() const {
    return static_cast<int>(std::ranges::count_if(shards, &Shard::is_open));
}

const Consumer* StreamInfo::consumer(std::string_view consumer_name) const {
    const auto found = std::ranges::find(consumers, consumer_name, &Consumer::name);
    return found == consumers.end() ? nullptr : &*found;
}

std::vector<Shard> equal_shards(int count, std::int64_t now_ms) {
    std::vector<Shard> shards(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
        Shard& shard = shards[static_cast<std::size_t>(i)];
        shard.index = static_cast<std::uint32_t>(i);
        shard.first = boundary(i, count);
        shard.last = boundary(i + 1, count) - 1;
        shard.created_ms = now_ms;
        // The first record's number lies above the shard's own, and its time is never before.
        shard.numbered_s = now_ms / 1000 - 2;
    }
    return shards;
}

Result<void> split_shard(StreamInfo& stream, std::uint32_t shard, HashKey at, std::int64_t now_ms,
                         const ShardEnd& end) {
    const Shard parent = stream.shards.at(shard);
    if (at <= parent.first || at > parent.last)
        return fail(ErrorCode::invalid_input, "the new range begins outside the shard's");
    TRY(close_shard(stream.shards[shard], now_ms, end));
    for (const auto& [first, last] :
         {std::pair(parent.first, at - 1), std::pair(at, parent.last)}) {
        Shard child = open_shard(stream, first, last, now_ms);
        child.parent = shard;
        stream.shards.push_back(child);
    }
    return {};
}

Result<void> merge_shards(StreamInfo& stream, std::uint32_t a, std::uint32_t b, std::int64_t now_ms,
                          const ShardEnd& end) {
    const Shard left = stream.shards.at(a), right = stream.shards.at(b);
    if (left.last == hash_key_max || left.last + 1 != right.first)
        return fail(ErrorCode::invalid_input, "the shards aren't adjacent");
    TRY(close_shard(stream.shards[a], now_ms, end));
    TRY(close_shard(stream.shards[b], now_ms, end));
    Shard child = open_shard(stream, left.first, right.last, now_ms);
    child.parent = a;
    child.adjacent_parent = b;
    stream.shards.push_back(child);
    return {};
}

Result<void> spread_evenly(StreamInfo& stream, int count, std::int64_t now_ms,
                           const ShardEnd& end) {
    for (int i = 1; i < count; ++i) {
        const HashKey at = boundary(i, count);
        for (const std::uint32_t s : open_in_order(stream)) {
            const Shard& shard = stream.shards[s];
            if (shard.first >= at || at > shard.last) continue;
            TRY(split_shard(stream, s, at, now_ms, end));
            break;
        }
    }
    for (int i = 0; i < count; ++i) {
        const HashKey first = boundary(i, count), last = boundary(i + 1, count) - 1;
        for (;;) {
            std::vector<std::uint32_t> inside;
            for (const std::uint32_t s : open_in_order(stream))
                if (stream.shards[s].first >= first && stream.shards[s].last <= last)
                    inside.push_back(s);
            if (inside.size() < 2) break;
            TRY(merge_shards(stream, inside[0], inside[1], now_ms, end));
        }
    }
    return {};
}

std::string stream_json(const StreamInfo& stream) {
    Json shards = Json::array(), consumers = Json::array(), metrics = Json::array();
    for (const Shard& shard : stream.shards) shards.push_back(shard_json(shard));
    for (const Consumer& consumer : stream.consumers)
        consumers.push_back({{"name", consumer.name}, {"created_ms", consumer.created_ms}});
    for (const std::string& metric : stream.shard_metrics) metrics.push_back(metric);
    Json tags = Json::object();
    for (const auto& [key, value] : stream.tags) tags[key] = value;
    return Json{{"version", 1},
                {"name", stream.name},
                {"id", stream.id},
                {"owner", stream.owner},
                {"created_ms", stream.created_ms},
                {"retention_hours", stream.retention_hours},
                {"shards", std::move(shards)},
                {"tags", std::move(tags)},
                {"on_demand", stream.on_demand},
                {"key_id", stream.key_id},
                {"shard_metrics", std::move(metrics)},
                {"record_kib_max", stream.record_kib_max},
                {"consumers", std::move(consumers)},
                {"policy", stream.policy},
                {"changing_until_ms", stream.changing_until_ms},
                {"changing", static_cast<int>(stream.changing)}}
        .dump();
}

Result<StreamInfo> parse_stream(std::string_view json) {
    const Json read = TRY(parse_json(json, {.bytes_max = 64u << 20}));
    StreamInfo stream;
    try {
        stream.name = read.at("name").get<std::string>();
        stream.id = read.at("id").get<std::string>();
        stream.owner = read.at("owner").get<std::string>();
        stream.created_ms = read.at("created_ms").get<std::int64_t>();
        stream.retention_hours = read.at("retention_hours").get<int>();
        for (const Json& value : read.at("shards")) {
            Shard shard;
            shard.index = static_cast<std::uint32_t>(stream.shards.size());
            const auto first = parse_hash_key(value.at("first").get<std::string>());
            const auto last = parse_hash_key(value.at("last").get<std::string>());
            if (!first || !last) return fail(ErrorCode::corrupt, "a shard's range isn't one");
            shard.first = *first;
            shard.last = *last;
            shard.created_ms = value.at("created_ms").get<std::int64_t>();
            shard.numbered_s = value.at("numbered_s").get<std::int64_t>();
            shard.parent = parent_of(value.at("parent"));
            shard.adjacent_parent = parent_of(value.at("adjacent_parent"));
            shard.closed_ms = value.at("closed_ms").get<std::int64_t>();
            shard.end = value.at("end").get<std::uint64_t>();
            stream.shards.push_back(shard);
        }
        for (const auto& [key, value] : read.at("tags").items())
            stream.tags[key] = value.get<std::string>();
        stream.on_demand = read.at("on_demand").get<bool>();
        stream.key_id = read.at("key_id").get<std::string>();
        for (const Json& metric : read.at("shard_metrics"))
            stream.shard_metrics.insert(metric.get<std::string>());
        stream.record_kib_max = read.at("record_kib_max").get<int>();
        for (const Json& consumer : read.at("consumers"))
            stream.consumers.push_back({consumer.at("name").get<std::string>(),
                                        consumer.at("created_ms").get<std::int64_t>()});
        stream.policy = read.at("policy").get<std::string>();
        stream.changing_until_ms = read.at("changing_until_ms").get<std::int64_t>();
        stream.changing = static_cast<Status>(read.at("changing").get<int>());
    } catch (const nlohmann::json::exception& error) {
        return fail(ErrorCode::corrupt, error.what());
    }
    return stream;
}

}  // namespace stroma::stream
