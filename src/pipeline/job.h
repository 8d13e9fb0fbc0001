#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/context.h"
#include "base/result.h"

namespace stroma::pipeline {

enum class JobState { queued, running, succeeded, failed, cancelled };
std::string_view name_of(JobState state);
Result<JobState> job_state_named(std::string_view name);
inline bool is_final(JobState state) { return state >= JobState::succeeded; }

/// How far a job is. `total` 0 means unknown. The fraction never falls within an attempt.
struct Progress {
    std::string step;  ///< what is being done now: "reading X", "writing matrix.h5ad"
    double done = 0;
    double total = 0;
    std::string unit;  ///< "bytes", "cells", "non-zeros"
};

struct JobLogLine {
    std::int64_t at_ms = 0;
    std::string level;  ///< "info", "warning", "error"
    std::string text;
};

/// One piece of long work, as its watchers see it.
struct Job {
    std::string id;
    std::string stage;  ///< the stage that runs it: "import", "bundle", "matrix"
    std::string owner;  ///< principal id
    std::string title;  ///< one line for people: "import pbmc68k_reduced.h5ad"
    JobState state = JobState::queued;
    int attempt = 0;
    Progress progress;
    std::string inputs;             ///< JSON object: the stage's own parameters
    std::string outputs;            ///< JSON object, set at success
    std::string error_code, error;  ///< set when failed
    bool cancel_asked = false;
    std::int64_t created_ms = 0, started_ms = 0, ended_ms = 0;
    std::int64_t version = 0;  ///< rises with each change of the record

    /// Names what this attempt makes. Attempts of one job may overlap: one whose lease ended, on a
    /// machine that stood still say, goes on until it hears of it.
    std::string attempt_name() const;
};

struct NewJob {
    std::string stage, owner, title, inputs;
    /// When set, a queued, running (not asked to stop) or succeeded job of this key is returned.
    std::string idempotency_key;
    /// Asked for by somebody who may ask too much: refused when JobLimits are reached.
    bool is_bounded = false;
};

/// How many jobs may be queued before a bounded one is refused.
struct JobLimits {
    std::int64_t of_one = 20, of_all = 1000;
    /// Owners who stand for many people, and whom only of_all bounds.
    std::vector<std::string> shared_owners;
};

struct JobFilter {
    std::string owner;  ///< "" is everyone
    std::string stage;
    std::optional<JobState> state;
    int limit = 100;
};

}  // namespace stroma::pipeline
