#include "queue/wake.h"

#include <map>
#include <string>
#include <utility>

namespace stroma::queue {

void WakeChannel::wake() {
    {
        const std::lock_guard lock(mutex_);
        ++generation_;
    }
    changed_.notify_all();
}

std::uint64_t WakeChannel::generation() const {
    const std::lock_guard lock(mutex_);
    return generation_;
}

void WakeChannel::wait_past(std::uint64_t generation, Milliseconds at_most) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, at_most, [&] { return generation_ > generation; });
}

std::shared_ptr<WakeChannel> wake_channel(const void* store, std::string_view name) {
    static std::mutex mutex;
    static std::map<std::pair<const void*, std::string>, std::weak_ptr<WakeChannel>> channels;
    const std::lock_guard lock(mutex);
    std::erase_if(channels, [](const auto& entry) { return entry.second.expired(); });
    auto& known = channels[{store, std::string(name)}];
    if (auto channel = known.lock()) return channel;
    auto channel = std::make_shared<WakeChannel>();
    known = channel;
    return channel;
}

}  // namespace stroma::queue
