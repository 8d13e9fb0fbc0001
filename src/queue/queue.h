#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/context.h"
#include "base/result.h"

namespace stroma::queue {

struct QueueOptions {
    Milliseconds lease{30'000};  ///< how long a received message stays hidden
    int deliveries_max = 5;      ///< past it the message goes to the dead letters
    Milliseconds retention{14LL * 24 * 3600 * 1000};
    std::size_t body_bytes_max = 1u << 20;  ///< send: exhausted above
};

struct SendOptions {
    Milliseconds delay{0};
    /// A second message of that id within five minutes is the first one (its id is returned).
    std::string deduplication_id;
    /// Messages of one group are received in order, one at a time; "" has no order.
    std::string group;
};

struct Message {
    std::string id;
    std::string receipt;  ///< settles this delivery only
    std::string body;
    int delivery_count = 0;  ///< 1 at the first delivery
    std::int64_t sent_ms = 0;
    std::string group;
};

struct DeadLetter {
    std::string id;
    std::string body;
    std::string reason;
    int delivery_count = 0;
    std::int64_t died_ms = 0;
};

struct QueueStats {
    std::int64_t ready = 0, leased = 0, delayed = 0, dead = 0;
    std::int64_t oldest_age_ms = 0;  ///< of the messages not yet acknowledged
};

/// Messages received under a lease and acknowledged or given back. At least once. Any thread and
/// any number of processes on one store. A send has reached the disk when it returns.
class Queue {
public:
    virtual ~Queue() = default;
    /// Gives the message's id.
    virtual Result<std::string> send(std::string_view body, const SendOptions& options = {}) = 0;
    /// At most `most` messages that are due, each leased to the caller for `lease` (the queue's
    /// own when not given). Waits up to `wait` for the first one.
    virtual Result<std::vector<Message>> receive(int most = 1, Milliseconds wait = Milliseconds{0},
                                                 std::optional<Milliseconds> lease = {}) = 0;
    /// The message is done and gone. not_found when the lease ended and another holds it now.
    virtual Result<void> acknowledge(std::string_view receipt) = 0;
    /// Heartbeat: the lease ends `lease` from now. not_found as above.
    virtual Result<void> extend(std::string_view receipt, Milliseconds lease) = 0;
    /// Ends the lease; the message is due again after `delay`. not_found as above.
    virtual Result<void> give_back(std::string_view receipt, Milliseconds delay) = 0;
    /// Moves the message to the dead letters with the reason. not_found as above.
    virtual Result<void> bury(std::string_view receipt, std::string_view reason) = 0;
    virtual Result<std::vector<DeadLetter>> dead_letters(int most) = 0;
    /// Sends every dead letter again as a new message; gives how many.
    virtual Result<std::int64_t> redrive() = 0;
    virtual Result<std::int64_t> purge() = 0;
    virtual Result<QueueStats> stats() = 0;
};

struct Record {
    std::string partition_key;
    std::string data;
    std::uint64_t sequence_number = 0;  ///< rises by at least 1 inside a shard
    std::int64_t arrived_ms = 0;
};

/// Queue's ordered, sharded sibling: records stay until retention ends and are read by position.
/// An append has reached the disk when it returns.
class Stream {
public:
    virtual ~Stream() = default;
    virtual Result<int> shard_count() = 0;
    /// Appends all or none to the shard; gives the first one's sequence number.
    virtual Result<std::uint64_t> append(int shard, std::span<const Record> records) = 0;
    /// At most `most` records with sequence numbers of at least `from`, in order.
    virtual Result<std::vector<Record>> read(int shard, std::uint64_t from, int most) = 0;
    /// The sequence number that the next record will at least have.
    virtual Result<std::uint64_t> end(int shard) = 0;
    /// Drops the records before `from`.
    virtual Result<void> trim(int shard, std::uint64_t from) = 0;
};

}  // namespace stroma::queue
