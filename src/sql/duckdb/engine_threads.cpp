#include "sql/duckdb/engine_threads.h"

#include <cassert>
#include <chrono>
#include <utility>

namespace stroma::sql {

/// From one release() to the next hold().
struct EngineThreads::Round {
    explicit Round(duckdb_database database) : task_state(duckdb_create_task_state(database)) {}
    ~Round() { duckdb_destroy_task_state(task_state); }
    duckdb_task_state task_state;  ///< the engine's word for "help until it is finished"
    std::size_t helping = 0;
};

EngineThreads::EngineThreads(duckdb_database database, std::size_t count)
    : database_(database), round_(std::make_shared<Round>(database)) {
    for (std::size_t at = 0; at < count; ++at) threads_.emplace_back([this] { help(); });
}

EngineThreads::~EngineThreads() {
    {
        const std::lock_guard lock(mutex_);
        assert(holds_ == 0);
        closing_ = true;
        duckdb_finish_execution(round_->task_state);
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void EngineThreads::help() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return closing_ || round_ != nullptr; });
        if (closing_) return;
        const auto round = round_;
        ++round->helping;
        lock.unlock();
        duckdb_execute_tasks_state(round->task_state);  // returns at once when it is finished
        lock.lock();
        --round->helping;
        changed_.notify_all();
    }
}

void EngineThreads::hold() {
    // A helper that has nothing to do leaves at once. One that is still there after this works on
    // something that it had begun: the engine doesn't tell which, and takes no other way out.
    constexpr auto leaving = std::chrono::milliseconds(50);
    std::unique_lock lock(mutex_);
    if (++holds_ == 1) {
        ending_ = std::exchange(round_, nullptr);
        duckdb_finish_execution(ending_->task_state);
    }
    const auto round = ending_;
    changed_.wait_for(lock, leaving, [&] { return round->helping == 0; });
}

void EngineThreads::release() {
    {
        const std::lock_guard lock(mutex_);
        assert(holds_ > 0);
        if (--holds_ > 0) return;
        ending_.reset();
        round_ = std::make_shared<Round>(database_);
    }
    changed_.notify_all();
}

}  // namespace stroma::sql
