#include "delivery/partition_buffers.h"

#include <algorithm>

namespace stroma::delivery {
namespace {

/// Forced items are written down one by one, so they don't wait until they are many.
constexpr std::size_t forced_max = 5000;
/// Buffers that are due within this part of their time go along with one that is due now: each
/// delivery reads the log anew.
constexpr std::int64_t going_along = 5;

std::uint64_t at(const Positions& positions, std::uint32_t shard) {
    const auto found = positions.find(shard);
    return found == positions.end() ? 1 : found->second;
}

void lower(Positions& positions, const Positions& to) {
    for (auto& [shard, number] : positions) number = std::min(number, at(to, shard));
}

/// Drops what lies in the log before those positions.
void forget(std::map<std::string, ForcedItem>& forced, const Positions& before) {
    std::erase_if(forced, [&](const auto& each) {
        return each.second.number < at(before, each.second.shard);
    });
}

}  // namespace

PartitionBuffers::PartitionBuffers(const DeliveryState& state)
    : version_(state.buffers ? state.buffers->version : state.version),
      config_(state.buffers ? state.buffers->config : state.config),
      stored_(state.buffers),
      looked_at_(state.cursors) {
    if (!stored_) return;
    forced_ = stored_->forced;
    for (const auto& [name, from] : stored_->from) open_[name].from = from;
}

std::uint64_t PartitionBuffers::next(std::uint32_t shard) const { return at(looked_at_, shard); }

bool PartitionBuffers::is_caught_up() const {
    return !stored_ || std::ranges::all_of(stored_->scanned, [&](const auto& each) {
        return next(each.first) >= each.second;
    });
}

Result<void> PartitionBuffers::note(std::uint32_t shard, std::uint64_t to,
                                    const std::vector<RawRecord>& records,
                                    const std::vector<ItemPlace>& places) {
    for (const ItemPlace& place : places) {
        const RawRecord& record = records[place.record];
        if (!place.forced.empty() && is_stored(shard, record.number) && !forced_.contains(place.id))
            return fail(ErrorCode::unavailable,
                        "the query was stopped on a record on which it went well before");
        note_item(shard, record, place);
    }
    looked_at_[shard] = std::max(next(shard), to);
    return {};
}

std::uint64_t PartitionBuffers::known_until(std::uint32_t shard) const {
    return stored_ ? at(stored_->scanned, shard) : 1;
}

bool PartitionBuffers::is_stored(std::uint32_t shard, std::uint64_t number) const {
    return stored_ && number < at(stored_->scanned, shard);
}

/// Null for what was delivered before.
PartitionBuffers::Buffer* PartitionBuffers::buffer_for(std::uint32_t shard, std::uint64_t number,
                                                       const ItemPlace& place) {
    std::string name = place.buffer;
    if (place.forced.empty() && forced_.contains(place.id)) name = errors_buffer;
    if (is_stored(shard, number)) {
        const auto stored = stored_->from.find(name);
        if (stored == stored_->from.end() || number < at(stored->second, shard)) return nullptr;
        return &open_.at(name);
    }
    const bool is_partition = name != errors_buffer && name != raw_buffer;
    const auto partitions = static_cast<std::size_t>(std::ranges::count_if(
        open_, [](const auto& each) { return !each.first.starts_with('!'); }));
    if (is_partition && !open_.contains(name) && partitions >= partitions_max) {
        forced_[place.id] = {std::string(too_many_code), shard, number};
        name = errors_buffer;
    }
    if (!place.forced.empty()) forced_[place.id] = {place.forced, shard, number};
    const auto [found, is_new] = open_.try_emplace(name);
    if (is_new) {
        // What other shards hold before this moment isn't in it, nor what was delivered before.
        found->second.from = looked_at_;
        if (stored_)
            for (const auto& [each, scanned] : stored_->scanned)
                found->second.from[each] = std::max(at(looked_at_, each), scanned);
        found->second.from[shard] = number;
    }
    return &found->second;
}

void PartitionBuffers::note_item(std::uint32_t shard, const RawRecord& record,
                                 const ItemPlace& place) {
    Buffer* const buffer = buffer_for(shard, record.number, place);
    if (buffer == nullptr) return;
    buffer->bytes += place.bytes;
    if (buffer->oldest_ms == 0 || record.arrived_ms < buffer->oldest_ms)
        buffer->oldest_ms = record.arrived_ms;
}

std::int64_t PartitionBuffers::oldest_ms() const {
    std::int64_t oldest = 0;
    for (const auto& [name, buffer] : open_)
        if (oldest == 0 || buffer.oldest_ms < oldest) oldest = buffer.oldest_ms;
    return oldest;
}

std::vector<std::string> PartitionBuffers::due(const Destination& destination,
                                               std::int64_t now_ms) const {
    std::vector<std::string> found;
    const std::int64_t age = destination.buffer_time.count();
    const bool is_one_old = std::ranges::any_of(
        open_, [&](const auto& each) { return each.second.oldest_ms + age <= now_ms; });
    const std::int64_t old_ms = is_one_old ? now_ms + age / going_along : now_ms;
    for (const auto& [name, buffer] : open_)
        if (buffer.bytes >= destination.buffer_bytes || buffer.oldest_ms + age <= old_ms ||
            (name == errors_buffer && forced_.size() >= forced_max))
            found.push_back(name);
    return found;
}

std::vector<std::string> PartitionBuffers::all() const {
    std::vector<std::string> names;
    for (const auto& [name, buffer] : open_) names.push_back(name);
    return names;
}

Milliseconds PartitionBuffers::left(const Destination& destination, std::int64_t now_ms) const {
    return Milliseconds{oldest_ms() + destination.buffer_time.count() - now_ms};
}

void PartitionBuffers::plan(const std::vector<std::string>& buffers, std::int64_t now_ms,
                            DeliveryState& state) const {
    OpenBuffers open{.version = version_,
                     .config = config_,
                     .scanned = looked_at_,
                     .from = {},
                     .forced = forced_};
    for (const auto& [name, buffer] : open_) open.from[name] = buffer.from;
    Plan plan{.ranges = {}, .planned_ms = now_ms, .version = version_, .config = config_};
    Positions begin = looked_at_;
    for (const std::string& name : buffers) {
        plan.buffers[name] = open.from.at(name);
        lower(begin, open.from.at(name));
    }
    for (const auto& [shard, to] : looked_at_)
        if (begin.at(shard) < to) plan.ranges.push_back({shard, begin.at(shard), to});
    plan.open = std::move(open);
    state.plan = std::move(plan);
}

void PartitionBuffers::close(const std::map<std::string, Positions>& buffers) {
    for (const auto& [name, from] : buffers) open_.erase(name);
    Positions done = looked_at_;
    for (const auto& [name, buffer] : open_) lower(done, buffer.from);
    forget(forced_, done);
}

void note_delivered(DeliveryState& state) {
    const Plan& plan = *state.plan;
    if (!plan.open) {
        for (const Range& range : plan.ranges) state.cursors[range.shard] = range.to;
    } else {
        OpenBuffers open = *plan.open;
        for (const auto& [name, from] : plan.buffers) open.from.erase(name);
        state.cursors = open.scanned;
        for (const auto& [name, from] : open.from) lower(state.cursors, from);
        forget(open.forced, state.cursors);
        state.buffers.reset();
        if (!open.from.empty()) state.buffers = std::move(open);
    }
    state.plan.reset();
}

}  // namespace stroma::delivery
