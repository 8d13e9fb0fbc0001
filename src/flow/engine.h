#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "flow/admission.h"
#include "flow/definition.h"
#include "flow/run.h"
#include "flow/standing.h"
#include "flow/stored/output_store.h"
#include "sql/database.h"

namespace stroma::flow {

struct EngineOptions {
    fs::path folder;  ///< of outputs, logs and work under way
    /// What `stroma pipeline step --list` says; asked once.
    std::function<Result<Steps>()> steps;
    Milliseconds lease{60'000};
    Milliseconds first_retry{5'000};
    std::uint64_t memory_max = 0;     ///< that a task may be given; 0: the machine's
    std::uint64_t free_least = 0;     ///< bytes of disk that must be free for a task to begin
    fs::path archive;                 ///< of outputs that nobody needs at once; "": below `folder`
    Milliseconds shelf_look{60'000};  ///< between looks for outputs whose time is over
};

/// A worker that asks for work.
struct Offer {
    std::string worker;     ///< its name
    bool is_local = false;  ///< it dies with this process
    Capacity left, whole;
    std::string run;  ///< only of this run; "" of any
};

/// What a worker is told when it reports.
struct Orders {
    bool stop = false;  ///< the task is cancelled
};

/// Runs and their tasks: what waits for what, who works on what, what is there already. All of it
/// is in the database; a process that opens it goes on where the last one ended. At least once, and
/// an output is taken once per key. Any thread, one process for each folder.
class Engine {
public:
    /// Ends what a dead process's local workers left running. The references must outlive it.
    static Result<std::unique_ptr<Engine>> open(sql::Database& database, EngineOptions options,
                                                const Clock& clock, IdSource& ids);
    ~Engine();
    /// Lets leases end, runs begin and outputs expire by themselves.
    void start();
    void stop();

    Result<Steps> steps();
    /// Queues the run. The same again while it runs, or under the same name, is the first one.
    /// errors  invalid_input  the definition (each issue on a line), no such files
    ///         already_exists the name stands for something else
    Result<Run> submit(const NewRun& run);
    /// By id, the beginning of one, or name. errors  not_found
    Result<Run> find(std::string_view id_or_name);
    Result<std::vector<Run>> runs(std::string_view owner, int most);
    Result<std::vector<Task>> tasks(std::string_view run);
    Result<std::vector<Attempt>> attempts(std::int64_t task);
    Result<std::optional<Manifest>> manifest(std::string_view key);
    Result<std::vector<Review>> reviews(std::string_view run);
    /// What the run would take if nothing of it were there: by bytes of input, as the last twenty
    /// runs of the pipeline that computed a stage whole took. errors  invalid_input  as submit
    Result<Estimate> estimate(const NewRun& run);
    /// Reads every output (of the run; of all: "") and holds it against its manifest, and its key
    /// against what is written of inputs, parameters and code. One line per thing found wrong.
    /// errors  cancelled
    Result<std::vector<std::string>> verify_outputs(std::string_view run,
                                                    const std::function<bool()>& cancelled);
    /// Where a file of an output lies. errors  not_found; conflict: it is in the archive
    Result<fs::path> file_of(std::string_view key, std::string_view name);
    /// Outputs of the run's tasks and where they lie, as tasks are in order.
    Result<std::vector<Shelved>> shelf(std::string_view run);
    /// Has them taken to the archive, of the stage and item or of all: ""; gives how many. What
    /// runs that go on may need stays. errors  conflict  the run goes on itself
    Result<int> put_away(std::string_view run, std::string_view stage, std::string_view item);
    /// Has them brought back for so long; an event "restored" tells when all are there. Gives how
    /// many come. Where they are back already, they stay longer.
    /// errors  invalid_input  how long; not_found  no output of it
    Result<int> bring_back(std::string_view run, std::string_view stage, std::string_view item,
                           Milliseconds stay);
    /// Does what waits for the archive, here and now.
    Result<void> work_off_archive(const std::function<bool()>& cancelled);
    Result<ArchiveSums> archive_sums();
    /// Rises whenever an output has gone to the archive or come back, or was edited by hand.
    std::uint64_t moves() const;
    /// What an attempt wrote; "" when it isn't there any more.
    fs::path log_of(const Task& task, int attempt) const;

    /// Tasks under way are ended. What is done stays for other runs.
    Result<Run> cancel(std::string_view run);
    /// Dead and cancelled tasks are tried again, and who waited for them.
    Result<Run> retry(std::string_view run);
    /// Accepts or rejects what waits for review, of one item or all of the stage.
    /// errors  conflict  nothing of it waits
    Result<void> review(std::string_view run, std::string_view stage, std::string_view item,
                        bool accepted, const std::string& comment, const std::string& reviewer);
    /// Adds changes by hand to what the task made, and has it made anew by the step "edit", with
    /// all that reads it; the output itself stays as it is. The owner's later runs take them in.
    /// What had been accepted is looked at again. Each edit's key is known here.
    /// Readers at work are called off.
    /// errors  conflict  the task has made nothing yet; there is nothing to undo
    Result<void> edit(std::string_view run, std::int64_t task, std::vector<Edit> edits);
    /// Those of what the task made, in order, with the undone ones. errors  not_found
    Result<std::vector<Edit>> edits(std::string_view run, std::int64_t task);
    /// Returns when something has changed since that count, or after `wait`; gives the count.
    std::uint64_t wait_for_change(std::uint64_t seen, Milliseconds wait);

    /// What happened after that one, in order.
    Result<std::vector<RunEvent>> events_after(std::int64_t sequence, int most);

    /// Leases a task that fits.
    Result<std::optional<Assignment>> lease(const Offer& offer);
    /// Keeps the lease. errors  not_found  another has the task by now, or nobody
    Result<Orders> beat(std::int64_t task, std::int64_t lease, const TaskProgress& progress);
    /// Takes what the work folder holds. errors  not_found  as above: nothing is taken
    Result<void> finish(std::int64_t task, std::int64_t lease, const WorkEnd& end);

    /// The worker is gone, as whoever started it knows: what it held goes on elsewhere at once
    /// instead of at the end of its leases. Gives how many tasks that were.
    Result<int> worker_gone(const std::string& worker, Outcome outcome, const std::string& why);

    /// How each stage's queue and each worker stands.
    Result<Standing> standing();
    /// What is ready or running and fits into such a worker. What local workers have is left out
    /// where the worker isn't local.
    Load load(const Capacity& worker, bool is_local);
    /// Where workers come from, shown in the standing; the last of a place counts.
    void note(const Scale& scale);

    /// Makes the row or gives it these values; that somebody wants it gone stays.
    Result<void> put_pilot(const Pilot& pilot);
    /// Those that aren't over.
    Result<std::vector<Pilot>> pilots();
    /// Those that had a task of the run, and the outcome of each; of any run, the newest: "".
    Result<std::vector<Pilot>> pilots_of(std::string_view run, int most);
    /// Whoever started it ends it soon. errors  not_found  no such job, or it is over
    Result<void> call_off(std::string_view job);
    /// Seconds until the run is over with so many cores, by what such tasks took.
    Result<std::optional<double>> seconds_left(std::string_view run, int cores);

    struct State;

private:
    explicit Engine(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace stroma::flow
