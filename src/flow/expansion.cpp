#include <fmt/format.h>

#include <algorithm>

#include "flow/engine_state.h"

// Which tasks a stage has, and what waits for what.

namespace stroma::flow {
namespace {

constexpr std::size_t tasks_of_stage_max = 1'000'000;
constexpr std::uint64_t list_bytes_max = 64u << 20;

std::string dimension_key(const std::vector<std::string>& names) {
    return fmt::format("{}", fmt::join(names, "\x1f"));
}

/// Where the coordinates stand along those dimensions.
std::string along(const Coordinates& at, const std::vector<std::string>& names) {
    std::string place;
    for (const std::string& name : names)
        for (const Coordinate& one : at)
            if (one.dimension == name) place += one.label + "\x1f";
    return place;
}

/// What a value is called among the items: itself when it's short, else its number.
std::string label_of(const Json& value, std::size_t number) {
    std::string label;
    if (value.is_string()) label = value.get<std::string>();
    if (value.is_number() || value.is_boolean()) label = value.dump();
    if (value.is_object() && value.contains("name") && value["name"].is_string())
        label = value["name"].get<std::string>();
    const bool is_plain = !label.empty() && label.size() <= 80 &&
                          label.find_first_of("/\\\x1f\n") == std::string::npos;
    return is_plain ? label : std::to_string(number);
}

Result<std::vector<Coordinate>> values_of(const std::string& dimension, const Json& list) {
    std::vector<Coordinate> values;
    std::set<std::string> labels;
    for (const Json& value : list) {
        std::string label = label_of(value, values.size());
        if (!labels.insert(label).second) {
            label += fmt::format("#{}", values.size());
            labels.insert(label);
        }
        values.push_back({dimension, label, value.dump()});
    }
    return values;
}

}  // namespace

const std::vector<std::int64_t>& Engine::State::sources(LiveRun& run, const Coordinates& at,
                                                        const Stage& stage) {
    static const std::vector<std::int64_t> none;
    std::vector<std::string> shared;
    for (const std::string& name : stage.scatter)
        if (std::ranges::find(at, name, &Coordinate::dimension) != at.end()) shared.push_back(name);
    LiveStage& from = run.stages[stage.name];
    const auto [entry, is_new] = from.index.try_emplace(dimension_key(shared));
    if (is_new)
        for (const std::int64_t id : from.tasks)
            entry->second[along(run.tasks.at(id).coordinates, shared)].push_back(id);
    const auto found = entry->second.find(along(at, shared));
    return found == entry->second.end() ? none : found->second;
}

void Engine::State::link(LiveRun& run, LiveTask& task) {
    const Stage* stage = run.definition.find_stage(task.record.stage);
    if (stage == nullptr) return;
    for (const StageInput& input : stage->inputs)
        for (const Reference& from : input.from) {
            const Stage* upstream =
                from.stage.empty() ? nullptr : run.definition.find_stage(from.stage);
            if (upstream == nullptr) continue;
            for (const std::int64_t id : sources(run, task.coordinates, *upstream)) {
                LiveTask& source = run.tasks.at(id);
                source.dependents.push_back(task.record.id);
                if (source.record.state != TaskState::done) task.missing.insert(id);
            }
        }
}

Result<std::optional<std::vector<Coordinates>>> Engine::State::spread(sql::Connection& connection,
                                                                      LiveRun& run,
                                                                      const Dimension& dimension,
                                                                      const Coordinates& at) {
    std::vector<Coordinates> items;
    const auto add = [&](const Coordinate& coordinate) {
        items.push_back(at);
        items.back().push_back(coordinate);
    };
    if (dimension.is_input) {
        for (const InputFile& file : run.files)
            if (file.input == dimension.name) add({dimension.name, file.label, ""});
        return items;
    }
    if (!dimension.from) {
        Json list = Json::array();
        for (const std::string& value : dimension.values) list.push_back(Json::parse(value));
        for (const Coordinate& one : TRY(values_of(dimension.name, list))) add(one);
        return items;
    }
    const Stage* stage = run.definition.find_stage(dimension.from->stage);
    if (stage == nullptr || !run.stages[stage->name].is_expanded) return std::nullopt;
    for (const std::int64_t id : run.stages[stage->name].tasks)
        if (!is_final(run.tasks.at(id).record.state)) return std::nullopt;
    for (const std::int64_t id : sources(run, at, *stage)) {
        const Task& source = run.tasks.at(id).record;
        if (source.state != TaskState::done) continue;
        const auto output = TRY(records::find_output(connection, source.key));
        if (!output) continue;
        if (output->tier == Tier::cold) {
            TRY(ask_back(connection, source.key, run.record.id, restored_usual));
            return std::nullopt;
        }
        const Manifest manifest = TRY(Manifest::from_json(output->manifest));
        const auto files = manifest.outputs.find(dimension.from->output);
        if (files == manifest.outputs.end()) continue;
        for (const std::string& file : files->second) {
            const auto text = TRY(read_file(store.path_of(source.key) / file, list_bytes_max));
            const auto list = parse_json(text, {.bytes_max = list_bytes_max});
            if (!list || !list->is_array())
                return fail(ErrorCode::invalid_input,
                            fmt::format("{} of stage {} isn't a JSON list of {}", file, stage->name,
                                        dimension.name));
            for (const Coordinate& one : TRY(values_of(dimension.name, *list))) add(one);
        }
    }
    return items;
}

Result<std::optional<std::vector<Coordinates>>> Engine::State::items_of(sql::Connection& connection,
                                                                        LiveRun& run,
                                                                        const Stage& stage) {
    std::vector<Coordinates> items{{}};
    for (const std::string& name : stage.scatter) {
        std::vector<Coordinates> further;
        for (const Coordinates& at : items) {
            auto spreads = TRY(spread(connection, run, run.definition.dimensions.at(name), at));
            if (!spreads) return std::nullopt;
            std::ranges::move(*spreads, std::back_inserter(further));
            if (further.size() > tasks_of_stage_max)
                return fail(
                    ErrorCode::exhausted,
                    fmt::format("the stage {} would have more than a million tasks", stage.name));
        }
        items = std::move(further);
    }
    return items;
}

Result<void> Engine::State::expand_stage(sql::Connection& connection, LiveRun& run,
                                         const Stage& stage,
                                         const std::vector<Coordinates>& items) {
    LiveStage& live_stage = run.stages[stage.name];
    live_stage.is_expanded = true;
    for (const Coordinates& at : items) {
        LiveTask task;
        task.coordinates = at;
        task.record.id = ++last_task;
        task.record.run = run.record.id;
        task.record.stage = stage.name;
        task.record.item = item_of(at);
        task.record.coordinates = coordinates_json(at);
        task.record.memory_bytes = stage.memory_bytes;
        task.record.timeout = stage.timeout;
        const std::int64_t id = task.record.id;
        LiveTask& kept = run.tasks.emplace(id, std::move(task)).first->second;
        live_stage.tasks.push_back(id);
        run_of[id] = run.record.id;
        link(run, kept);
        if (run.cancel_asked) kept.record.state = TaskState::cancelled;
        for (const std::int64_t source : kept.missing)
            if (is_final(run.tasks.at(source).record.state)) kept.record.state = TaskState::blocked;
        if (kept.record.state != TaskState::waiting)
            kept.record.ended_ms = clock.unix_ms();
        else if (kept.missing.empty())
            run.to_settle.push_back(id);
        TRY(records::put_task(connection, kept.record));
    }
    std::ranges::reverse(run.to_settle);  // taken from its end: in their order
    return {};
}

Result<bool> Engine::State::expand(sql::Connection& connection, LiveRun& run) {
    bool any = false;
    for (const Stage& stage : run.definition.stages) {
        if (run.stages[stage.name].is_expanded) continue;
        const auto is_known = [&](const Reference& from) {
            return from.stage.empty() || run.stages[from.stage].is_expanded;
        };
        const bool is_ready = std::ranges::all_of(stage.inputs, [&](const StageInput& input) {
            return std::ranges::all_of(input.from, is_known);
        });
        if (!is_ready) continue;
        const auto items = TRY(items_of(connection, run, stage));
        if (!items) continue;
        TRY(expand_stage(connection, run, stage, *items));
        any = true;
    }
    return any;
}

}  // namespace stroma::flow
