#include "stream/hot_keys.h"

#include "base/digest.h"
#include "stream/streams.h"

namespace stroma::stream {

void HotKeys::note(std::span<const NewRecord> records, std::int64_t now_ms) {
    const std::int64_t second = now_ms / 1000;
    const std::lock_guard lock(mutex_);
    for (const NewRecord& record : records) {
        if (record.throttled) continue;
        Sum& sum = sums_[checksum64(as_bytes(record.partition_key)) % sums_.size()];
        if (sum.second != second) sum = {.second = second};
        sum.bytes += record.partition_key.size() + record.data.size();
        if (sum.bytes <= second_bytes) continue;
        const bool is_new_second = !latest_ || latest_->second != second;
        if (is_new_second) ++seconds_;
        if (is_new_second || sum.bytes > latest_->bytes) {
            if (!latest_) latest_.emplace();
            if (latest_->key != record.partition_key) latest_->key = record.partition_key;
            latest_->bytes = sum.bytes;
            latest_->second = second;
        }
    }
}

std::optional<HotKey> HotKeys::latest() const {
    const std::lock_guard lock(mutex_);
    return latest_;
}

std::uint64_t HotKeys::seconds() const {
    const std::lock_guard lock(mutex_);
    return seconds_;
}

}  // namespace stroma::stream
