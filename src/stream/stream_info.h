#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "stream/hash_key.h"
#include "stream/sequence_number.h"

namespace stroma::stream {

enum class Status { creating, active, updating, deleting };

struct Shard {
    std::uint32_t index = 0;
    HashKey first = 0, last = hash_key_max;
    std::int64_t created_ms = 0;
    std::int64_t numbered_s = 0;  ///< the time that its sequence numbers bear
    std::optional<std::uint32_t> parent, adjacent_parent;
    std::int64_t closed_ms = 0;  ///< 0 while it takes records
    std::uint64_t end = 0;       ///< of a closed one: behind its last record

    bool is_open() const { return closed_ms == 0; }
    bool overlaps(const Shard& other) const { return first <= other.last && other.first <= last; }
    /// The number of the record that has this place in the shard and came then.
    SequenceNumber number(std::uint64_t counter, std::int64_t arrived_ms) const {
        return {numbered_s, index, counter, std::max(arrived_ms / 1000, numbered_s)};
    }
    SequenceNumber first_number() const { return {numbered_s, index, 0, numbered_s}; }
    SequenceNumber last_number() const {
        return {numbered_s, index, SequenceNumber::counter_max,
                std::max(closed_ms / 1000, numbered_s)};
    }
};

struct Consumer {
    std::string name;
    std::int64_t created_ms = 0;
};

/// All that a stream is beside its records. A snapshot: what is changed later isn't seen.
struct StreamInfo {
    std::string name;
    std::string id;     ///< of this creation; another stream of the same name has another one
    std::string owner;  ///< id of the principal who made it
    std::int64_t created_ms = 0;
    int retention_hours = 24;
    std::vector<Shard> shards;  ///< by index
    std::map<std::string, std::string> tags;
    bool on_demand = false;
    std::string key_id;  ///< of the encryption that was asked for; "" for none
    std::set<std::string> shard_metrics;
    int record_kib_max = 1024;
    std::vector<Consumer> consumers;
    std::string policy;
    /// Until then it is creating, updating or deleting; afterwards it is active.
    std::int64_t changing_until_ms = 0;
    Status changing = Status::creating;

    Status status(std::int64_t now_ms) const {
        return now_ms < changing_until_ms || changing == Status::deleting ? changing
                                                                          : Status::active;
    }
    int open_shards() const;
    /// Closed shards whose records are all past their retention are no longer told of.
    bool is_told(const Shard& shard, std::int64_t now_ms) const {
        return shard.is_open() || shard.closed_ms + retention_hours * 3'600'000LL > now_ms;
    }
    const Consumer* consumer(std::string_view consumer_name) const;
};

/// The shards of a new stream: equal parts, the last one a little larger.
std::vector<Shard> equal_shards(int count, std::int64_t now_ms);

/// Where shards end: asked for by those who close one.
using ShardEnd = std::function<Result<std::uint64_t>(std::uint32_t shard)>;

/// Closes the shard and opens two in its place, the second from `at` on.
/// invalid_input unless first + 1 < at < last.
Result<void> split_shard(StreamInfo& stream, std::uint32_t shard, HashKey at, std::int64_t now_ms,
                         const ShardEnd& end);
/// Closes both and opens one over both ranges. invalid_input unless b's range follows a's.
Result<void> merge_shards(StreamInfo& stream, std::uint32_t a, std::uint32_t b, std::int64_t now_ms,
                          const ShardEnd& end);
/// Splits and merges until the open shards are `count` equal ones.
Result<void> spread_evenly(StreamInfo& stream, int count, std::int64_t now_ms, const ShardEnd& end);

std::string stream_json(const StreamInfo& stream);
Result<StreamInfo> parse_stream(std::string_view json);

}  // namespace stroma::stream
