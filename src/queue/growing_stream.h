#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "queue/queue.h"

namespace stroma::queue {

/// A record on its way in. What its views show is copied before append_each returns.
struct Arrival {
    int shard = 0;
    std::string_view partition_key;
    std::string_view data;
    std::uint64_t sequence_number = 0;  ///< set by append_each
};

/// Where a shard's next record goes, and when its last one came (0: none is known).
struct ShardTip {
    std::uint64_t end = 0;
    std::int64_t last_arrived_ms = 0;
};

/// Writes a log as it was at one moment into a folder that it makes, in which it can be opened.
using CopyLog = std::function<Result<void>(const fs::path& folder)>;

/// A stream whose shards can become more, that is read by time and by bytes too, and that takes
/// the records of many shards at once. Any thread; one process.
class GrowingStream : public Stream {
public:
    /// Appends each record to its shard, in their order, and waits for the disk once. All of them
    /// arrive at the moment that is given back, which is never before an earlier record's.
    /// After a failure some may be there. errors  not_found  no such shard: none was appended
    virtual Result<std::int64_t> append_each(std::span<Arrival> records) = 0;
    /// As `read`, and stops before the data and keys would pass `bytes_most`; one record is given
    /// whatever its size. Records past their retention are never given.
    virtual Result<std::vector<Record>> read_within(int shard, std::uint64_t from, int most,
                                                    std::size_t bytes_most) = 0;
    /// The first record's sequence number that arrived at or after that time; the end if none did.
    virtual Result<std::uint64_t> first_since(int shard, std::int64_t unix_ms) = 0;
    virtual Result<ShardTip> tip(int shard) = 0;
    /// Makes the shards `shards` many; fewer than there are changes nothing.
    virtual Result<void> grow(int shards) = 0;
    /// From now on records are kept that long.
    virtual void retain(Milliseconds retention) = 0;
    /// Gives the disk space of expired records back as far as whole files hold nothing else.
    /// Appends do so by themselves from time to time.
    virtual Result<void> drop_expired() = 0;
    /// Fixes what a copy will hold: all that has been acknowledged. Appends go on meanwhile.
    virtual Result<CopyLog> copy_of_now() = 0;
    /// What the stream takes on disk.
    virtual std::uint64_t stored_bytes() = 0;
};

}  // namespace stroma::queue
