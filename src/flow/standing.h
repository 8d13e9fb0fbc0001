#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace stroma::flow {

/// A stage's queue, over all runs of its pipeline that aren't over.
struct StageStanding {
    std::string pipeline, stage;
    std::int64_t waiting = 0, ready = 0, running = 0, review = 0, done = 0, dead = 0;
    std::int64_t oldest_ms = 0;                         ///< age of the oldest ready task
    std::int64_t began = 0, completed = 0, failed = 0;  ///< attempts since this process started
    std::int64_t held = 0;                              ///< of the ready ones: wait for room
    std::uint64_t unread_bytes = 0, room_bytes = 0;  ///< made and to be read still; 0: any number
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

/// A place that workers come from, and the terms by which their number follows the queue.
struct Scale {
    std::string place;  ///< "local", "slurm"
    int wanted = 0, running = 0, pending = 0, least = 0, most = 0;
    int tasks = 0;  ///< ready and running, that a worker of the place could do
    double waiting_core_seconds = 0, drain_seconds = 0;
    int too_large = 0;    ///< ready tasks that ask for more than any worker there has
    std::string trouble;  ///< why it can't have what it wants; "" when it can
};

/// A job of a cluster's scheduler that was started to do tasks.
struct Pilot {
    std::string worker;  ///< the name by which it leases
    std::string job;     ///< its number at the scheduler
    std::string state;   ///< as the scheduler calls it: "PENDING", "TIMEOUT"
    std::string reason, node;
    int cores = 1;
    std::uint64_t memory_bytes = 0;
    std::int64_t submitted_ms = 0, started_ms = 0, ended_ms = 0;  ///< 0: not yet
    int exit_code = 0, signal = 0;
    std::uint64_t peak_bytes = 0;  ///< as the scheduler measured it; 0 where it doesn't
    bool called_off = false;       ///< somebody wants it gone
};

/// What a stage of a run that is still to begin will take; nothing where it never ran whole.
struct StageEstimate {
    std::string stage;
    int runs = 0;  ///< that it is reckoned from
    double tasks = 0, core_seconds = 0, bytes_read = 0;
};
struct Estimate {
    std::string pipeline;
    std::int64_t files = 0;
    std::uint64_t bytes = 0;  ///< of the files
    std::vector<StageEstimate> stages;
};

/// Outputs by where they lie; in the archive they take `stored_bytes`.
struct ArchiveSums {
    std::int64_t hot = 0, cold = 0, restored = 0, restoring = 0;
    std::uint64_t hot_bytes = 0, cold_bytes = 0, stored_bytes = 0;
};

struct Standing {
    std::vector<StageStanding> stages;
    std::vector<WorkerStanding> workers;
    std::vector<Scale> scales;
    /// First lines of errors of the last day, with how often each was seen; the commonest first.
    std::vector<std::pair<std::string, std::int64_t>> common_errors;
};

}  // namespace stroma::flow
