#include "expression/output/ordered_work.h"

#include <algorithm>
#include <condition_variable>
#include <vector>

#include "base/threads.h"

namespace stroma::expression {
namespace {

Result<void> cancelled_error() { return fail(ErrorCode::cancelled, "writing was cancelled"); }

/// The turn-taking of run_in_order. Numbers are started in rising order, so the lowest number that
/// isn't taken is always being made and a thread that waits for it will be woken.
class Turns {
public:
    explicit Turns(std::size_t slots) : made_(slots, false) {}

    /// Waits until piece `index` may use its slot; false when the work has failed meanwhile.
    bool wait_for_slot(std::size_t index) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return failed_ || index < next_ + made_.size(); });
        return !failed_;
    }

    /// Marks a piece made, and takes every piece whose turn has come unless another thread does.
    Result<void> finish(std::size_t index,
                        const std::function<Result<void>(std::size_t, std::size_t)>& take) {
        std::unique_lock lock(mutex_);
        made_[index % made_.size()] = true;
        if (taking_) return {};
        taking_ = true;
        while (!failed_ && made_[next_ % made_.size()]) {
            const std::size_t now = next_;
            lock.unlock();
            Result<void> taken = take(now, now % made_.size());
            lock.lock();
            if (!taken) {
                failed_ = true;
                changed_.notify_all();
                return taken;
            }
            made_[now % made_.size()] = false;
            ++next_;
            changed_.notify_all();
        }
        taking_ = false;
        return {};
    }

    void stop() {
        const std::lock_guard lock(mutex_);
        failed_ = true;
        changed_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<bool> made_;
    std::size_t next_ = 0;
    bool taking_ = false, failed_ = false;
};

}  // namespace

std::size_t slots_for(std::uint64_t piece_bytes) {
    const std::uint64_t fit = (std::uint64_t{96} << 20) / std::max<std::uint64_t>(piece_bytes, 1);
    return std::clamp<std::uint64_t>(fit, 2, 2 * thread_count());
}

Result<void> run_in_order(std::size_t count, std::size_t slots, const Watch& watch,
                          const std::function<Result<void>(std::size_t, std::size_t)>& make,
                          const std::function<Result<void>(std::size_t, std::size_t)>& take) {
    Turns turns(slots);
    return parallel_for(count, [&](std::size_t index) -> Result<void> {
        // The thread that failed reports why; those that only waited have nothing to add.
        if (!turns.wait_for_slot(index)) return {};
        Result<void> done =
            watch.cancelled && watch.cancelled() ? cancelled_error() : make(index, index % slots);
        if (done) done = turns.finish(index, take);
        if (!done) turns.stop();
        return done;
    });
}

void Progress::add(double cells) {
    if (!watch_.progress) return;
    const std::lock_guard lock(mutex_);
    done_ += cells;
    watch_.progress(done_, total_, "cells");
}

Result<void> Progress::check() const {
    if (watch_.cancelled && watch_.cancelled()) return cancelled_error();
    return {};
}

}  // namespace stroma::expression
