#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace stroma::front::http {

/// At most `threads_max` threads, started when there's work for them, and a bounded line of work
/// before them. The destructor runs what was taken in, then ends.
class ThreadPool {
public:
    ThreadPool(int threads_max, int waiting_max)
        : threads_max_(threads_max), waiting_max_(waiting_max) {}
    ~ThreadPool() { close(); }
    /// False when every thread is busy and the line is full (or the pool is closed).
    bool submit(std::function<void()> work);
    /// Takes no more work, ends what was taken, and joins.
    void close();

private:
    void run();
    const int threads_max_, waiting_max_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> line_;
    std::vector<std::thread> threads_;
    int idle_ = 0;
    bool closed_ = false;
};

}  // namespace stroma::front::http
