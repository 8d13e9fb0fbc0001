#include <fmt/format.h>

#include "base/log.h"
#include "flow/engine_state.h"
#include "flow/process.h"

namespace stroma::flow {

/// What local workers of a dead process held is free, and what they had begun is gone.
Result<void> Engine::State::recover() {
    kill_marked(instance + ":local:");
    {
        const auto connection = TRY(pool.take());
        last_task =
            TRY(records::integer(*connection, "SELECT coalesce(max(id), 0) FROM flow_tasks"));
        last_lease =
            TRY(records::integer(*connection, "SELECT coalesce(max(lease), 0) FROM flow_tasks"));
        std::set<std::string> here, away;
        const auto rows = TRY(connection->execute("SELECT key, tier FROM flow_outputs"));
        while (TRY(rows->next())) {
            const Tier tier = tier_named(rows->text(1));
            if (tier != Tier::cold) here.insert(rows->text(0));
            if (tier != Tier::hot) away.insert(rows->text(0));
        }
        // A move that was cut off left a copy in the other place.
        store.sweep([&](const std::string& key) { return here.contains(key); });
        cold.sweep([&](const std::string& key) { return away.contains(key); });
        archive_asked = true;
    }
    TRY(reload());
    std::set<fs::path> used;
    for (auto& [id, run] : live)
        for (auto& [number, task] : run.tasks)
            if (task.record.state == TaskState::running) used.insert(work_of(task));
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(options.folder / "work", error))
        if (!used.contains(entry.path())) fs::remove_all(entry.path(), error);
    const std::set<std::string> keys = used_keys();
    for (const auto& entry : fs::directory_iterator(options.folder / "kept", error))
        if (!keys.contains(entry.path().filename())) fs::remove_all(entry.path(), error);
    return write([this](sql::Connection& connection) -> Result<void> {
        for (auto& [id, run] : live)
            if (run.cancel_asked) TRY(cancel_rest(connection, run));
        return {};
    });
}

Result<void> Engine::State::reload() {
    auto before = std::exchange(live, {});
    run_of.clear();
    ready.clear();
    in_flight.clear();
    followers.clear();
    awaiting.clear();
    const auto connection = TRY(pool.take());
    for (const Run& run : TRY(records::runs(*connection, "WHERE state = 'running'", {})))
        TRY(load_run(*connection, run));
    for (auto& [id, run] : live)
        for (auto& [number, task] : run.tasks) {
            if (task.record.state != TaskState::running) continue;
            task.lease_ends_ms = clock.steady_ms() + options.lease.count();
            const auto was = before.find(id);
            LiveTask* same = nullptr;
            if (was != before.end() && was->second.tasks.contains(number))
                same = &was->second.tasks.at(number);
            if (same != nullptr && same->record.lease == task.record.lease) {
                // Who holds a task here still holds it.
                task.is_local = same->is_local;
                task.is_committing = same->is_committing;
                task.record.progress = same->record.progress;
            } else if (task.record.worker.starts_with("local")) {
                task.record.state = TaskState::ready;
                task.record.not_before_ms = 0;
                index_task(run, task);
            }
        }
    return {};
}

void Engine::State::index_task(LiveRun& run, LiveTask& task) {
    const Task& record = task.record;
    run_of[record.id] = run.record.id;
    if (record.state == TaskState::ready) ready.insert(record.id);
    if (record.state == TaskState::ready || record.state == TaskState::running)
        in_flight[record.key] = record.id;
}

Result<void> Engine::State::load_run(sql::Connection& connection, const Run& record) {
    std::map<std::string, std::string> changed_parameters;
    if (const auto json = parse_json(record.changes); json && json->is_object())
        for (const auto& [name, value] : json->items()) changed_parameters[name] = value.dump();
    LiveRun run;
    run.record = record;
    run.definition = read_definition(record.definition, changed_parameters, nullptr, {}).definition;
    run.files = inputs_in(record.inputs);
    run.is_prepared = true;
    for (const InputFile& file : run.files)
        if (file.hash.empty()) run.is_prepared = false;
    for (Task& task : TRY(records::tasks(connection, "WHERE run = ? ORDER BY id", {record.id}))) {
        LiveTask now;
        // Tasks are cancelled with their run only.
        if (task.state == TaskState::cancelled) run.cancel_asked = true;
        now.coordinates = coordinates_in(task.coordinates);
        now.record = std::move(task);
        LiveStage& stage = run.stages[now.record.stage];
        stage.is_expanded = true;
        stage.tasks.push_back(now.record.id);
        run.tasks.emplace(now.record.id, std::move(now));
    }
    const auto made = TRY(connection.execute(
        "SELECT t.id, o.bytes FROM flow_tasks t JOIN flow_outputs o ON o.key = t.key WHERE t.run = "
        "? AND t.state = 'done'",
        {record.id}));
    while (TRY(made->next()))
        run.tasks.at(made->integer(0)).output_bytes = static_cast<std::uint64_t>(made->integer(1));
    LiveRun& kept = live[record.id] = std::move(run);
    for (auto& [id, task] : kept.tasks) {
        link(kept, task);
        index_task(kept, task);
        if (task.record.state == TaskState::waiting && task.missing.empty())
            kept.to_settle.push_back(id);
    }
    return {};
}

}  // namespace stroma::flow
