#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "flow/admission.h"
#include "flow/worker/task_work.h"

namespace stroma::flow {

struct PoolOptions {
    std::string worker;     ///< its name
    bool is_local = false;  ///< in the engine's own process
    Capacity whole;
    int tasks_max = 1;
    std::string run;       ///< only of that run; "" of any
    fs::path program;      ///< the one with the built-in steps
    Milliseconds idle{0};  ///< ends by itself after so long without work; 0 never
    /// At most so many tasks at a time now, given how many run; empty: tasks_max.
    std::function<int(int)> wanted;
};

/// Tasks in processes, as many at once as cores, memory and tasks_max let and the queue holds; none
/// when it is empty. Any thread.
class Pool {
public:
    /// The source must outlive it.
    Pool(TaskSource& source, PoolOptions options);
    ~Pool();
    void start();
    /// Takes no more work, and lets what runs end.
    void drain();
    /// The same, but ends what runs too: it goes back to the queue.
    void give_back();
    /// Gives back and waits.
    void stop();
    /// Returns when it has drained or been idle for long enough.
    void wait();

private:
    void work(const std::stop_token& stop);
    void begin(Assignment assignment);
    void join_ended(std::unique_lock<std::mutex>& lock);

    struct Running {
        Capacity takes;
        std::jthread thread;
        bool is_over = false;
    };
    TaskSource& source_;
    const PoolOptions options_;
    std::mutex mutex_;
    std::condition_variable changed_;
    Capacity left_;
    std::list<Running> running_;
    std::atomic<bool> draining_{false}, stopping_{false};
    std::jthread thread_;
};

/// The engine in this process as a source.
class EngineSource final : public TaskSource {
public:
    explicit EngineSource(Engine& engine) : engine_(engine) {}
    Result<std::optional<Assignment>> lease(const Offer& offer) override {
        return engine_.lease(offer);
    }
    Result<Orders> beat(const Assignment& work, const TaskProgress& progress) override {
        return engine_.beat(work.task, work.lease, progress);
    }
    Result<void> finish(const Assignment& work, const WorkEnd& end) override {
        return engine_.finish(work.task, work.lease, end);
    }
    void wait(Milliseconds at_most) override { seen_ = engine_.wait_for_change(seen_, at_most); }

private:
    Engine& engine_;
    std::uint64_t seen_ = 0;  ///< the pool's own thread's
};

}  // namespace stroma::flow
