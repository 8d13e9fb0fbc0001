#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "base/context.h"

namespace stroma::queue {

/// Tells waiting threads of this process that something changed. Any thread.
class WakeChannel {
public:
    void wake();
    /// Take it before looking, so that a wake between looking and waiting isn't missed.
    std::uint64_t generation() const;
    /// Returns when the generation has passed `generation`, or after `at_most` of real time.
    void wait_past(std::uint64_t generation, Milliseconds at_most);

private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t generation_ = 0;
};

/// The process's one channel of that name for that store (its address), while anyone holds it.
std::shared_ptr<WakeChannel> wake_channel(const void* store, std::string_view name);

}  // namespace stroma::queue
