#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "flow/engine.h"
#include "flow/records.h"
#include "flow/stored/cold_store.h"
#include "flow/task_key.h"
#include "sql/connection_pool.h"

// Private to this folder: the runs that aren't over, in memory as the database has them.

namespace stroma::flow {

/// One file of a run's input.
struct InputFile {
    std::string input, label;
    fs::path path;
    std::uint64_t bytes = 0;
    std::int64_t modified_ns = 0, number = 0;
    std::string hash;  ///< "" until it was read
};

/// One step along a dimension.
struct Coordinate {
    std::string dimension, label, value;  ///< value: a JSON text; "" along a run input
    friend bool operator==(const Coordinate&, const Coordinate&) = default;
};
using Coordinates = std::vector<Coordinate>;

struct LiveTask {
    Task record;
    Coordinates coordinates;
    std::set<std::int64_t> missing;  ///< tasks that it waits for
    std::vector<std::int64_t> dependents;
    bool is_local = false;           ///< its worker dies with us
    bool is_committing = false;      ///< its output is being taken
    std::int64_t lease_ends_ms = 0;  ///< steady
    std::uint64_t output_bytes = 0;  ///< of what is done
};

struct LiveStage {
    bool is_expanded = false;
    std::vector<std::int64_t> tasks;
    /// By the dimensions that a reader shares with it, and where the reader stands along these.
    std::map<std::string, std::map<std::string, std::vector<std::int64_t>>> index;
};

struct LiveRun {
    Run record;
    Definition definition;
    std::vector<InputFile> files;
    bool is_prepared = false;  ///< every input has its hash
    bool cancel_asked = false;
    std::map<std::string, LiveStage> stages;
    std::map<std::int64_t, LiveTask> tasks;
    std::vector<std::int64_t> to_settle;  ///< tasks that have all that they waited for
    bool is_over = false;
};

struct LiveWorker {
    Capacity whole;
    std::int64_t heard_ms = 0;
    bool is_local = false;
};

/// For how long comes back what a run reads.
constexpr Milliseconds restored_usual{7LL * 24 * 3600 * 1000};

struct Engine::State {
    State(sql::Database& database, EngineOptions given, const Clock& its_clock, IdSource& its_ids);

    // Everything below but pool and store is guarded by the mutex.

    /// Runs the work in a transaction and then whatever follows from it. When that fails, memory is
    /// what the database says again.
    using Work = std::function<Result<void>(sql::Connection&)>;
    Result<void> write(const Work& work);
    Result<void> write_all(sql::Connection& connection, const Work& work);
    void changed();

    // loading.cpp
    Result<void> recover();
    Result<void> reload();
    Result<void> load_run(sql::Connection& connection, const Run& run);
    void index_task(LiveRun& run, LiveTask& task);

    // expansion.cpp
    /// Makes the tasks of stages whose items are known by now; whether there were any.
    Result<bool> expand(sql::Connection& connection, LiveRun& run);
    Result<void> expand_stage(sql::Connection& connection, LiveRun& run, const Stage& stage,
                              const std::vector<Coordinates>& items);
    /// Nothing while a stage that says them isn't over.
    Result<std::optional<std::vector<Coordinates>>> items_of(sql::Connection& connection,
                                                             LiveRun& run, const Stage& stage);
    Result<std::optional<std::vector<Coordinates>>> spread(sql::Connection& connection,
                                                           LiveRun& run, const Dimension& dimension,
                                                           const Coordinates& at);
    /// Which tasks of another stage a task of that place reads, in their order.
    const std::vector<std::int64_t>& sources(LiveRun& run, const Coordinates& at,
                                             const Stage& stage);
    void link(LiveRun& run, LiveTask& task);

    // settling.cpp
    /// What the task reads and by which key it is known: its output is there already, or another
    /// makes it, or the task is ready.
    Result<void> settle(sql::Connection& connection, LiveRun& run, LiveTask& task);
    struct Sources {
        KeyParts parts;
        Json inputs = Json::object(), names = Json::object();
        std::uint64_t bytes = 0;
        /// Of inputs that were edited by hand: which, and what would be read without the edits.
        std::vector<std::string> edited;
        Json unedited_inputs = Json::object();
        KeyParts unedited;
    };
    Result<Sources> sources_of(sql::Connection& connection, LiveRun& run, const LiveTask& task);
    void add_run_input(const LiveRun& run, const LiveTask& task, const Reference& from,
                       const std::string& input, Sources& to) const;
    Result<void> add_stage_output(sql::Connection& connection, LiveRun& run, const LiveTask& task,
                                  const Reference& from, const std::string& input, Sources& to);
    Result<void> add_code(sql::Connection& connection, const Stage& stage, const fs::path& folder,
                          KeyParts& parts);
    Result<std::vector<std::string>> why_computed(sql::Connection& connection, const LiveRun& run,
                                                  const Task& task);
    /// Asks the archive for what the task reads; whether it has to wait for that.
    Result<bool> asks_archive(sql::Connection& connection, LiveRun& run, LiveTask& task);
    Result<void> output_is_there(sql::Connection& connection, LiveRun& run, LiveTask& task);
    Result<void> done(sql::Connection& connection, LiveRun& run, LiveTask& task);

    // edited/editing.cpp
    /// Where its output was edited: the task is known by the edited one's key from now on. Whether
    /// that has still to be made.
    Result<bool> takes_edits_in(sql::Connection& connection, LiveRun& run, LiveTask& task);
    /// Instead of the stage's own work.
    Result<void> assign_edit(sql::Connection& connection, const LiveTask& task, Assignment& work);
    /// What the same stage made of the unedited inputs, where that is still there.
    Result<void> add_before(sql::Connection& connection, const Sources& sources, Assignment& work);
    Result<void> dead(sql::Connection& connection, LiveRun& run, LiveTask& task,
                      const std::string& error);
    Result<void> block_readers(sql::Connection& connection, LiveRun& run, std::int64_t of);
    void release_key(const LiveTask& task);
    Result<void> end_if_over(sql::Connection& connection, LiveRun& run);
    Result<void> note_event(sql::Connection& connection, std::string kind, const LiveRun& run,
                            const LiveTask* task = nullptr, const Json& detail = Json::object());
    /// Where that was the last of its stage.
    Result<void> note_stage_done(sql::Connection& connection, const LiveRun& run,
                                 const LiveTask& task);
    Result<std::string> hash_of(sql::Connection& connection, InputFile& file);

    // leasing.cpp
    /// The attempt is over without an output.
    Result<void> failed(sql::Connection& connection, LiveRun& run, LiveTask& task,
                        const WorkEnd& end);
    Result<void> take_output(sql::Connection& connection, LiveRun& run, LiveTask& task,
                             const Manifest& manifest, const WorkEnd& end);
    Result<void> record_attempt(sql::Connection& connection, const LiveTask& task,
                                const WorkEnd& end, const std::string& verdict);
    Result<Assignment> assign(sql::Connection& connection, LiveRun& run, LiveTask& task);
    Result<void> cancel_rest(sql::Connection& connection, LiveRun& run);
    Result<void> end_leases();
    /// What tasks of the stage have made that readers have still to read, with what those under way
    /// will make as far as others tell; and whether that is as much as may be while readers go on.
    struct Room {
        std::uint64_t used = 0, limit = 0;
        bool is_full = false;
    };
    Room room_of(const LiveRun& run, const Stage& stage) const;
    fs::path work_of(const LiveTask& task) const;
    fs::path kept_of(const std::string& key) const;
    fs::path log_path(const Task& task, int attempt) const;
    /// The run and the task that is running under that lease.
    Result<std::pair<LiveRun*, LiveTask*>> held(std::int64_t task, std::int64_t lease);
    std::pair<LiveRun*, LiveTask*> find_task(std::int64_t id);

    // archive/archiving.cpp
    struct Move {
        enum class Way { away, back, drop };
        std::string key;
        Way way = Way::away;
        Manifest manifest;
    };
    /// Does one thing that waits: whether there was one.
    Result<bool> move_one(const std::function<bool()>& cancelled);
    Result<std::optional<Move>> next_move();
    Result<void> went_away(const Move& move, const Result<std::uint64_t>& bytes);
    Result<void> came_back(const Move& move, const Result<void>& copied);
    Result<void> tell_restored(sql::Connection& connection, const Move& move, std::int64_t until_ms,
                               const std::string& error);
    /// Keys of tasks of runs that go on.
    std::set<std::string> used_keys() const;
    Result<void> ask_back(sql::Connection& connection, const std::string& key,
                          const std::string& run, Milliseconds stay);
    void archivist(const std::stop_token& stop);

    // steward.cpp
    Result<void> prepare(std::unique_lock<std::mutex>& lock, const std::string& run);
    Result<void> expire_outputs();
    void steward(const std::stop_token& stop);

    sql::ConnectionPool pool;
    const EngineOptions options;
    const Clock& clock;
    IdSource& ids;
    OutputStore store;
    ColdStore cold;
    std::atomic<std::uint64_t> moves{0};
    std::mutex moving_mutex;  ///< held by who moves outputs; taken before the other

    std::mutex mutex;
    std::condition_variable_any wake;
    std::uint64_t changes = 0;
    std::map<std::string, LiveRun> live;
    std::map<std::int64_t, std::string> run_of;
    std::set<std::int64_t> ready;                             ///< tasks
    std::map<std::string, std::int64_t> in_flight;            ///< by key: who makes it
    std::map<std::string, std::set<std::int64_t>> followers;  ///< who waits for that key
    std::map<std::string, std::set<std::int64_t>> awaiting;   ///< and for it to come back
    std::string moving;                                       ///< the key that is under way
    std::map<std::string, std::int64_t> unmoved;  ///< what couldn't be: steady, not before
    bool archive_asked = false;
    std::map<std::string, LiveWorker> workers;
    std::map<std::string, Scale> scales;
    /// Attempts that began, made something, failed, by pipeline and stage.
    struct Passed {
        std::int64_t began = 0, completed = 0, failed = 0;
    };
    std::map<std::pair<std::string, std::string>, Passed> passed;
    struct Known {
        double core_seconds = 0;
        std::int64_t at_ms = 0;  ///< steady
    };
    /// What a task of the pipeline's stage takes, as it was a while ago.
    std::map<std::pair<std::string, std::string>, Known> known_cost;
    Result<double> core_seconds_each(const std::string& pipeline, const std::string& stage);
    std::int64_t last_task = 0, last_lease = 0, expired_ms = 0;
    std::string instance;  ///< in the marks of processes
    std::optional<Steps> known_steps;
    std::jthread thread, archive_thread;
};

/// Whether the task's output is another one with edits by hand; and that one's key.
bool is_edited(const Task& task);
std::string unedited_key(const Task& task);

std::string item_of(const Coordinates& coordinates);
std::string coordinates_json(const Coordinates& coordinates);
Coordinates coordinates_in(const std::string& json);
std::string inputs_json(const std::vector<InputFile>& files);
std::vector<InputFile> inputs_in(const std::string& json);
/// The run's files as they lie there now. errors  invalid_input  an input without files
Result<std::vector<InputFile>> find_inputs(const Definition& definition, const fs::path& location);

}  // namespace stroma::flow
