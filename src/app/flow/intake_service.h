#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/context.h"
#include "bucket/buckets.h"
#include "flow/intake/intakes.h"

namespace stroma::app {

/// Looks at the folders and buckets of intakes, each in a thread of its own: a file that nobody has
/// written for its quiet time, an object that was put, begins a run. What came while nothing looked
/// is found at the start.
class IntakeService {
public:
    /// The references outlive it. `copies`: where objects lie as files while their run goes on.
    IntakeService(flow::Intakes& intakes, flow::Engine& engine, fs::path copies);
    ~IntakeService();
    /// Without buckets (no AWS port) only folders are looked at.
    void start(bucket::Buckets* buckets);
    void stop();
    /// An object was put. Any thread; returns at once.
    void object_came(const std::string& bucket, const std::string& key);

private:
    struct Looker {
        flow::Intake intake;
        std::deque<std::string> keys;  ///< that came since
        bool list_all = true;
        std::condition_variable_any wake;
        std::jthread thread;
    };
    void refresh();
    void look_at_folder(const flow::Intake& intake, const std::stop_token& stop);
    void look_at_bucket(Looker& looker, const std::stop_token& stop);
    Result<void> list_bucket(const flow::Intake& intake, const std::stop_token& stop);
    Result<void> take_object(const flow::Intake& intake, const std::string& key);
    Result<void> copy_object(const bucket::ObjectVersion& object, const fs::path& to);
    Result<void> drop_copies(const flow::Intake& intake);
    fs::path copy_of(const flow::Intake& intake, const std::string& source,
                     const std::string& mark) const;

    flow::Intakes& intakes_;
    flow::Engine& engine_;
    const fs::path copies_;
    bucket::Buckets* buckets_ = nullptr;
    std::mutex mutex_;  ///< guards what follows
    bool is_running_ = false;
    std::map<std::string, std::unique_ptr<Looker>> lookers_;
    std::vector<std::unique_ptr<Looker>> ended_;  ///< of removed intakes, until stop
};

}  // namespace stroma::app
