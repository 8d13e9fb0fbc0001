#pragma once

#include <chrono>
#include <cstdint>

#include "base/result.h"

namespace stroma {

struct FenceLimits {
    std::uint64_t memory_bytes = 0;  ///< to write, on top of what it has; files mapped not counted
    std::chrono::milliseconds time{0};
    std::uint64_t output_bytes = 0;
};

/// Closes the calling process in, for good: no new privileges, no core dumps, resource limits,
/// namespaces of its own for users, network and IPC where the kernel lets it, and a list of
/// allowed system calls that holds no way to open, connect, start or signal anything. Whatever
/// calls another one is killed (SIGSYS). Call while the process has one thread.
/// errors  unavailable  the kernel refuses a part that must hold
Result<void> fence_in(const FenceLimits& limits);

}  // namespace stroma
