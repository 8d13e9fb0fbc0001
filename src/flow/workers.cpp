#include <fmt/format.h>

#include "base/log.h"
#include "flow/engine_state.h"

// Where workers come from: jobs of a cluster's scheduler, and what becomes of tasks when one ends.

namespace stroma::flow {
namespace {

constexpr const char* pilot_columns =
    "worker, job, state, reason, node, cores, memory_bytes, submitted_ms, started_ms, ended_ms, "
    "exit_code, signal, peak_bytes, called_off";

Result<std::vector<Pilot>> pilots_where(sql::Connection& connection, std::string_view where,
                                        std::initializer_list<sql::Value> values) {
    const auto rows = TRY(connection.execute(
        fmt::format("SELECT {} FROM flow_pilots {}", pilot_columns, where), values));
    std::vector<Pilot> pilots;
    while (TRY(rows->next())) {
        Pilot pilot{.worker = rows->text(0),
                    .job = rows->text(1),
                    .state = rows->text(2),
                    .reason = rows->text(3),
                    .node = rows->text(4)};
        pilot.cores = static_cast<int>(rows->integer(5));
        pilot.memory_bytes = static_cast<std::uint64_t>(rows->integer(6));
        pilot.submitted_ms = rows->integer(7);
        pilot.started_ms = rows->integer(8);
        pilot.ended_ms = rows->integer(9);
        pilot.exit_code = static_cast<int>(rows->integer(10));
        pilot.signal = static_cast<int>(rows->integer(11));
        pilot.peak_bytes = static_cast<std::uint64_t>(rows->integer(12));
        pilot.called_off = rows->boolean(13);
        pilots.push_back(std::move(pilot));
    }
    return pilots;
}

}  // namespace

Result<void> Engine::State::note_event(sql::Connection& connection, std::string kind,
                                       const LiveRun& run, const LiveTask* task,
                                       const Json& detail) {
    RunEvent event{.at_ms = clock.unix_ms(), .kind = std::move(kind), .run = run.record.id};
    if (task != nullptr) {
        event.stage = task->record.stage;
        event.item = task->record.item;
    }
    event.detail = detail.dump(-1, ' ', false, Json::error_handler_t::replace);
    return records::add_event(connection, event);
}

Result<void> Engine::State::note_stage_done(sql::Connection& connection, const LiveRun& run,
                                            const LiveTask& task) {
    const LiveStage& stage = run.stages.at(task.record.stage);
    double core_seconds = 0;
    // The last ones are done last: mostly this looks at one.
    for (auto id = stage.tasks.rbegin(); id != stage.tasks.rend(); ++id) {
        const Task& one = run.tasks.at(*id).record;
        if (one.state != TaskState::done) return {};
        core_seconds += one.core_seconds;
    }
    RunEvent event{.at_ms = clock.unix_ms(), .kind = "stage done", .run = run.record.id};
    event.stage = task.record.stage;
    event.detail = Json{{"tasks", stage.tasks.size()}, {"core_seconds", core_seconds}}.dump();
    return records::add_event(connection, event);
}

Result<std::vector<RunEvent>> Engine::events_after(std::int64_t sequence, int most) {
    const auto connection = TRY(state_->pool.take());
    return records::events(*connection, "WHERE seq > ? ORDER BY seq LIMIT ?",
                           {sequence, std::int64_t{most}});
}

Result<int> Engine::worker_gone(const std::string& worker, Outcome outcome,
                                const std::string& why) {
    const std::lock_guard lock(state_->mutex);
    State& state = *state_;
    std::vector<std::int64_t> held;
    for (const auto& [id, run] : state.live)
        for (const auto& [number, task] : run.tasks)
            if (task.record.state == TaskState::running && !task.is_committing &&
                task.record.worker == worker)
                held.push_back(number);
    for (const std::int64_t number : held)
        TRY(state.write([&](sql::Connection& connection) -> Result<void> {
            const auto [run, task] = state.find_task(number);
            if (task == nullptr) return {};
            return state.failed(connection, *run, *task, {.outcome = outcome, .error = why});
        }));
    state.workers.erase(worker);
    return static_cast<int>(held.size());
}

void Engine::note(const Scale& scale) {
    const std::lock_guard lock(state_->mutex);
    state_->scales[scale.place] = scale;
}

Result<void> Engine::put_pilot(const Pilot& pilot) {
    const auto connection = TRY(state_->pool.take());
    TRY(connection->change(
        fmt::format(
            "INSERT INTO flow_pilots({}) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(worker) "
            "DO "
            "UPDATE SET job = excluded.job, state = excluded.state, reason = excluded.reason, node "
            "= excluded.node, started_ms = excluded.started_ms, submitted_ms = "
            "excluded.submitted_ms, ended_ms = excluded.ended_ms, exit_code = excluded.exit_code, "
            "signal = excluded.signal, peak_bytes = excluded.peak_bytes",
            pilot_columns),
        {pilot.worker, pilot.job, pilot.state, pilot.reason, pilot.node, std::int64_t{pilot.cores},
         static_cast<std::int64_t>(pilot.memory_bytes), pilot.submitted_ms, pilot.started_ms,
         pilot.ended_ms, std::int64_t{pilot.exit_code}, std::int64_t{pilot.signal},
         static_cast<std::int64_t>(pilot.peak_bytes), pilot.called_off}));
    return {};
}

Result<std::vector<Pilot>> Engine::pilots() {
    const auto connection = TRY(state_->pool.take());
    return pilots_where(*connection, "WHERE ended_ms = 0 ORDER BY submitted_ms, worker", {});
}

Result<std::vector<Pilot>> Engine::pilots_of(std::string_view run, int most) {
    const auto connection = TRY(state_->pool.take());
    if (run.empty())
        return pilots_where(*connection, "ORDER BY submitted_ms DESC, worker DESC LIMIT ?",
                            {std::int64_t{most}});
    const std::string id(run);
    return pilots_where(
        *connection,
        "WHERE worker IN (SELECT a.worker FROM flow_attempts a JOIN flow_tasks t ON "
        "t.id = a.task WHERE t.run = ?) OR worker IN (SELECT worker FROM flow_tasks "
        "WHERE run = ?) ORDER BY submitted_ms, worker LIMIT ?",
        {id, id, std::int64_t{most}});
}

Result<void> Engine::call_off(std::string_view job) {
    const auto connection = TRY(state_->pool.take());
    const auto changed = TRY(
        connection->change("UPDATE flow_pilots SET called_off = ? WHERE job = ? AND ended_ms = 0",
                           {true, std::string(job)}));
    if (changed == 0)
        return fail(ErrorCode::not_found,
                    fmt::format("there is no pilot job '{}' that isn't over; 'stroma pipeline "
                                "pilots' lists them",
                                job));
    const std::lock_guard lock(state_->mutex);
    state_->changed();
    return {};
}

}  // namespace stroma::flow
