#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "flow/engine_state.h"

// The watchers: how long queues are, who works, what fails, what it takes.

namespace stroma::flow {
namespace {

constexpr std::int64_t day_ms = 24LL * 3600 * 1000, worker_forgotten_ms = 600'000;
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

std::string first_line(const std::string& text) {
    return text.substr(0, std::min<std::size_t>(text.find('\n'), 160));
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
    for (auto& stage : stages) standing.stages.push_back(std::move(stage.second));
    for (auto& worker : workers) standing.workers.push_back(std::move(worker.second));
    standing.common_errors.assign(errors.begin(), errors.end());
    std::ranges::stable_sort(standing.common_errors, std::greater{},
                             &std::pair<std::string, std::int64_t>::second);
    if (standing.common_errors.size() > 20) standing.common_errors.resize(20);
    return standing;
}

Load Engine::load() {
    const auto standing_now = standing();
    Load load;
    if (!standing_now) return load;
    for (const StageStanding& stage : standing_now->stages) {
        const auto tasks = static_cast<int>(stage.ready + stage.running);
        const double each =
            stage.core_seconds_each > 0 ? stage.core_seconds_each : core_seconds_unknown;
        load.tasks += tasks;
        load.waiting_core_seconds += each * tasks;
    }
    return load;
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
