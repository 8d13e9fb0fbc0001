#include <fmt/format.h>

#include <sys/stat.h>

#include <algorithm>

#include "flow/engine_state.h"
#include "flow/process.h"

// A task that has all it waits for: what it reads, by which key it is known, and what follows when
// its output is there.

namespace stroma::flow {

void Engine::State::add_run_input(const LiveRun& run, const LiveTask& task, const Reference& from,
                                  const std::string& input, Sources& to) const {
    const auto own = std::ranges::find(task.coordinates, from.output, &Coordinate::dimension);
    const bool is_spread = own != task.coordinates.end();
    for (const InputFile& file : run.files) {
        if (file.input != from.output || (is_spread && file.label != own->label)) continue;
        to.inputs[input].push_back(file.path.string());
        if (!is_spread) to.names[input].push_back(file.label);
        to.parts.inputs[input].emplace_back(file.label, file.hash);
        to.unedited.inputs[input].emplace_back(file.label, file.hash);
        to.unedited_inputs[input].push_back(file.path.string());
        to.bytes += file.bytes;
    }
}

Result<void> Engine::State::add_stage_output(sql::Connection& connection, LiveRun& run,
                                             const LiveTask& task, const Reference& from,
                                             const std::string& input, Sources& to) {
    const Stage& stage = *run.definition.find_stage(from.stage);
    for (const std::int64_t id : sources(run, task.coordinates, stage)) {
        const LiveTask& source = run.tasks.at(id);
        const auto output = TRY(records::find_output(connection, source.record.key));
        if (!output)
            return fail(ErrorCode::not_found,
                        fmt::format("the output of {} {} is gone; start the run again", stage.name,
                                    source.record.item));
        const Manifest manifest = TRY(Manifest::from_json(output->manifest));
        const auto files = manifest.outputs.find(from.output);
        if (files == manifest.outputs.end())
            return fail(ErrorCode::invalid_input,
                        fmt::format("the stage {} made no '{}'", stage.name, from.output));
        Coordinates further;
        for (const Coordinate& one : source.coordinates)
            if (std::ranges::find(task.coordinates, one.dimension, &Coordinate::dimension) ==
                task.coordinates.end())
                further.push_back(one);
        Manifest unedited;
        if (is_edited(source.record)) {
            to.edited.push_back(source.record.item.empty() ? stage.name
                                                           : stage.name + " " + source.record.item);
            if (const auto was = TRY(records::find_output(connection, unedited_key(source.record))))
                unedited = TRY(Manifest::from_json(was->manifest));
        }
        for (const std::string& file : files->second) {
            const OutputFile& found = *manifest.find(file);
            to.inputs[input].push_back((store.path_of(source.record.key) / file).string());
            if (!further.empty()) to.names[input].push_back(item_of(further));
            to.parts.inputs[input].emplace_back(
                source.record.item.empty() ? file : source.record.item + "/" + file, found.hash);
            to.bytes += found.bytes;
            const OutputFile* const was = unedited.find(file);
            const std::string key =
                was == nullptr ? source.record.key : unedited_key(source.record);
            to.unedited_inputs[input].push_back((store.path_of(key) / file).string());
            to.unedited.inputs[input].emplace_back(file, was == nullptr ? found.hash : was->hash);
        }
    }
    return {};
}

Result<void> Engine::State::add_code(sql::Connection& connection, const Stage& stage,
                                     const fs::path& folder, KeyParts& parts) {
    if (!stage.version.empty()) parts.code["version"] = stage.version;
    if (!stage.step.empty()) {
        std::string version;
        for (const Step& step : known_steps.value_or(Steps{}))
            if (step.name == stage.step) version = step.version;
        parts.code["step " + stage.step] = version;
        return {};
    }
    std::string words;
    const auto add_file = [&](const std::string& word) -> Result<bool> {
        const auto path = file_of_word(word, folder);
        if (!path) return false;
        InputFile file{.path = *path};
        parts.code["file " + path->filename().string()] = TRY(hash_of(connection, file));
        return true;
    };
    for (const std::string& word : stage.command) {
        // Where a file lies doesn't count, what it says does.
        const bool is_file = TRY(add_file(word));
        words += (words.empty() ? "" : " ") + (is_file ? fs::path(word).filename().string() : word);
    }
    parts.code["command"] = words;
    for (const std::string& word : stage.code) TRY(add_file(word));
    return {};
}

Result<std::string> Engine::State::hash_of(sql::Connection& connection, InputFile& file) {
    struct stat found {};
    if (::stat(file.path.c_str(), &found) != 0)
        return fail(error_from_errno("reading", file.path.string(), errno));
    file.bytes = static_cast<std::uint64_t>(found.st_size);
    file.modified_ns = found.st_mtim.tv_sec * 1'000'000'000 + found.st_mtim.tv_nsec;
    file.number = static_cast<std::int64_t>(found.st_ino);
    const std::string path = file.path.string();
    const auto rows = TRY(connection.execute(
        "SELECT hash FROM flow_files WHERE path = ? AND bytes = ? AND modified_ns = ? AND "
        "number = ?",
        {path, static_cast<std::int64_t>(file.bytes), file.modified_ns, file.number}));
    if (TRY(rows->next())) return file.hash = rows->text(0);
    file.hash = TRY(hash_of_file(file.path));
    // A file that was written a moment ago may be written again within the clock's grain.
    constexpr std::int64_t settled_ns = 2'000'000'000;
    if (clock.unix_ms() * 1'000'000 - file.modified_ns > settled_ns)
        TRY(connection.change(
            "INSERT INTO flow_files(path, bytes, modified_ns, number, hash) VALUES(?,?,?,?,?) "
            "ON CONFLICT(path) DO UPDATE SET bytes = excluded.bytes, modified_ns = "
            "excluded.modified_ns, number = excluded.number, hash = excluded.hash",
            {path, static_cast<std::int64_t>(file.bytes), file.modified_ns, file.number,
             file.hash}));
    return file.hash;
}

Result<Engine::State::Sources> Engine::State::sources_of(sql::Connection& connection, LiveRun& run,
                                                         const LiveTask& task) {
    const Stage& stage = *run.definition.find_stage(task.record.stage);
    Sources sources;
    for (const StageInput& input : stage.inputs) {
        sources.inputs[input.name] = Json::array();
        for (const Reference& from : input.from)
            if (from.stage.empty())
                add_run_input(run, task, from, input.name, sources);
            else
                TRY(add_stage_output(connection, run, task, from, input.name, sources));
    }
    sources.parts.parameters = stage.parameters;
    for (const Coordinate& one : task.coordinates)
        if (!one.value.empty()) sources.parts.parameters[one.dimension] = one.value;
    for (const auto& [input, names] : sources.names.items())
        sources.parts.parameters["names of " + input] = names.dump();
    TRY(add_code(connection, stage, run.record.folder, sources.parts));
    sources.unedited.parameters = sources.parts.parameters;
    sources.unedited.code = sources.parts.code;
    return sources;
}

Result<std::vector<std::string>> Engine::State::why_computed(sql::Connection& connection,
                                                             const LiveRun& run, const Task& task) {
    const auto rows = TRY(connection.execute(
        "SELECT t.key, t.parts, r.name FROM flow_tasks t JOIN flow_runs r ON r.id = t.run "
        "WHERE t.stage = ? AND t.item = ? AND r.pipeline = ? AND t.key <> '' AND t.id < ? "
        "AND t.run <> ? ORDER BY t.id DESC LIMIT 1",
        {task.stage, task.item, run.record.pipeline, task.id, task.run}));
    if (!TRY(rows->next()))
        return std::vector<std::string>{"no run has computed this stage of this item before"};
    if (rows->text(0) == task.key)
        return std::vector<std::string>{fmt::format(
            "run {} had the same, but its output is not there (any more)", rows->text(2))};
    std::vector<std::string> why{fmt::format("since run {}:", rows->text(2))};
    for (std::string& change :
         changes_between(KeyParts::from_json(rows->text(1)), KeyParts::from_json(task.parts)))
        why.push_back(std::move(change));
    return why;
}

Result<void> Engine::State::settle(sql::Connection& connection, LiveRun& run, LiveTask& task) {
    Task& record = task.record;
    if (record.state != TaskState::waiting) return {};
    auto sources = sources_of(connection, run, task);
    if (!sources) return dead(connection, run, task, sources.error().message);
    record.parts = sources->parts.json();
    record.key = key_of(sources->parts);
    record.bytes_in = sources->bytes;
    if (const auto output = TRY(records::find_output(connection, record.key))) {
        const Manifest manifest = TRY(Manifest::from_json(output->manifest));
        // What the archive has counts as there: it comes back when somebody reads it.
        if (output->tier == Tier::cold || store.has(record.key, manifest)) {
            task.output_bytes = output->bytes;
            record.cached = true;
            record.why = {
                fmt::format("the same was computed before, at {}", iso_time(output->created_ms))};
            TRY(
                connection.change("UPDATE flow_outputs SET used_ms = ?, put_away = FALSE WHERE "
                                  "key = ?",
                                  {clock.unix_ms(), record.key}));
            return output_is_there(connection, run, task);
        }
        TRY(connection.change("DELETE FROM flow_outputs WHERE key = ?", {record.key}));
    }
    if (TRY(asks_archive(connection, run, task))) return records::put_task(connection, record);
    record.ready_ms = clock.unix_ms();
    const auto [maker, is_first] = in_flight.try_emplace(record.key, record.id);
    if (!is_first && maker->second != record.id) {
        record.why = {"another task computes the same now"};
        followers[record.key].insert(record.id);
        return records::put_task(connection, record);
    }
    record.why = TRY(why_computed(connection, run, record));
    for (const std::string& what : sources->edited)
        record.why.insert(record.why.begin(), fmt::format("edited by hand: {}", what));
    record.state = TaskState::ready;
    ready.insert(record.id);
    return records::put_task(connection, record);
}

Result<bool> Engine::State::asks_archive(sql::Connection& connection, LiveRun& run,
                                         LiveTask& task) {
    const Stage& stage = *run.definition.find_stage(task.record.stage);
    bool waits = false;
    for (const StageInput& input : stage.inputs)
        for (const Reference& from : input.from) {
            if (from.stage.empty()) continue;
            for (const std::int64_t id :
                 sources(run, task.coordinates, *run.definition.find_stage(from.stage))) {
                const std::string& key = run.tasks.at(id).record.key;
                const auto output = TRY(records::find_output(connection, key));
                if (!output || output->tier != Tier::cold) continue;
                TRY(ask_back(connection, key, run.record.id, restored_usual));
                awaiting[key].insert(task.record.id);
                waits = true;
            }
        }
    if (waits) task.record.why = {"what it reads comes back from the archive first"};
    return waits;
}

Result<void> Engine::State::output_is_there(sql::Connection& connection, LiveRun& run,
                                            LiveTask& task) {
    if (TRY(takes_edits_in(connection, run, task))) return {};
    const Stage& stage = *run.definition.find_stage(task.record.stage);
    if (stage.needs_review) {
        const auto accepted = TRY(
            records::reviews(connection, "WHERE key = ? AND accepted LIMIT 1", {task.record.key}));
        if (accepted.empty()) {
            task.record.state = TaskState::review;
            TRY(note_event(connection, "review needed", run, &task));
            return records::put_task(connection, task.record);
        }
    }
    return done(connection, run, task);
}

Result<void> Engine::State::done(sql::Connection& connection, LiveRun& run, LiveTask& task) {
    task.record.state = TaskState::done;
    task.record.ended_ms = clock.unix_ms();
    for (const std::int64_t id : task.dependents) {
        LiveTask& reader = run.tasks.at(id);
        if (reader.missing.erase(task.record.id) > 0 && reader.missing.empty() &&
            reader.record.state == TaskState::waiting)
            run.to_settle.push_back(id);
    }
    TRY(records::put_task(connection, task.record));
    return note_stage_done(connection, run, task);
}

Result<void> Engine::State::dead(sql::Connection& connection, LiveRun& run, LiveTask& task,
                                 const std::string& error) {
    task.record.state = TaskState::dead;
    task.record.error = error;
    task.record.ended_ms = clock.unix_ms();
    ready.erase(task.record.id);
    TRY(records::put_task(connection, task.record));
    release_key(task);
    return block_readers(connection, run, task.record.id);
}

Result<void> Engine::State::block_readers(sql::Connection& connection, LiveRun& run,
                                          std::int64_t of) {
    std::vector<std::int64_t> rest{of};
    while (!rest.empty()) {
        const std::int64_t id = rest.back();
        rest.pop_back();
        for (const std::int64_t reader : run.tasks.at(id).dependents) {
            LiveTask& blocked = run.tasks.at(reader);
            if (blocked.record.state != TaskState::waiting) continue;
            blocked.record.state = TaskState::blocked;
            blocked.record.ended_ms = clock.unix_ms();
            TRY(records::put_task(connection, blocked.record));
            rest.push_back(reader);
        }
    }
    return {};
}

/// Nobody makes that output any more: who waited for it looks anew.
void Engine::State::release_key(const LiveTask& task) {
    const auto maker = in_flight.find(task.record.key);
    if (maker == in_flight.end() || maker->second != task.record.id) return;
    in_flight.erase(maker);
    const auto waiting = followers.extract(task.record.key);
    if (!waiting) return;
    for (const std::int64_t id : waiting.mapped())
        if (const auto [run, follower] = find_task(id); follower != nullptr)
            run->to_settle.push_back(id);
}

Result<void> Engine::State::end_if_over(sql::Connection& connection, LiveRun& run) {
    if (run.is_over || !run.is_prepared || !run.to_settle.empty()) return {};
    bool is_good = true;
    // What comes last is open longest: mostly this looks at one.
    for (auto task = run.tasks.rbegin(); task != run.tasks.rend(); ++task) {
        const TaskState state = task->second.record.state;
        if (!is_final(state)) return {};
        if (state != TaskState::done) is_good = false;
    }
    for (const Stage& stage : run.definition.stages)
        if (!run.stages[stage.name].is_expanded && !run.cancel_asked) is_good = false;
    run.is_over = true;
    run.record.state = run.cancel_asked ? RunState::cancelled
                       : is_good        ? RunState::succeeded
                                        : RunState::failed;
    run.record.ended_ms = clock.unix_ms();
    TRY(note_event(connection, std::string(name_of(run.record.state)), run));
    return records::put_run(connection, run.record);
}

}  // namespace stroma::flow
