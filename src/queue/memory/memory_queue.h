#pragma once

#include <list>
#include <map>
#include <mutex>

#include "base/context.h"
#include "queue/queue.h"
#include "queue/wake.h"

namespace stroma::queue {

/// A queue in this process's memory, for tests and throwaway work. The references must outlive it.
class MemoryQueue final : public Queue {
public:
    MemoryQueue(const QueueOptions& options, const Clock& clock, IdSource& ids)
        : options_(options), clock_(clock), ids_(ids) {}

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
    struct Entry {
        Message message;          // its receipt is "" while nobody holds it
        std::int64_t due_ms = 0;  // end of the lease or of the delay
    };
    struct Dead {
        DeadLetter letter;
        std::string group;
    };
    using Entries = std::list<Entry>;  // in the order they were sent

    std::string insert(std::string_view body, const SendOptions& options);
    std::vector<Message> receive_now(int most, Milliseconds lease);
    bool is_first_of_group(Entries::const_iterator entry) const;
    Result<Entries::iterator> held(std::string_view receipt);
    void bury_entry(Entries::iterator entry, std::string_view reason);
    void drop_expired();

    const QueueOptions options_;
    const Clock& clock_;
    IdSource& ids_;
    WakeChannel channel_;
    std::mutex mutex_;
    Entries entries_;
    std::vector<Dead> dead_;
    struct Sent {
        std::string id;
        std::int64_t until_ms = 0;
    };
    std::map<std::string, Sent> deduplication_;
};

/// A stream in this process's memory.
class MemoryStream final : public Stream {
public:
    MemoryStream(int shards, const Clock& clock);
    Result<int> shard_count() override;
    Result<std::uint64_t> append(int shard, std::span<const Record> records) override;
    Result<std::vector<Record>> read(int shard, std::uint64_t from, int most) override;
    Result<std::uint64_t> end(int shard) override;
    Result<void> trim(int shard, std::uint64_t from) override;

private:
    struct Shard {
        std::vector<Record> records;
        std::uint64_t next = 1;
    };
    Result<Shard*> shard_numbered(int shard);
    const Clock& clock_;
    std::mutex mutex_;
    std::vector<Shard> shards_;
};

}  // namespace stroma::queue
