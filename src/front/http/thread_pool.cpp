#include "front/http/thread_pool.h"

namespace stroma::front::http {

bool ThreadPool::submit(std::function<void()> work) {
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return false;
        const int waiting = static_cast<int>(line_.size());
        if (waiting >= idle_) {
            if (static_cast<int>(threads_.size()) < threads_max_)
                threads_.emplace_back([this] { run(); });
            else if (waiting - idle_ >= waiting_max_)
                return false;
        }
        line_.push_back(std::move(work));
    }
    changed_.notify_one();
    return true;
}

void ThreadPool::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        ++idle_;
        changed_.wait(lock, [&] { return closed_ || !line_.empty(); });
        --idle_;
        if (line_.empty()) return;
        const auto work = std::move(line_.front());
        line_.pop_front();
        lock.unlock();
        work();
        lock.lock();
    }
}

void ThreadPool::close() {
    std::vector<std::thread> threads;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        threads.swap(threads_);
    }
    changed_.notify_all();
    for (std::thread& thread : threads) thread.join();
}

}  // namespace stroma::front::http
