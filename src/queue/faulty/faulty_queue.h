#pragma once

#include <string_view>

#include "base/call_faults.h"
#include "queue/queue.h"

namespace stroma::queue {

/// A queue that does as another does, but for the faults that a test plans; a send may be done
/// twice, and nothing here is torn. Any thread. The queue must outlive this one.
class FaultyQueue final : public Queue {
public:
    explicit FaultyQueue(Queue& queue) : queue_(queue) {}

    CallFaults& faults() { return faults_; }

    Result<std::string> send(std::string_view body, const SendOptions& options = {}) override;
    Result<std::vector<Message>> receive(int most = 1, Milliseconds wait = Milliseconds{0},
                                         std::optional<Milliseconds> lease = {}) override;
    Result<void> acknowledge(std::string_view receipt) override;
    Result<void> extend(std::string_view receipt, Milliseconds lease) override;
    Result<void> give_back(std::string_view receipt, Milliseconds delay) override;
    Result<void> bury(std::string_view receipt, std::string_view reason) override;
    Result<std::vector<DeadLetter>> dead_letters(int most) override;
    Result<std::int64_t> redrive() override;
    Result<std::int64_t> purge() override;
    Result<QueueStats> stats() override;

private:
    Queue& queue_;
    CallFaults faults_;
};

/// A stream that does as another does, but for the faults that a test plans; an append may be done
/// twice, and is never torn: it is all or none. Any thread. The stream must outlive this one.
class FaultyStream final : public Stream {
public:
    explicit FaultyStream(Stream& stream) : stream_(stream) {}

    CallFaults& faults() { return faults_; }

    Result<int> shard_count() override;
    Result<std::uint64_t> append(int shard, std::span<const Record> records) override;
    Result<std::vector<Record>> read(int shard, std::uint64_t from, int most) override;
    Result<std::uint64_t> end(int shard) override;
    Result<void> trim(int shard, std::uint64_t from) override;

private:
    Stream& stream_;
    CallFaults faults_;
};

}  // namespace stroma::queue
