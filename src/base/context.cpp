#include "base/context.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <cassert>
#include <ctime>

#include "base/bytes.h"

namespace stroma {
namespace {

class SystemClock final : public Clock {
public:
    std::int64_t unix_ms() const override { return read(CLOCK_REALTIME); }
    std::int64_t steady_ms() const override { return read(CLOCK_BOOTTIME); }

private:
    static std::int64_t read(clockid_t id) {
        timespec now{};
        clock_gettime(id, &now);
        return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
    }
};

}  // namespace

const Clock& system_clock() {
    static const SystemClock clock;
    return clock;
}

std::int64_t ManualClock::unix_ms() const {
    const std::lock_guard lock(mutex_);
    return now_ms_;
}

std::int64_t ManualClock::steady_ms() const { return unix_ms(); }

void ManualClock::advance(Milliseconds by) {
    const std::lock_guard lock(mutex_);
    now_ms_ += by.count();
}

std::string iso_time(std::int64_t unix_ms) {
    const std::time_t seconds = unix_ms / 1000;
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                       utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                       unix_ms % 1000);
}

IdSource::IdSource() = default;
IdSource::IdSource(std::uint64_t seed) : seeded_(true), engine_(seed) {}

std::uint64_t IdSource::next() {
    if (seeded_) {
        const std::lock_guard lock(mutex_);
        return engine_();
    }
    // The kernel's own: setting up a cryptographic library for it would take every start 4 ms.
    std::uint64_t value = 0;
    const ssize_t filled = ::getrandom(&value, sizeof value, 0);
    assert(filled == sizeof value);
    (void)filled;
    return value;
}

std::string IdSource::uuid() {
    const std::uint64_t a = (next() & 0xffffffffffff0fffULL) | 0x4000ULL;
    const std::uint64_t b = (next() & 0x3fffffffffffffffULL) | 0x8000000000000000ULL;
    return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", a >> 32, (a >> 16) & 0xffff,
                       a & 0xffff, b >> 48, b & 0xffffffffffffULL);
}

std::string IdSource::secret(std::size_t bytes) {
    std::string hex;
    while (hex.size() < bytes * 2) hex += fmt::format("{:016x}", next());
    hex.resize(bytes * 2);
    return hex;
}

}  // namespace stroma
