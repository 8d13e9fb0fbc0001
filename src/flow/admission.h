#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/context.h"

namespace stroma::flow {

/// What a worker has, or has left.
struct Capacity {
    int cores = 1;
    std::uint64_t memory_bytes = 0;
};

/// A task that could run now.
struct Candidate {
    std::int64_t task = 0;
    std::string owner;
    int priority = 0;
    std::int64_t ready_ms = 0;  ///< since when it could
    int cores = 1;
    std::uint64_t memory_bytes = 0;
};

struct AdmissionRules {
    Capacity whole;                 ///< of the worker when nothing runs
    Milliseconds patience{30'000};  ///< then smaller tasks no longer overtake a larger one
};

/// Which of the candidates a worker with that much left takes now: the highest priority, then the
/// owner who has the fewest running, then the oldest, among those that fit. One that waits for
/// longer than the patience lets nobody pass who came later, so that large ones get their turn;
/// one larger than the whole worker is not waited for.
std::optional<std::int64_t> choose(const std::vector<Candidate>& candidates, const Capacity& left,
                                   const AdmissionRules& rules,
                                   const std::map<std::string, int>& running_of,
                                   std::int64_t now_ms);

/// What the number of workers follows.
struct Load {
    double waiting_core_seconds = 0;  ///< estimated, of what is ready and running
    int tasks = 0;                    ///< ready and running
    int too_large = 0;                ///< ready, but more than such a worker has; not counted above
};
struct ScaleRules {
    int least = 0, most = 1;
    double drain_seconds = 600;  ///< in which the queue should be empty
    int tasks_each = 1;          ///< that one worker runs at a time
};
/// clamp(⌈core seconds / drain seconds⌉, least, most); never more than there are tasks for, and one
/// at least where there is a task.
int workers_wanted(const Load& load, const ScaleRules& rules);

}  // namespace stroma::flow
