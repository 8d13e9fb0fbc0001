#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/file.h"
#include "base/result.h"
#include "flow/admission.h"
#include "flow/retry.h"

namespace stroma::flow {

/// What each pilot job asks Slurm for, and runs.
struct PilotOrder {
    std::string name;       ///< of the jobs: by it they are found again
    std::string partition;  ///< "" takes the cluster's default
    Capacity size;
    Milliseconds time{0};   ///< that a job may last; 0: the partition's own. Slurm counts minutes
    Milliseconds leave{0};  ///< before that time is over it takes no more tasks
    Milliseconds idle{60'000};       ///< without a task it ends
    std::vector<std::string> lines;  ///< further options of sbatch: "--account=lab"
    fs::path program, data, logs;    ///< the logs folder is seen by all nodes
    std::string url;                 ///< where jobs reach the server; "" as the data folder says
};

/// The script that sbatch gets.
std::string pilot_script(const PilotOrder& order);

/// A job as squeue or scontrol tells of it.
struct SlurmJob {
    std::string job, state, reason, node;
    std::int64_t started_ms = 0;
    int exit_code = 0, signal = 0;
    std::uint64_t peak_bytes = 0;
};

/// The lines of `squeue -o "%i|%T|%r|%N|%S"`; a line of another shape is left out.
std::vector<SlurmJob> jobs_in(std::string_view squeue);
/// One line of `scontrol -o show job`: JobState, Reason, ExitCode, NodeList.
SlurmJob job_in(std::string_view scontrol);
/// Bytes of "1532K", "12.5M", "2G", "100"; 0 of anything else.
std::uint64_t slurm_bytes(std::string_view text);

/// Whether a job in that state still is or will be at work.
bool is_active(std::string_view state);
/// What the state of an ended job means for the tasks that it held.
Outcome outcome_of(std::string_view state);

/// Slurm's commands, found along PATH; the cluster is the one that SLURM_CONF or /etc/slurm names.
class Slurm {
public:
    /// errors  unavailable  a command isn't there: names it and what to install
    static Result<Slurm> find();

    /// The new job's number. errors  unavailable  what sbatch says
    Result<std::string> submit(const PilotOrder& order) const;
    /// All jobs of that name that Slurm still knows, also ended ones.
    Result<std::vector<SlurmJob>> jobs(const std::string& name) const;
    /// How the job ended, with the exit code and, where accounting is on, the most memory it had.
    Result<SlurmJob> ended(const std::string& job) const;
    /// Bytes that running jobs have had at most, where Slurm gathers that; by job.
    std::map<std::string, std::uint64_t> peaks(const std::vector<std::string>& jobs) const;
    Result<void> cancel(const std::string& job) const;
};

}  // namespace stroma::flow
