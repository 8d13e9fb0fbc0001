#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "delivery/deliveries.h"
#include "delivery/partition_buffers.h"

namespace stroma::delivery {

/// One delivery: its state, the log of what was put, and the thread that delivers.
class Deliveries::Worker {
public:
    using Copy = std::function<Result<void>(const WarehouseCopy& copy)>;
    Worker(const DeliveriesOptions& options, const Copy& copy, fs::path folder, DeliveryState state,
           std::unique_ptr<queue::GrowingStream> log, stream::Streams& streams, ObjectSink& sink,
           const Clock& clock, Turns& turns);
    ~Worker();
    void start();
    void stop();

    DeliveryState state() const;
    DeliveryStats stats() const;
    const fs::path& folder() const { return folder_; }
    /// Stores the state as `edit` leaves it.
    Result<void> change(const std::function<Result<void>(DeliveryState&)>& edit);
    Result<std::uint64_t> put(std::span<const std::string> records);
    /// Into a folder that it makes. While nothing is delivered.
    Result<void> copy_to(const fs::path& folder) const;

private:
    /// What has been looked at since the last batch.
    struct Gathered {
        std::map<std::uint32_t, std::uint64_t> to;
        std::uint64_t bytes = 0, records = 0;
        std::int64_t oldest_ms = 0;
        std::optional<PartitionBuffers> apart;  ///< where partitions are buffered apart
    };

    void run(const std::stop_token& stop);
    /// Delivers what is due; gives how long nothing will be.
    Result<Milliseconds> turn(Gathered& gathered);
    Result<std::vector<queue::Record>> read(std::uint32_t shard, std::uint64_t from,
                                            std::size_t bytes_most);
    Result<std::vector<std::uint32_t>> shards();
    Result<void> gather(Gathered& gathered, const DeliveryState& state, std::uint64_t bytes_max);
    Result<void> plan(const Gathered& gathered);
    Result<Milliseconds> turn_apart(PartitionBuffers& buffers, const DeliveryState& state);
    /// Looks at some of what has come, or of what had been looked at before; whether there may be
    /// more.
    Result<bool> gather_apart(PartitionBuffers& buffers, const Destination& destination,
                              bool takes_new);
    Result<void> deliver(const Plan& plan);
    Result<void> hand_over(const Plan& plan, const Destination& destination, const Batch& batch);
    Result<void> give_up(const Plan& plan, const Destination& destination, const Error& error);
    BatchName name_of(const Plan& plan) const;
    std::uint64_t waiting(const DeliveryState& state) const;
    Result<Batch> prepared(const Plan& plan, const Destination& destination);
    Result<std::vector<RawRecord>> records_of(const Plan& plan, const Destination& destination,
                                              const Chosen* chosen);
    Result<void> commit(const Plan& plan);
    void wait(const std::stop_token& stop, Milliseconds most);

    const DeliveriesOptions& options_;
    const Copy& copy_;
    const fs::path folder_;
    const std::unique_ptr<queue::GrowingStream> log_;  ///< null when a stream is delivered
    stream::Streams& streams_;
    ObjectSink& sink_;
    const Clock& clock_;
    Turns& turns_;

    mutable std::mutex mutex_;
    DeliveryState state_;
    DeliveryStats stats_;
    std::condition_variable_any arrived_;
    std::uint64_t puts_ = 1, seen_ = 0;
    int attempts_ = 0;  ///< of the plan, at its endpoint
    std::jthread thread_;
};

}  // namespace stroma::delivery
