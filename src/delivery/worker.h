#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "delivery/deliveries.h"

namespace stroma::delivery {

/// One delivery: its state, the log of what was put, and the thread that delivers.
class Deliveries::Worker {
public:
    Worker(const DeliveriesOptions& options, fs::path folder, DeliveryState state,
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
    };

    void run(const std::stop_token& stop);
    /// Delivers what is due; gives how long nothing will be.
    Result<Milliseconds> turn(Gathered& gathered);
    Result<std::vector<queue::Record>> read(std::uint32_t shard, std::uint64_t from,
                                            std::size_t bytes_most);
    Result<std::vector<std::uint32_t>> shards();
    Result<void> gather(Gathered& gathered, const DeliveryState& state, std::uint64_t bytes_max);
    Result<void> plan(const Gathered& gathered);
    Result<void> deliver(const Plan& plan);
    std::uint64_t waiting(const DeliveryState& state) const;
    Result<Batch> prepared(const Plan& plan);
    Result<std::vector<RawRecord>> records_of(const Plan& plan);
    Result<void> commit(const Plan& plan);
    void wait(const std::stop_token& stop, Milliseconds most);

    const DeliveriesOptions& options_;
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
    std::jthread thread_;
};

}  // namespace stroma::delivery
