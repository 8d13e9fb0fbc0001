#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>

namespace stroma::stream {

struct NewRecord;

/// A partition key that brought more in one second than a shard of AWS takes. All records of a key
/// go to one shard, however many there are.
struct HotKey {
    std::string key;
    std::uint64_t bytes = 0;  ///< of keys and data in that second
    std::int64_t second = 0;  ///< since 1970
};

/// Looks for hot keys among a stream's records. Keys share 4,096 sums, so that what is told is at
/// most a 4,096th of the stream's traffic too much. Any thread; some nanoseconds a record.
class HotKeys {
public:
    static constexpr std::uint64_t second_bytes = 1'000'000;

    void note(std::span<const NewRecord> records, std::int64_t now_ms);
    /// The hottest key of the latest second that had one.
    std::optional<HotKey> latest() const;
    /// In how many seconds there was one.
    std::uint64_t seconds() const;

private:
    struct Sum {
        std::int64_t second = 0;
        std::uint64_t bytes = 0;
    };
    mutable std::mutex mutex_;
    std::array<Sum, 4096> sums_{};
    std::optional<HotKey> latest_;
    std::uint64_t seconds_ = 0;
};

}  // namespace stroma::stream
