#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/file.h"
#include "base/result.h"
#include "flow/retry.h"

namespace stroma::flow {

enum class RunState { running, succeeded, failed, cancelled };
std::string_view name_of(RunState state);
RunState run_state_named(std::string_view name);

enum class TaskState {
    waiting,  ///< for what it reads, or for a task that makes the same
    ready,
    running,
    review,  ///< made; somebody must accept it before others go on
    done,
    dead,     ///< failed for good
    blocked,  ///< what it reads will not come
    cancelled
};
std::string_view name_of(TaskState state);
TaskState task_state_named(std::string_view name);
inline bool is_final(TaskState state) { return state >= TaskState::done; }

/// What is asked for: files sent through a pipeline.
struct NewRun {
    std::string name;  ///< unique; "" makes one
    std::string owner;
    std::string definition;                      ///< YAML
    fs::path folder;                             ///< that files of its commands lie in
    fs::path location;                           ///< the folder with the inputs, or the one input
    std::map<std::string, std::string> changes;  ///< of the pipeline's parameters, JSON texts
    int priority = 0;
};

struct Run {
    std::string id, name, owner, pipeline, version, definition;
    fs::path folder, location;
    std::string changes = "{}", inputs = "{}";  ///< JSON objects
    int priority = 0;
    RunState state = RunState::running;
    std::string error;
    std::int64_t created_ms = 0, ended_ms = 0;
};

/// How far what runs is.
struct TaskProgress {
    double done = 0, total = 0;
    std::string unit, step;
};

/// One execution of a stage, for one item of what it is spread over.
struct Task {
    std::int64_t id = 0;
    std::string run, stage;
    std::string item;         ///< "slide1/DAPI"; "" of a stage that isn't spread
    std::string coordinates;  ///< JSON: [[dimension, label, value], …]
    TaskState state = TaskState::waiting;
    std::string key, parts = "{}";
    std::vector<std::string> why;  ///< why it was computed, or was not
    bool cached = false;           ///< its output was there
    int attempt = 0;
    std::map<Outcome, int> tries;
    std::int64_t lease = 0;
    std::string worker;
    std::int64_t not_before_ms = 0;
    std::uint64_t memory_bytes = 0;
    Milliseconds timeout{0};
    std::string outcome, error;  ///< of the last attempt that didn't succeed
    double core_seconds = 0;     ///< of all attempts
    std::uint64_t peak_bytes = 0, bytes_in = 0;
    std::int64_t ready_ms = 0, started_ms = 0, ended_ms = 0;
    TaskProgress progress;  ///< while it runs; not kept
};

/// What a worker tells of an attempt that is over.
struct WorkEnd {
    Outcome outcome = Outcome::failure;
    std::string error;
    int exit_code = 0, signal = 0;
    double core_seconds = 0;
    std::uint64_t peak_bytes = 0;
};

struct Attempt {
    std::int64_t task = 0;
    int attempt = 0;
    std::int64_t lease = 0;
    std::string worker;
    WorkEnd end;
    std::string verdict;  ///< what was decided of it
    std::uint64_t memory_bytes = 0;
    std::int64_t started_ms = 0, ended_ms = 0;
};

/// Where an output lies: in its folder; in the archive; in both for a while; or somebody waits for
/// it to come back from there.
enum class Tier { hot, cold, restored, restoring };
std::string_view name_of(Tier tier);
Tier tier_named(std::string_view name);

/// An output of a run's task, and where it lies.
struct Shelved {
    std::string stage, item, key;
    Tier tier = Tier::hot;
    std::uint64_t bytes = 0, stored_bytes = 0;  ///< stored: in the archive, 0 when it isn't there
    std::int64_t until_ms = 0;                  ///< that a restored one stays
};

struct Review {
    std::string run, stage, item, key;
    bool accepted = false;
    std::string comment, reviewer;
    std::int64_t at_ms = 0;
};

/// A change by hand of what a task made: of some of its files, which hold labels.
struct Edit {
    std::int64_t number = 0;         ///< in order of their coming
    std::string key;                 ///< of the output as it was made
    std::vector<std::string> files;  ///< of it
    std::string kind;           ///< "undo" takes the last one of those files back; else a step's
    std::string detail = "{}";  ///< a JSON object, which the step "edit" reads
    std::string author;
    std::int64_t at_ms = 0;
    bool is_undone = false;
};

/// Something that happened to a run. Kinds: "submitted", "stage done", "task failed" (it is tried
/// again, or not: see the detail), "review needed", "succeeded", "failed", "cancelled".
struct RunEvent {
    std::int64_t sequence = 0, at_ms = 0;
    std::string kind, run;      ///< run: its id
    std::string stage, item;    ///< "" of the whole run
    std::string detail = "{}";  ///< a JSON object
};

/// A task in a worker's hands, with all that it needs.
struct Assignment {
    std::int64_t task = 0, lease = 0;
    int attempt = 1;
    std::string run, stage, item;
    std::string step;                       ///< built-in; or
    std::vector<std::string> command;       ///< with whole paths of its files
    std::string inputs, names, parameters;  ///< JSON objects
    /// What was made of the same inputs before somebody edited them: {"inputs", "outputs"}; or {}.
    std::string before = "{}";
    int cores = 1;
    std::uint64_t memory_bytes = 0;
    Milliseconds timeout{0}, lease_length{0};
    fs::path work;  ///< its own folder, to be made
    fs::path kept;  ///< of the output's key: there again when the task is tried again
    fs::path log;
    std::string mark;

    std::string json() const;
    static Result<Assignment> from_json(std::string_view json);
};

}  // namespace stroma::flow
