#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace stroma::front::api {

/// Remembers the signatures of recent notifications, so that one sent again is not queued again.
/// Forgets what is older than the clock skew allows, since then the date refuses it. Any thread.
class SignatureMemory {
public:
    /// False when the signature is known already.
    bool remember(const std::string& signature, std::int64_t now_ms, std::int64_t keep_ms) {
        const std::lock_guard lock(mutex_);
        if (seen_.size() >= forget_at) forget_before(now_ms);
        return seen_.emplace(signature, now_ms + keep_ms).second;
    }
    /// What it stands for didn't work; it may be sent again.
    void forget(const std::string& signature) {
        const std::lock_guard lock(mutex_);
        seen_.erase(signature);
    }

private:
    static constexpr std::size_t forget_at = 10'000;
    void forget_before(std::int64_t now_ms) {
        for (auto one = seen_.begin(); one != seen_.end();)
            one = one->second < now_ms ? seen_.erase(one) : std::next(one);
    }
    std::mutex mutex_;
    std::map<std::string, std::int64_t> seen_;  // signature → when it may be forgotten
};

}  // namespace stroma::front::api
