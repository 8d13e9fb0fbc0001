#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "flow/engine_state.h"

// The watchers: how long queues are, who works, what fails, what it takes.

namespace stroma::flow {
namespace {

constexpr std::int64_t day_ms = 24LL * 3600 * 1000, worker_forgotten_ms = 600'000;
constexpr std::int64_t cost_kept_ms = 5'000;
constexpr double core_seconds_unknown = 10;

struct Measured {
    double core_seconds = 0, bytes = 0;
};

/// What each of the stage's last hundred computed tasks took.
Result<Measured> measured(sql::Connection& connection, const std::string& pipeline,
                          const std::string& stage) {
    const auto rows = TRY(connection.execute(
        "SELECT avg(core_seconds), avg(bytes_in) FROM (SELECT t.core_seconds, t.bytes_in FROM "
        "flow_tasks t JOIN flow_runs r ON r.id = t.run WHERE r.pipeline = ? AND t.stage = ? AND "
        "t.state = 'done' AND NOT t.cached ORDER BY t.id DESC LIMIT 100)",
        {pipeline, stage}));
    if (!TRY(rows->next()) || rows->is_null(0)) return Measured{};
    return Measured{rows->real(0), rows->real(1)};
}

/// For how long each of them kept a worker: one that waits for a disk or a network does, too.
Result<double> occupied(sql::Connection& connection, const std::string& pipeline,
                        const std::string& stage) {
    const auto rows = TRY(connection.execute(
        "SELECT avg(CASE WHEN wall > core_seconds THEN wall ELSE core_seconds END) FROM (SELECT "
        "t.core_seconds, (t.ended_ms - t.started_ms) / 1000.0 AS wall FROM flow_tasks t JOIN "
        "flow_runs r ON r.id = t.run WHERE r.pipeline = ? AND t.stage = ? AND t.state = 'done' AND "
        "NOT t.cached ORDER BY t.id DESC LIMIT 100) AS lately",
        {pipeline, stage}));
    return TRY(rows->next()) && !rows->is_null(0) ? rows->real(0) : 0.0;
}

std::string first_line(const std::string& text) {
    return text.substr(0, std::min<std::size_t>(text.find('\n'), 160));
}

void keep_commonest(std::vector<std::pair<std::string, std::int64_t>>& errors) {
    std::ranges::stable_sort(errors, std::greater{}, &std::pair<std::string, std::int64_t>::second);
    if (errors.size() > 20) errors.resize(20);
}

void count_task(StageStanding& stage, const Task& task, std::int64_t now) {
    switch (task.state) {
        case TaskState::waiting: ++stage.waiting; break;
        case TaskState::ready:
            ++stage.ready;
            stage.oldest_ms = std::max(stage.oldest_ms, now - task.ready_ms);
            break;
        case TaskState::running: ++stage.running; break;
        case TaskState::review: ++stage.review; break;
        case TaskState::done: ++stage.done; break;
        default: ++stage.dead; break;
    }
}

}  // namespace

Result<double> Engine::State::core_seconds_each(const std::string& pipeline,
                                                const std::string& stage) {
    const std::int64_t now = clock.steady_ms();
    Known& known = known_cost[{pipeline, stage}];
    if (known.at_ms == 0 || now - known.at_ms > cost_kept_ms) {
        const auto connection = TRY(pool.take());
        const double each = TRY(occupied(*connection, pipeline, stage));
        known = {each > 0 ? each : core_seconds_unknown, now};
    }
    return known.core_seconds;
}

Load Engine::load(const Capacity& worker, bool is_local) {
    const std::lock_guard lock(state_->mutex);
    State& state = *state_;
    Load load;
    const auto count = [&](const LiveRun& run, const LiveTask& task) {
        const Stage& stage = *run.definition.find_stage(task.record.stage);
        if (stage.cores > worker.cores || task.record.memory_bytes > worker.memory_bytes) {
            load.too_large += task.record.state == TaskState::ready ? 1 : 0;
            return;
        }
        ++load.tasks;
        const auto each = state.core_seconds_each(run.definition.name, stage.name);
        load.waiting_core_seconds += each ? *each : core_seconds_unknown;
    };
    std::map<std::pair<const LiveRun*, std::string>, bool> full;
    for (const std::int64_t number : state.ready) {
        const auto [run, task] = state.find_task(number);
        if (task == nullptr) continue;
        const auto [known, is_new] = full.try_emplace({run, task->record.stage}, false);
        if (is_new)
            known->second =
                state.room_of(*run, *run->definition.find_stage(task->record.stage)).is_full;
        if (!known->second) count(*run, *task);
    }
    for (const auto& [key, number] : state.in_flight) {
        const auto [run, task] = state.find_task(number);
        if (task == nullptr || task->record.state != TaskState::running) continue;
        if (is_local || !task->is_local) count(*run, *task);
    }
    return load;
}

Result<Standing> Engine::standing() {
    const std::lock_guard lock(state_->mutex);
    State& state = *state_;
    Standing standing;
    std::map<std::pair<std::string, std::string>, StageStanding> stages;
    std::map<std::string, WorkerStanding> workers;
    const std::int64_t steady = state.clock.steady_ms(), now = state.clock.unix_ms();
    std::erase_if(state.workers, [&](const auto& worker) {
        return steady - worker.second.heard_ms > worker_forgotten_ms;
    });
    for (const auto& [name, worker] : state.workers)
        workers[name] = {.name = name,
                         .cores_whole = worker.whole.cores,
                         .memory_whole = worker.whole.memory_bytes,
                         .heard_ms = steady - worker.heard_ms};
    for (const auto& [id, run] : state.live)
        for (const Stage& stage : run.definition.stages) {
            StageStanding& sum = stages[{run.definition.name, stage.name}];
            sum.pipeline = run.definition.name;
            sum.stage = stage.name;
            const auto found = run.stages.find(stage.name);
            if (found == run.stages.end()) continue;
            const std::int64_t ready_before = sum.ready;
            for (const std::int64_t number : found->second.tasks) {
                const Task& task = run.tasks.at(number).record;
                count_task(sum, task, now);
                if (task.state != TaskState::running) continue;
                WorkerStanding& worker = workers[task.worker];
                worker.name = task.worker;
                ++worker.tasks;
                worker.cores += stage.cores;
                worker.memory_bytes += task.memory_bytes;
            }
            const State::Room room = state.room_of(run, stage);
            sum.unread_bytes += room.used;
            sum.room_bytes += room.limit;
            if (room.is_full) sum.held += sum.ready - ready_before;
        }
    const auto connection = TRY(state.pool.take());
    for (auto& [name, stage] : stages) {
        const Measured each = TRY(measured(*connection, stage.pipeline, stage.stage));
        stage.core_seconds_each = each.core_seconds;
        stage.bytes_each = each.bytes;
    }
    const auto rows = TRY(connection->execute(
        "SELECT r.pipeline, t.stage, a.outcome, a.error FROM flow_attempts a JOIN flow_tasks t ON "
        "t.id = a.task JOIN flow_runs r ON r.id = t.run WHERE a.ended_ms > ? AND a.outcome <> "
        "'done' ORDER BY a.ended_ms DESC LIMIT 10000",
        {now - day_ms}));
    std::map<std::string, std::int64_t> errors;
    while (TRY(rows->next())) {
        StageStanding& stage = stages[{rows->text(0), rows->text(1)}];
        stage.pipeline = rows->text(0);
        stage.stage = rows->text(1);
        ++stage.errors[rows->text(2)];
        ++errors[first_line(rows->text(3))];
    }
    for (const auto& [place, scale] : state.scales) standing.scales.push_back(scale);
    for (auto& [name, stage] : stages)
        if (const auto sum = state.passed.find(name); sum != state.passed.end()) {
            stage.began = sum->second.began;
            stage.completed = sum->second.completed;
            stage.failed = sum->second.failed;
        }
    for (auto& [name, stage] : stages) standing.stages.push_back(std::move(stage));
    for (auto& [name, worker] : workers) standing.workers.push_back(std::move(worker));
    standing.common_errors.assign(errors.begin(), errors.end());
    keep_commonest(standing.common_errors);
    return standing;
}

Result<std::optional<double>> Engine::seconds_left(std::string_view id, int cores) {
    const std::vector<Task> all = TRY(tasks(id));
    const Run run = TRY(find(id));
    const auto connection = TRY(state_->pool.take());
    std::map<std::string, double> each;
    double sum = 0;
    for (const Task& task : all) {
        if (is_final(task.state) || task.state == TaskState::review) continue;
        const auto [entry, is_new] = each.try_emplace(task.stage, 0);
        if (is_new)
            entry->second = TRY(measured(*connection, run.pipeline, task.stage)).core_seconds;
        if (entry->second <= 0) return std::nullopt;
        sum += entry->second;
    }
    return std::optional(sum / std::max(1, cores));
}

}  // namespace stroma::flow
