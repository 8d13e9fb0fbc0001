#include "flow/engine.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/digest.h"
#include "base/log.h"
#include "base/memory.h"
#include "flow/engine_state.h"
#include "flow/process.h"
#include "flow/size_text.h"
#include "sql/migrations.h"

namespace stroma::flow {

std::span<const sql::Migration> migrations();

namespace {

EngineOptions filled_options(EngineOptions options) {
    if (options.memory_max == 0) options.memory_max = usable_memory();
    if (options.archive.empty()) options.archive = options.folder / "archive";
    return options;
}

std::string changes_json(const std::map<std::string, std::string>& changes) {
    Json json = Json::object();
    for (const auto& [name, value] : changes) json[name] = Json::parse(value);
    return json.dump();
}

bool is_same(const Run& run, const NewRun& asked) {
    return run.owner == asked.owner && run.definition == asked.definition &&
           run.folder == asked.folder && run.location == asked.location &&
           run.changes == changes_json(asked.changes);
}

}  // namespace

Engine::State::State(sql::Database& database, EngineOptions given, const Clock& its_clock,
                     IdSource& its_ids)
    : pool(database),
      options(filled_options(std::move(given))),
      clock(its_clock),
      ids(its_ids),
      store(options.folder / "outputs"),
      cold(options.archive),
      instance(sha256_hex(options.folder.string()).substr(0, 16)) {}

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}
Engine::~Engine() { stop(); }

Result<std::unique_ptr<Engine>> Engine::open(sql::Database& database, EngineOptions options,
                                             const Clock& clock, IdSource& ids) {
    TRY(sql::migrate(database, "flow", migrations()));
    for (const char* part : {"outputs", "work", "logs", "kept"})
        TRY(make_folders(options.folder / part));
    auto state = std::make_unique<State>(database, std::move(options), clock, ids);
    // The key of a task that goes on names the version of its step.
    bool goes_on = false;
    {
        const auto connection = TRY(state->pool.take());
        goes_on = TRY(records::integer(
                      *connection, "SELECT count(*) FROM flow_runs WHERE state = 'running'")) > 0;
    }
    if (goes_on && state->options.steps) state->known_steps = TRY(state->options.steps());
    {
        const std::lock_guard lock(state->mutex);
        TRY(state->recover());
    }
    return std::unique_ptr<Engine>(new Engine(std::move(state)));
}

void Engine::start() {
    if (state_->thread.joinable()) return;
    state_->thread = std::jthread([this](const std::stop_token& stop) { state_->steward(stop); });
    state_->archive_thread =
        std::jthread([this](const std::stop_token& stop) { state_->archivist(stop); });
}

void Engine::stop() {
    if (!state_->thread.joinable()) return;
    state_->thread.request_stop();
    state_->archive_thread.request_stop();
    state_->wake.notify_all();
    state_->thread.join();
    state_->archive_thread.join();
}

Result<Steps> Engine::steps() {
    {
        const std::lock_guard lock(state_->mutex);
        if (state_->known_steps) return *state_->known_steps;
    }
    auto steps = state_->options.steps ? TRY(state_->options.steps()) : Steps{};
    const std::lock_guard lock(state_->mutex);
    state_->known_steps = steps;
    return steps;
}

void Engine::State::changed() {
    ++changes;
    wake.notify_all();
}

Result<void> Engine::State::write_all(sql::Connection& connection, const Work& work) {
    TRY(work(connection));
    // What follows may let runs that wait for the same output go on, and so on.
    for (bool again = true; again;) {
        again = false;
        for (auto& [id, run] : live) {
            if (run.is_over || !run.is_prepared) continue;
            while (!run.to_settle.empty()) {
                const std::int64_t task = run.to_settle.back();
                run.to_settle.pop_back();
                TRY(settle(connection, run, run.tasks.at(task)));
                again = true;
            }
            if (TRY(expand(connection, run))) again = true;
        }
    }
    for (auto& [id, run] : live) TRY(end_if_over(connection, run));
    return {};
}

Result<void> Engine::State::write(const Work& work) {
    auto connection = TRY(pool.take());
    auto written = connection->in_transaction([&] { return write_all(*connection, work); });
    if (!written) {
        // Memory is ahead of the database by what was rolled back.
        if (const auto loaded = reload(); !loaded)
            log(LogLevel::error, "the pipelines' runs could not be read again",
                {{"error", loaded.error().message}});
    }
    std::erase_if(live, [&](auto& entry) {
        if (!entry.second.is_over) return false;
        for (const auto& task : entry.second.tasks) run_of.erase(task.first);
        return true;
    });
    changed();
    return written;
}

Result<Run> Engine::submit(const NewRun& asked) {
    const Steps known = TRY(steps());
    Definition definition = TRY(definition_of(
        "pipeline", read_definition(asked.definition, asked.changes, &known, asked.folder)));
    for (const Stage& stage : definition.stages)
        if (stage.memory_bytes > state_->options.memory_max)
            return fail(ErrorCode::invalid_input,
                        fmt::format("stages.{}.resources.memory: {} is more than any task may have "
                                    "({})",
                                    stage.name, size_text(stage.memory_bytes),
                                    size_text(state_->options.memory_max)));
    const auto files = TRY(find_inputs(definition, asked.location));
    const std::lock_guard lock(state_->mutex);
    {
        const auto connection = TRY(state_->pool.take());
        const auto others =
            TRY(records::runs(*connection, "WHERE name = ? OR (state = 'running' AND owner = ?)",
                              {asked.name, asked.owner}));
        for (const Run& other : others) {
            if (is_same(other, asked) && (asked.name.empty() || other.name == asked.name))
                return other;
            if (!asked.name.empty() && other.name == asked.name)
                return fail(ErrorCode::already_exists,
                            fmt::format("there is a run '{}' of something else", asked.name));
        }
    }
    LiveRun run;
    run.record.id = state_->ids.uuid();
    run.record.name =
        asked.name.empty() ? definition.name + "-" + run.record.id.substr(0, 8) : asked.name;
    run.record.owner = asked.owner;
    run.record.pipeline = definition.name;
    run.record.version = definition.version;
    run.record.definition = asked.definition;
    run.record.folder = asked.folder;
    run.record.location = asked.location;
    run.record.changes = changes_json(asked.changes);
    run.record.inputs = inputs_json(files);
    run.record.priority = asked.priority;
    run.record.created_ms = state_->clock.unix_ms();
    run.definition = std::move(definition);
    run.files = files;
    const Run record = run.record;
    const auto add = [&](sql::Connection& connection) -> Result<void> {
        TRY(records::put_run(connection, run.record));
        TRY(state_->note_event(connection, "submitted", run));
        state_->live.emplace(record.id, std::move(run));
        return {};
    };
    TRY(state_->write(add));
    return record;
}

Result<Run> Engine::find(std::string_view wanted) {
    const auto connection = TRY(state_->pool.take());
    const std::string text(wanted);
    auto found = TRY(records::runs(*connection, "WHERE id = ? OR name = ?", {text, text}));
    if (found.empty() && text.size() >= 4)
        found = TRY(
            records::runs(*connection, "WHERE substr(id, 1, length(?)) = ? LIMIT 2", {text, text}));
    if (found.empty())
        return fail(ErrorCode::not_found,
                    fmt::format("no run '{}'; 'stroma pipeline list' shows what there is", wanted));
    if (found.size() > 1)
        return fail(ErrorCode::conflict, fmt::format("several runs begin with '{}'", wanted));
    return std::move(found.front());
}

Result<std::vector<Run>> Engine::runs(std::string_view owner, int most) {
    const auto connection = TRY(state_->pool.take());
    const std::string whose(owner);
    return records::runs(*connection,
                         "WHERE owner = ? OR ? = '' ORDER BY created_ms DESC, id LIMIT ?",
                         {whose, whose, std::int64_t{most}});
}

Result<std::vector<Task>> Engine::tasks(std::string_view run) {
    std::vector<Task> tasks;
    {
        const auto connection = TRY(state_->pool.take());
        tasks = TRY(records::tasks(*connection, "WHERE run = ? ORDER BY id", {std::string(run)}));
    }
    const std::lock_guard lock(state_->mutex);
    const auto found = state_->live.find(std::string(run));
    if (found != state_->live.end())
        for (Task& task : tasks)
            if (const auto now = found->second.tasks.find(task.id);
                now != found->second.tasks.end())
                task.progress = now->second.record.progress;
    return tasks;
}

Result<std::vector<Attempt>> Engine::attempts(std::int64_t task) {
    const auto connection = TRY(state_->pool.take());
    return records::attempts(*connection, "WHERE task = ? ORDER BY attempt", {task});
}

Result<std::optional<Manifest>> Engine::manifest(std::string_view key) {
    const auto connection = TRY(state_->pool.take());
    const auto output = TRY(records::find_output(*connection, std::string(key)));
    if (!output) return std::nullopt;
    return TRY(Manifest::from_json(output->manifest));
}

Result<std::vector<Review>> Engine::reviews(std::string_view run) {
    const auto connection = TRY(state_->pool.take());
    return records::reviews(*connection, "WHERE run = ? ORDER BY at_ms", {std::string(run)});
}

Result<fs::path> Engine::file_of(std::string_view key, std::string_view name) {
    const auto connection = TRY(state_->pool.take());
    const auto output = TRY(records::find_output(*connection, std::string(key)));
    if (!output || TRY(Manifest::from_json(output->manifest)).find(name) == nullptr)
        return fail(ErrorCode::not_found,
                    fmt::format("there is no file '{}' of that output (any more)", name));
    if (output->tier == Tier::cold)
        return fail(ErrorCode::conflict,
                    fmt::format("'{}' lies in the archive; ask for it: stroma pipeline restore "
                                "RUN, or Restore on the run's page",
                                name));
    return state_->store.path_of(key) / std::string(name);
}

fs::path Engine::log_of(const Task& task, int attempt) const {
    return state_->log_path(task, attempt);
}

std::uint64_t Engine::wait_for_change(std::uint64_t seen, Milliseconds wait) {
    std::unique_lock lock(state_->mutex);
    state_->wake.wait_for(lock, wait, [&] { return state_->changes != seen; });
    return state_->changes;
}

Result<Run> Engine::cancel(std::string_view id) {
    const Run run = TRY(find(id));
    {
        const std::lock_guard lock(state_->mutex);
        const auto found = state_->live.find(run.id);
        if (found == state_->live.end()) return run;  // it is over
        TRY(state_->write([&](sql::Connection& connection) {
            return state_->cancel_rest(connection, found->second);
        }));
    }
    return find(run.id);
}

Result<Run> Engine::retry(std::string_view id) {
    Run run = TRY(find(id));
    const std::lock_guard lock(state_->mutex);
    const auto connection = TRY(state_->pool.take());
    const auto begin_again = [&]() -> Result<void> {
        TRY(connection->change(
            "UPDATE flow_tasks SET state = 'waiting', tries = '{}', key = '', error = '', "
            "outcome = '', not_before_ms = 0 WHERE run = ? AND state IN ('dead', 'cancelled', "
            "'blocked')",
            {run.id}));
        run.state = RunState::running;
        run.error.clear();
        run.ended_ms = 0;
        return records::put_run(*connection, run);
    };
    TRY(connection->in_transaction(begin_again));
    TRY(state_->reload());
    TRY(state_->write([](sql::Connection&) -> Result<void> { return {}; }));
    return run;
}

Result<void> Engine::review(std::string_view id, std::string_view stage, std::string_view item,
                            bool accepted, const std::string& comment,
                            const std::string& reviewer) {
    const Run run = TRY(find(id));
    const std::lock_guard lock(state_->mutex);
    const auto found = state_->live.find(run.id);
    bool any = false;
    const auto judge_all = [&](sql::Connection& connection) -> Result<void> {
        for (auto& [number, task] : found->second.tasks) {
            const Task& record = task.record;
            if (record.state != TaskState::review || record.stage != stage) continue;
            if (!item.empty() && record.item != item) continue;
            any = true;
            TRY(records::add_review(
                connection, {run.id, record.stage, record.item, record.key, accepted, comment,
                             reviewer, state_->clock.unix_ms()}));
            if (accepted)
                TRY(state_->done(connection, found->second, task));
            else
                TRY(state_->dead(connection, found->second, task,
                                 fmt::format("rejected by {}: {}", reviewer, comment)));
        }
        return {};
    };
    if (found != state_->live.end()) TRY(state_->write(judge_all));
    if (any) return {};
    return fail(
        ErrorCode::conflict,
        fmt::format("nothing of the stage '{}' waits for review in run '{}'", stage, run.name));
}

}  // namespace stroma::flow
