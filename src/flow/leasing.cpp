#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "base/log.h"
#include "base/metrics.h"
#include "flow/engine_state.h"

// Tasks in the hands of workers.

namespace stroma::flow {
namespace {

constexpr std::size_t candidates_max = 5000, error_bytes_max = 4000;

bool has_room(const fs::path& folder, std::uint64_t least) {
    struct statvfs found {};
    if (least == 0 || ::statvfs(folder.c_str(), &found) != 0) return true;
    return static_cast<std::uint64_t>(found.f_bavail) * found.f_frsize >= least;
}

/// The input as it was when it was hashed.
bool is_unchanged(const InputFile& file) {
    struct stat found {};
    return ::stat(file.path.c_str(), &found) == 0 &&
           static_cast<std::uint64_t>(found.st_size) == file.bytes &&
           found.st_mtim.tv_sec * 1'000'000'000 + found.st_mtim.tv_nsec == file.modified_ns &&
           static_cast<std::int64_t>(found.st_ino) == file.number;
}

void count_attempt(const Task& task, Outcome outcome) {
    counter("stroma_pipeline_attempts_total", "Attempts of pipelines' tasks by how they ended",
            {{"stage", task.stage}, {"outcome", std::string(name_of(outcome))}})
        .add();
}

}  // namespace

fs::path Engine::State::work_of(const LiveTask& task) const {
    return options.folder / "work" / fmt::format("{}-{}", task.record.id, task.record.lease);
}

fs::path Engine::State::kept_of(const std::string& key) const {
    return options.folder / "kept" / key;
}

fs::path Engine::State::log_path(const Task& task, int attempt) const {
    return options.folder / "logs" / task.run / fmt::format("{}-{}.log", task.id, attempt);
}

std::pair<LiveRun*, LiveTask*> Engine::State::find_task(std::int64_t id) {
    const auto run = run_of.find(id);
    if (run == run_of.end()) return {nullptr, nullptr};
    LiveRun& found = live.at(run->second);
    const auto task = found.tasks.find(id);
    if (task == found.tasks.end()) return {nullptr, nullptr};
    return {&found, &task->second};
}

Result<std::pair<LiveRun*, LiveTask*>> Engine::State::held(std::int64_t id, std::int64_t lease) {
    const auto [run, task] = find_task(id);
    if (task == nullptr || task->record.state != TaskState::running ||
        task->record.lease != lease || task->is_committing)
        return fail(ErrorCode::not_found,
                    fmt::format("task {} is no longer held under lease {}", id, lease));
    return std::pair(run, task);
}

Result<Assignment> Engine::State::assign(sql::Connection& connection, LiveRun& run,
                                         LiveTask& task) {
    const Stage& stage = *run.definition.find_stage(task.record.stage);
    const Sources sources = TRY(sources_of(connection, run, task));
    Assignment work;
    work.task = task.record.id;
    work.lease = task.record.lease;
    work.attempt = task.record.attempt;
    work.run = run.record.id;
    work.stage = stage.name;
    work.item = task.record.item;
    work.step = stage.step;
    for (const std::string& word : stage.command) {
        const auto path = file_of_word(word, run.record.folder);
        work.command.push_back(path ? path->string() : word);
    }
    work.inputs = sources.inputs.dump();
    work.names = sources.names.dump();
    Json parameters = Json::object();
    for (const auto& [name, value] : stage.parameters) parameters[name] = Json::parse(value);
    for (const Coordinate& one : task.coordinates)
        if (!one.value.empty()) parameters[one.dimension] = Json::parse(one.value);
    work.parameters = parameters.dump();
    work.cores = stage.cores;
    work.memory_bytes = task.record.memory_bytes;
    work.timeout = task.record.timeout;
    work.lease_length = options.lease;
    work.work = work_of(task);
    work.kept = kept_of(task.record.key);
    work.log = log_path(task.record, task.record.attempt);
    work.mark = fmt::format("{}:{}:{}-{};", instance, task.is_local ? "local" : "pilot",
                            task.record.id, task.record.lease);
    if (is_edited(task.record))
        TRY(assign_edit(connection, task, work));
    else if (!sources.edited.empty())
        TRY(add_before(connection, sources, work));
    return work;
}

Engine::State::Room Engine::State::room_of(const LiveRun& run, const Stage& stage) const {
    Room room{.limit = stage.room_bytes};
    if (struct statvfs disk{};
        stage.room_share > 0 && ::statvfs(options.folder.c_str(), &disk) == 0)
        room.limit =
            static_cast<std::uint64_t>(stage.room_share * static_cast<double>(disk.f_blocks) *
                                       static_cast<double>(disk.f_frsize));
    const auto found = run.stages.find(stage.name);
    if (room.limit == 0 || found == run.stages.end()) return room;
    std::uint64_t made = 0, makers = 0, under_way = 0;
    bool readers_go_on = false;
    for (const std::int64_t id : found->second.tasks) {
        const LiveTask& task = run.tasks.at(id);
        if (task.record.state == TaskState::running) ++under_way;
        if (task.record.state != TaskState::done) continue;
        made += task.output_bytes;
        ++makers;
        bool is_unread = false;
        for (const std::int64_t reader : task.dependents) {
            const TaskState state = run.tasks.at(reader).record.state;
            is_unread |= !is_final(state);
            readers_go_on |= state == TaskState::ready || state == TaskState::running;
        }
        if (is_unread) room.used += task.output_bytes;
    }
    if (makers > 0) room.used += under_way * (made / makers);
    // Who reads all of it at once would wait for ever, else.
    room.is_full = readers_go_on && room.used >= room.limit;
    return room;
}

Result<std::optional<Assignment>> Engine::lease(const Offer& offer) {
    const std::lock_guard lock(state_->mutex);
    State& state = *state_;
    const std::int64_t now = state.clock.unix_ms();
    LiveWorker& worker = state.workers[offer.worker];
    worker = {offer.whole, state.clock.steady_ms(), offer.is_local};
    if (state.ready.empty() || !has_room(state.options.folder, state.options.free_least))
        return std::nullopt;
    std::map<std::string, int> running_of;
    for (const std::int64_t number : state.ready)
        if (const auto [run, task] = state.find_task(number); task != nullptr)
            running_of.try_emplace(run->record.owner, 0);
    for (const auto& [key, number] : state.in_flight)
        if (const auto [run, task] = state.find_task(number);
            task != nullptr && task->record.state == TaskState::running)
            ++running_of[run->record.owner];
    std::vector<Candidate> candidates;
    std::map<std::pair<const LiveRun*, const Stage*>, bool> full;
    for (const std::int64_t number : state.ready) {
        const auto [run, task] = state.find_task(number);
        if (task == nullptr || task->record.not_before_ms > now) continue;
        if (!offer.run.empty() && run->record.id != offer.run) continue;
        const Stage& stage = *run->definition.find_stage(task->record.stage);
        const auto [known, is_new] = full.try_emplace({run, &stage}, false);
        if (is_new) known->second = state.room_of(*run, stage).is_full;
        if (known->second) continue;
        candidates.push_back({number, run->record.owner, run->record.priority,
                              task->record.ready_ms, stage.cores, task->record.memory_bytes});
        if (candidates.size() == candidates_max) break;
    }
    const auto chosen = choose(candidates, offer.left, {.whole = offer.whole}, running_of, now);
    if (!chosen) return std::nullopt;
    std::optional<Assignment> work;
    TRY(state.write([&](sql::Connection& connection) -> Result<void> {
        const auto [run, task] = state.find_task(*chosen);
        Task& record = task->record;
        record.state = TaskState::running;
        record.lease = ++state.last_lease;
        record.worker = offer.worker;
        record.started_ms = now;
        record.progress = {};
        ++record.attempt;
        ++state.passed[{run->record.pipeline, record.stage}].began;
        task->is_local = offer.is_local;
        task->lease_ends_ms = state.clock.steady_ms() + state.options.lease.count();
        state.ready.erase(record.id);
        auto assigned = state.assign(connection, *run, *task);
        if (!assigned) return state.dead(connection, *run, *task, assigned.error().message);
        work = *std::move(assigned);
        return records::put_task(connection, record);
    }));
    return work;
}

Result<Orders> Engine::beat(std::int64_t id, std::int64_t lease, const TaskProgress& progress) {
    const std::lock_guard lock(state_->mutex);
    const auto [run, task] = TRY(state_->held(id, lease));
    task->lease_ends_ms = state_->clock.steady_ms() + state_->options.lease.count();
    state_->workers[task->record.worker].heard_ms = state_->clock.steady_ms();
    const TaskProgress& old = task->record.progress;
    const bool is_new = old.done != progress.done || old.step != progress.step;
    task->record.progress = progress;
    if (is_new) state_->changed();
    return Orders{run->cancel_asked};
}

Result<void> Engine::State::record_attempt(sql::Connection& connection, const LiveTask& task,
                                           const WorkEnd& end, const std::string& verdict) {
    count_attempt(task.record, end.outcome);
    Attempt attempt{.task = task.record.id,
                    .attempt = task.record.attempt,
                    .lease = task.record.lease,
                    .worker = task.record.worker,
                    .end = end,
                    .verdict = verdict,
                    .memory_bytes = task.record.memory_bytes,
                    .started_ms = task.record.started_ms,
                    .ended_ms = clock.unix_ms()};
    attempt.end.error = attempt.end.error.substr(0, error_bytes_max);
    return records::add_attempt(connection, attempt);
}

Result<void> Engine::State::failed(sql::Connection& connection, LiveRun& run, LiveTask& task,
                                   const WorkEnd& end) {
    Task& record = task.record;
    const Stage& stage = *run.definition.find_stage(record.stage);
    record.outcome = name_of(end.outcome);
    record.error = end.error.substr(0, error_bytes_max);
    record.core_seconds += end.core_seconds;
    record.peak_bytes = std::max(record.peak_bytes, end.peak_bytes);
    task.is_committing = false;
    if (run.cancel_asked) {
        TRY(record_attempt(connection, task, end, "the run was cancelled"));
        record.state = TaskState::cancelled;
        record.ended_ms = clock.unix_ms();
        release_key(task);
        return records::put_task(connection, record);
    }
    if (end.outcome == Outcome::cancelled) {
        // Its worker was asked to leave: that is nobody's failure.
        // Here that is the end of this program. A worker elsewhere has its time, which may be too
        // short for the task however often it begins anew.
        const int times = task.is_local ? 0 : ++record.tries[Outcome::cancelled];
        if (times > stage.retries.given_back) {
            const std::string error = fmt::format(
                "workers that had to end have given it back {} times, the last after {} s: let "
                "them last longer (slurm.time), cut the work smaller, or allow more of it with "
                "retries: {{given_back: {}}}",
                times, (clock.unix_ms() - record.started_ms) / 1000, 2 * times);
            TRY(record_attempt(connection, task, end, "no more tries"));
            TRY(note_event(connection, "task failed", run, &task,
                           {{"outcome", "given back"}, {"error", error}, {"again", false}}));
            return dead(connection, run, task, error);
        }
        TRY(record_attempt(connection, task, end, "again: its worker ended"));
        record.state = TaskState::ready;
        ready.insert(record.id);
        return records::put_task(connection, record);
    }
    ++record.tries[end.outcome];
    ++passed[{run.record.pipeline, record.stage}].failed;
    const auto seed = static_cast<std::uint64_t>(record.id) * 31 + std::uint64_t(record.attempt);
    const Verdict verdict =
        judge(end.outcome, {record.tries, record.memory_bytes, record.timeout}, stage.retries,
              options.memory_max, options.first_retry, seed * 2654435761u);
    TRY(record_attempt(connection, task, end, verdict.why));
    TRY(note_event(connection, "task failed", run, &task,
                   {{"outcome", record.outcome},
                    {"error", record.error},
                    {"attempt", record.attempt},
                    {"again", verdict.again},
                    {"verdict", verdict.why},
                    {"worker", record.worker}}));
    if (!verdict.again)
        return dead(connection, run, task, fmt::format("{} ({})", record.error, verdict.why));
    record.memory_bytes = verdict.memory_bytes;
    record.timeout = verdict.timeout;
    record.not_before_ms = clock.unix_ms() + verdict.delay.count();
    record.state = TaskState::ready;
    ready.insert(record.id);
    return records::put_task(connection, record);
}

Result<void> Engine::State::take_output(sql::Connection& connection, LiveRun& run, LiveTask& task,
                                        const Manifest& manifest, const WorkEnd& end) {
    Task& record = task.record;
    const Stage& stage = *run.definition.find_stage(record.stage);
    record.core_seconds += end.core_seconds;
    record.peak_bytes = std::max(record.peak_bytes, end.peak_bytes);
    record.error.clear();
    record.outcome.clear();
    task.is_committing = false;
    const std::int64_t now = clock.unix_ms();
    TRY(records::put_output(
        connection, {record.key, manifest.json(), manifest.hash(), manifest.bytes(), record.id,
                     end.core_seconds, stage.ttl, now, now, stage.archive}));
    task.output_bytes = manifest.bytes();
    ++passed[{run.record.pipeline, record.stage}].completed;
    TRY(record_attempt(connection, task, end, ""));
    // Before it may go by another key.
    release_key(task);
    return output_is_there(connection, run, task);
}

Result<void> Engine::finish(std::int64_t id, std::int64_t lease, const WorkEnd& end) {
    State& state = *state_;
    std::unique_lock lock(state.mutex);
    const auto [run, task] = TRY(state.held(id, lease));
    const fs::path work = state.work_of(*task);
    std::string key;
    WorkEnd told = end;
    std::optional<Manifest> manifest;
    if (end.outcome == Outcome::done) {
        task->is_committing = true;
        const std::vector<InputFile> files = run->files;
        key = task->record.key;
        const std::vector<std::string> promised =
            run->definition.find_stage(task->record.stage)->outputs;
        lock.unlock();
        auto taken = take_manifest(work / "output", promised);
        const auto changed =
            std::ranges::find_if(files, [](const InputFile& file) { return !is_unchanged(file); });
        if (!taken) {
            told.outcome = Outcome::failure;
            told.error = taken.error().message;
        } else if (changed != files.end()) {
            told.outcome = Outcome::bad_input;
            told.error = fmt::format("{} was changed while the run went on; start it again",
                                     changed->path.string());
        } else if (const auto put = state.store.put(key, work / "output"); !put) {
            told.outcome = Outcome::temporary;
            told.error = put.error().message;
        } else {
            manifest = *std::move(taken);
        }
        lock.lock();
    }
    // Memory may have been read anew meanwhile.
    const auto [run_now, task_now] = state.find_task(id);
    if (task_now == nullptr || task_now->record.lease != lease)
        return fail(ErrorCode::not_found, fmt::format("task {} is no longer held", id));
    const auto written = state.write([&](sql::Connection& connection) {
        return manifest ? state.take_output(connection, *run_now, *task_now, *manifest, told)
                        : state.failed(connection, *run_now, *task_now, told);
    });
    lock.unlock();
    std::error_code error;
    fs::remove_all(work, error);
    if (manifest) fs::remove_all(state.kept_of(key), error);
    return written;
}

Result<void> Engine::State::cancel_rest(sql::Connection& connection, LiveRun& run) {
    run.cancel_asked = true;
    run.is_prepared = true;
    run.to_settle.clear();
    for (auto& [id, task] : run.tasks) {
        if (is_final(task.record.state) || task.record.state == TaskState::running) continue;
        task.record.state = TaskState::cancelled;
        task.record.ended_ms = clock.unix_ms();
        ready.erase(id);
        release_key(task);
        followers[task.record.key].erase(id);
        TRY(records::put_task(connection, task.record));
    }
    return {};
}

Result<void> Engine::State::end_leases() {
    const std::int64_t now = clock.steady_ms();
    std::vector<std::int64_t> over;
    for (auto& [id, run] : live)
        for (auto& [number, task] : run.tasks)
            if (task.record.state == TaskState::running && !task.is_committing &&
                task.lease_ends_ms < now)
                over.push_back(number);
    for (const std::int64_t number : over)
        TRY(write([&](sql::Connection& connection) -> Result<void> {
            const auto [run, task] = find_task(number);
            if (task == nullptr) return {};
            log(LogLevel::warning, "a pipeline's worker was heard of no more",
                {{"task", std::to_string(number)}, {"worker", task->record.worker}});
            return failed(connection, *run, *task,
                          {.outcome = Outcome::lost, .error = "its worker was heard of no more"});
        }));
    return {};
}

}  // namespace stroma::flow
