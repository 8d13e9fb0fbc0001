#include "account/throttle.h"

namespace stroma::account {
namespace {

constexpr std::int64_t window_ms = 60'000;

}  // namespace

void Throttle::forget_old(std::int64_t now) {
    if (now - swept_ms_ < window_ms) return;
    swept_ms_ = now;
    std::erase_if(tries_, [&](const auto& entry) {
        return entry.second.empty() || now - entry.second.back() >= window_ms;
    });
}

bool Throttle::take(const std::string& key, std::size_t most) {
    const std::int64_t now = clock_.steady_ms();
    const std::lock_guard lock(mutex_);
    forget_old(now);
    auto& times = tries_[key];
    while (!times.empty() && now - times.front() >= window_ms) times.pop_front();
    if (times.size() >= most) return false;
    times.push_back(now);
    return true;
}

void Throttle::give_back(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = tries_.find(key);
    if (found != tries_.end() && !found->second.empty()) found->second.pop_back();
}

}  // namespace stroma::account
