#include <fmt/format.h>

#include <algorithm>

#include "flow/engine_state.h"

// Changes by hand of what a task made. An output never changes: the edited one is another output,
// made by the step "edit" out of the first and the list of edits, and the task goes by its key. So
// whatever reads it is known by another key, too.

namespace stroma::flow {
namespace {

constexpr const char *edit_step = "edit", *code_name = "step edit", *of_name = "unedited output",
                     *edits_name = "edited by hand";

/// What the step reads: {"kind", "files", …}.
Json edits_json(const std::vector<Edit>& edits) {
    Json list = Json::array();
    for (const Edit& edit : edits) {
        Json one = Json::parse(edit.detail);
        one["kind"] = edit.kind;
        one["files"] = edit.files;
        list.push_back(std::move(one));
    }
    return list;
}

std::vector<Edit> in_force(std::vector<Edit> all) {
    std::erase_if(all, [](const Edit& one) { return one.is_undone || one.kind == "undo"; });
    return all;
}

std::vector<std::string> who_edited(const std::vector<Edit>& edits) {
    std::map<std::string, int> counts;
    for (const Edit& edit : edits) ++counts[edit.author];
    std::vector<std::string> why;
    for (const auto& [author, count] : counts)
        why.push_back(fmt::format("edited by hand: {} {} by {}", count,
                                  count == 1 ? "change" : "changes", author));
    return why;
}

/// The task's readers, theirs, and so on.
std::vector<std::int64_t> readers_of(const LiveRun& run, std::int64_t task) {
    std::set<std::int64_t> seen;
    std::vector<std::int64_t> rest{task};
    while (!rest.empty()) {
        const std::int64_t id = rest.back();
        rest.pop_back();
        for (const std::int64_t reader : run.tasks.at(id).dependents)
            if (seen.insert(reader).second) rest.push_back(reader);
    }
    return {seen.begin(), seen.end()};
}

Error not_now(const Task& task, std::string_view why) {
    return {ErrorCode::conflict,
            fmt::format("{}{}{} {}", task.stage, task.item.empty() ? "" : " ", task.item, why)};
}

}  // namespace

bool is_edited(const Task& task) {
    // Cheap: a stage may read ten thousand tasks.
    return task.parts.find(of_name) != std::string::npos;
}

std::string unedited_key(const Task& task) {
    const KeyParts parts = KeyParts::from_json(task.parts);
    const auto found = parts.parameters.find(of_name);
    return found == parts.parameters.end() ? task.key : found->second;
}

Result<bool> Engine::State::takes_edits_in(sql::Connection& connection, LiveRun& run,
                                           LiveTask& task) {
    Task& record = task.record;
    if (is_edited(record)) return false;
    const auto edits = in_force(TRY(records::edits(connection, record.key, run.record.owner)));
    if (edits.empty()) return false;
    const std::string before = record.key;
    const auto output = TRY(records::find_output(connection, before));
    if (!output) return false;
    const Manifest manifest = TRY(Manifest::from_json(output->manifest));
    KeyParts parts;
    for (const Step& step : known_steps.value_or(Steps{}))
        if (step.name == edit_step) parts.code[code_name] = step.version;
    parts.parameters[of_name] = before;
    parts.parameters[edits_name] = edits_json(edits).dump();
    for (const OutputFile& file : manifest.files)
        parts.inputs["made"].emplace_back(file.name, file.hash);
    record.parts = parts.json();
    record.key = key_of(parts);
    record.why = who_edited(edits);
    record.cached = false;
    if (const auto made = TRY(records::find_output(connection, record.key));
        made && (made->tier == Tier::cold ||
                 store.has(record.key, TRY(Manifest::from_json(made->manifest))))) {
        task.output_bytes = made->bytes;
        record.cached = true;
        return false;
    }
    if (output->tier == Tier::cold) {
        TRY(ask_back(connection, before, run.record.id, restored_usual));
        awaiting[before].insert(record.id);
        record.why = {"what was edited comes back from the archive first"};
        record.state = TaskState::waiting;
        TRY(records::put_task(connection, record));
        return true;
    }
    record.state = TaskState::waiting;
    record.ready_ms = clock.unix_ms();
    const auto [maker, is_first] = in_flight.try_emplace(record.key, record.id);
    if (!is_first && maker->second != record.id) {
        followers[record.key].insert(record.id);
    } else {
        record.state = TaskState::ready;
        ready.insert(record.id);
    }
    TRY(records::put_task(connection, record));
    return true;
}

Result<void> Engine::State::assign_edit(sql::Connection& connection, const LiveTask& task,
                                        Assignment& work) {
    const KeyParts parts = KeyParts::from_json(task.record.parts);
    const std::string key = unedited_key(task.record);
    const auto output = TRY(records::find_output(connection, key));
    if (!output) return fail(ErrorCode::not_found, "what was edited is gone; start the run again");
    const Manifest manifest = TRY(Manifest::from_json(output->manifest));
    work.step = edit_step;
    work.command.clear();
    Json files = Json::array();
    for (const OutputFile& file : manifest.files)
        files.push_back((store.path_of(key) / file.name).string());
    work.inputs = Json{{"made", files}}.dump();
    work.names = "{}";
    work.parameters = Json{{"folder", store.path_of(key).string()},
                           {"outputs", manifest.outputs},
                           {"pictures", manifest.pictures},
                           {"edits", Json::parse(parts.parameters.at(edits_name))}}
                          .dump();
    return {};
}

Result<void> Engine::State::add_before(sql::Connection& connection, const Sources& sources,
                                       Assignment& work) {
    const std::string key = key_of(sources.unedited);
    const auto output = TRY(records::find_output(connection, key));
    if (!output || output->tier == Tier::cold) return {};
    const Manifest manifest = TRY(Manifest::from_json(output->manifest));
    if (!store.has(key, manifest)) return {};
    Json outputs = Json::object();
    for (const auto& [name, files] : manifest.outputs)
        for (const std::string& file : files)
            outputs[name].push_back((store.path_of(key) / file).string());
    work.before = Json{{"inputs", sources.unedited_inputs}, {"outputs", outputs}}.dump();
    return {};
}

Result<std::vector<Edit>> Engine::edits(std::string_view id, std::int64_t number) {
    const Run run = TRY(find(id));
    const auto connection = TRY(state_->pool.take());
    const auto tasks =
        TRY(records::tasks(*connection, "WHERE run = ? AND id = ?", {run.id, number}));
    if (tasks.empty())
        return fail(ErrorCode::not_found, fmt::format("run '{}' has no task {}", run.name, number));
    return records::edits(*connection, unedited_key(tasks.front()), run.owner);
}

Result<void> Engine::edit(std::string_view id, std::int64_t number, std::vector<Edit> edits) {
    Run run = TRY(find(id));
    TRY(steps());
    const std::lock_guard lock(state_->mutex);
    State& state = *state_;
    const auto connection = TRY(state.pool.take());
    if (!state.live.contains(run.id)) TRY(state.load_run(*connection, run));
    LiveRun& live = state.live.at(run.id);
    const auto change = [&]() -> Result<void> {
        const auto found = live.tasks.find(number);
        if (found == live.tasks.end())
            return fail(ErrorCode::not_found,
                        fmt::format("run '{}' has no task {}", run.name, number));
        Task task = found->second.record;
        const bool is_failed_edit = task.state == TaskState::dead && is_edited(task);
        if (task.state != TaskState::done && task.state != TaskState::review && !is_failed_edit)
            return fail(not_now(task, "has made nothing that could be edited; wait until it has"));
        const std::string key = unedited_key(task);
        for (Edit& edit : edits) {
            edit.key = key;
            edit.at_ms = state.clock.unix_ms();
            if (edit.kind == "undo") {
                const auto all = in_force(TRY(records::edits(*connection, key, run.owner)));
                if (std::ranges::none_of(all,
                                         [&](const Edit& one) { return one.files == edit.files; }))
                    return fail(ErrorCode::conflict, "there is no edit to undo");
            }
            TRY(records::add_edit(*connection, edit, run.owner, run.id));
        }
        // Who holds one of them holds it no more: what it makes is of no use.
        std::vector<std::int64_t> anew = readers_of(live, number);
        anew.push_back(number);
        for (const std::int64_t one : anew)
            TRY(
                connection->change("UPDATE flow_tasks SET state = 'waiting', tries = '{}', lease = "
                                   "0, key = '', parts = '{}', "
                                   "error = '', outcome = '', not_before_ms = 0 WHERE id = ?",
                                   {one}));
        run.state = RunState::running;
        run.error.clear();
        run.ended_ms = 0;
        return records::put_run(*connection, run);
    };
    const auto changed = connection->in_transaction(change);
    // Memory is what the database says, whatever became of it.
    TRY(state.reload());
    TRY(changed);
    // Behind what was read of those tasks stands another output from now on.
    ++state.moves;
    return state.write([](sql::Connection&) -> Result<void> { return {}; });
}

}  // namespace stroma::flow
