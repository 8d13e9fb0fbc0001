#pragma once

#include <unistd.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "delivery/deliveries.h"
#include "queue/segments/segment_stream.h"

// What tests of deliveries share.

namespace stroma::delivery {

/// Keeps objects in memory, and fails where it is told to.
class MemorySink final : public ObjectSink {
public:
    Result<void> put_if_absent(const MadeObject& object) override {
        const std::lock_guard lock(mutex_);
        if (fail_at > 0 && --fail_at == 0)
            return fail(ErrorCode::unavailable, "the sink fails on purpose");
        const auto [at, is_new] = objects.emplace(object.key, object.bytes);
        if (!is_new && at->second != object.bytes) ++differing;
        if (is_new && on_new) on_new(object);
        changed_.notify_all();
        return {};
    }
    void wait_until(const std::function<bool()>& holds) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, holds);
    }
    void wait_for(std::size_t count) {
        wait_until([&] { return objects.size() >= count; });
    }
    std::map<std::string, std::string> objects;
    std::function<void(const MadeObject&)> on_new;  ///< while the sink is locked
    int fail_at = 0, differing = 0;

private:
    std::mutex mutex_;
    std::condition_variable changed_;
};

/// A folder with streams and deliveries, gone with it.
struct DeliverySite {
    explicit DeliverySite(const fs::path& given = {}) : is_own(given.empty()), folder(given) {
        if (!is_own) return;
        std::string pattern = (fs::temp_directory_path() / "stroma-delivery-XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
    }
    ~DeliverySite() {
        deliveries.reset();
        streams.reset();
        if (is_own) fs::remove_all(folder);
    }
    Deliveries& open(ObjectSink& sink, DeliveriesOptions options = {}) {
        deliveries.reset();
        streams.reset();
        const stream::OpenLog open_log = [](const fs::path& at, const stream::LogOptions& of) {
            return queue::open_segments(
                at, {.shards = of.shards, .retention = of.retention, .segment_bytes = 20'000},
                system_clock());
        };
        streams =
            stream::Streams::open({.folder = folder / "streams"}, open_log, *clock, ids).value();
        options.folder = folder / "deliveries";
        options.account = "0";
        options.region = "r";
        deliveries =
            Deliveries::open(std::move(options), open_log, *streams, sink, *clock, ids).value();
        return *deliveries;
    }
    static DeliveryState wanted(const std::string& config) {
        DeliveryState state;
        state.name = "d";
        state.owner = "rosa";
        state.config = config;
        return state;
    }

    bool is_own;
    fs::path folder;
    const Clock* clock = &system_clock();
    IdSource ids{1};
    std::unique_ptr<stream::Streams> streams;
    std::unique_ptr<Deliveries> deliveries;
};

}  // namespace stroma::delivery
