#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/context.h"
#include "base/result.h"

namespace stroma::account {

/// Counts tries by key within a moving minute. In memory: a restart forgets, and takes longer than
/// what it would gain. Any thread.
class Throttle {
public:
    explicit Throttle(const Clock& clock) : clock_(clock) {}

    /// Takes one of the key's `most` tries of this minute. False when there is none left.
    bool take(const std::string& key, std::size_t most);
    /// Gives the key's last try back: it was no wrong one.
    void give_back(const std::string& key);

private:
    void forget_old(std::int64_t now);
    const Clock& clock_;
    std::mutex mutex_;
    std::unordered_map<std::string, std::deque<std::int64_t>> tries_;
    std::int64_t swept_ms_ = 0;
};

}  // namespace stroma::account
