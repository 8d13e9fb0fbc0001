#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <random>
#include <string>

namespace stroma {

using Milliseconds = std::chrono::milliseconds;

/// Where time comes from, so that a run can be replayed. Safe on any thread.
class Clock {
public:
    virtual ~Clock() = default;
    /// Milliseconds since 1970-01-01 UTC. May step; for records, never for leases.
    virtual std::int64_t unix_ms() const = 0;
    /// Milliseconds that never go back, also across processes of one boot. For leases.
    virtual std::int64_t steady_ms() const = 0;
};

/// The machine's own clocks.
const Clock& system_clock();

/// A clock that stands still until it is advanced.
class ManualClock final : public Clock {
public:
    std::int64_t unix_ms() const override;
    std::int64_t steady_ms() const override;
    void advance(Milliseconds by);

private:
    mutable std::mutex mutex_;
    std::int64_t now_ms_ = 1'700'000'000'000;
};

/// "2026-11-21T08:50:55.123Z"
std::string iso_time(std::int64_t unix_ms);

/// Where random ids come from; seeded in tests. Safe on any thread.
class IdSource {
public:
    IdSource();                             ///< seeded by the system
    explicit IdSource(std::uint64_t seed);  ///< the same ids each time
    /// A random UUID (version 4): "9b2f…-…".
    std::string uuid();
    /// `bytes` random bytes as hexadecimal. From the system's secure source unless seeded.
    std::string secret(std::size_t bytes = 32);

private:
    std::uint64_t next();
    std::mutex mutex_;
    bool seeded_ = false;
    std::mt19937_64 engine_;
};

}  // namespace stroma
