#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "delivery/batch.h"

namespace stroma::delivery {

/// What is buffered of a delivery with dynamic partitioning: a buffer for each partition, one for
/// errors, one for raw records; each has a size and an age of its own. It holds no records: they
/// stay in the log, and a buffer knows from where on they are its own. One thread's.
class PartitionBuffers {
public:
    /// Where the state left off; what its buffers hold is found by noting all records from next()
    /// on.
    explicit PartitionBuffers(const DeliveryState& state);

    /// Of the destination that the buffers were begun for.
    int version() const { return version_; }
    const std::string& config() const { return config_; }
    /// Where the shard is to be looked at next.
    std::uint64_t next(std::uint32_t shard) const;
    /// Notes records of one shard, in order, from next() to before `to`.
    /// errors  unavailable  they aren't what they were before: begin anew
    Result<void> note(std::uint32_t shard, std::uint64_t to, const std::vector<RawRecord>& records,
                      const std::vector<ItemPlace>& places);
    /// Before it lies what had been looked at when the state was stored.
    std::uint64_t known_until(std::uint32_t shard) const;
    /// Whether all is known that was buffered when the state was stored.
    bool is_caught_up() const;

    bool is_empty() const { return open_.empty(); }
    std::int64_t oldest_ms() const;
    /// The buffers to deliver now; with one that is old enough those that soon will be.
    std::vector<std::string> due(const Destination& destination, std::int64_t now_ms) const;
    std::vector<std::string> all() const;
    /// For how long none will be old enough.
    Milliseconds left(const Destination& destination, std::int64_t now_ms) const;

    /// Writes into the state the plan of delivering these.
    void plan(const std::vector<std::string>& buffers, std::int64_t now_ms,
              DeliveryState& state) const;
    /// These were delivered.
    void close(const std::map<std::string, Positions>& buffers);

private:
    struct Buffer {
        Positions from;
        std::uint64_t bytes = 0;
        std::int64_t oldest_ms = 0;
    };
    /// Whether the record had been looked at when the state was stored.
    bool is_stored(std::uint32_t shard, std::uint64_t number) const;
    void note_item(std::uint32_t shard, const RawRecord& record, const ItemPlace& place);
    Buffer* buffer_for(std::uint32_t shard, std::uint64_t number, const ItemPlace& place);

    int version_;
    std::string config_;
    std::optional<OpenBuffers> stored_;
    Positions looked_at_;  ///< up to before
    std::map<std::string, Buffer> open_;
    std::map<std::string, ForcedItem> forced_;  ///< as OpenBuffers has it
};

/// The plan has been delivered: moves the cursors.
void note_delivered(DeliveryState& state);

}  // namespace stroma::delivery
