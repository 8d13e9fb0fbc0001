#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace stroma::flow {

/// A stage's queue, over all runs of its pipeline that aren't over.
struct StageStanding {
    std::string pipeline, stage;
    std::int64_t waiting = 0, ready = 0, running = 0, review = 0, done = 0, dead = 0;
    std::int64_t oldest_ms = 0;    ///< age of the oldest ready task
    double core_seconds_each = 0;  ///< of the last hundred tasks; 0: none was measured
    double bytes_each = 0;         ///< read by each of them
    std::map<std::string, std::int64_t> errors;  ///< attempts of the last day by outcome
};

struct WorkerStanding {
    std::string name;
    int tasks = 0, cores = 0;
    std::uint64_t memory_bytes = 0;
    int cores_whole = 0;
    std::uint64_t memory_whole = 0;
    std::int64_t heard_ms = 0;  ///< since it was last heard of
};

struct Standing {
    std::vector<StageStanding> stages;
    std::vector<WorkerStanding> workers;
    /// First lines of errors of the last day, with how often each was seen; the commonest first.
    std::vector<std::pair<std::string, std::int64_t>> common_errors;
};

}  // namespace stroma::flow
