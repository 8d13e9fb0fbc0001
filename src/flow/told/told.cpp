#include "flow/told/told.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <thread>

#include "base/json.h"
#include "flow/told/archive_told.h"

namespace stroma::flow {
namespace {

Json time_or_null(std::int64_t unix_ms) {
    return unix_ms == 0 ? Json(nullptr) : Json(iso_time(unix_ms));
}

Json task_json(const Task& task) {
    return {{"id", task.id},
            {"stage", task.stage},
            {"item", task.item},
            {"state", name_of(task.state)},
            {"key", task.key},
            {"cached", task.cached},
            {"why", task.why},
            {"attempt", task.attempt},
            {"worker", task.worker},
            {"memory_bytes", task.memory_bytes},
            {"outcome", task.outcome},
            {"error", task.error},
            {"core_seconds", task.core_seconds},
            {"peak_bytes", task.peak_bytes},
            {"bytes_in", task.bytes_in},
            {"progress",
             {{"done", task.progress.done},
              {"total", task.progress.total},
              {"unit", task.progress.unit},
              {"step", task.progress.step}}},
            {"started", time_or_null(task.started_ms)},
            {"ended", time_or_null(task.ended_ms)}};
}

Json attempt_json(const Attempt& attempt) {
    return {{"attempt", attempt.attempt},
            {"worker", attempt.worker},
            {"outcome", name_of(attempt.end.outcome)},
            {"error", attempt.end.error},
            {"verdict", attempt.verdict},
            {"exit_code", attempt.end.exit_code},
            {"signal", attempt.end.signal},
            {"memory_bytes", attempt.memory_bytes},
            {"peak_bytes", attempt.end.peak_bytes},
            {"core_seconds", attempt.end.core_seconds},
            {"started", time_or_null(attempt.started_ms)},
            {"ended", time_or_null(attempt.ended_ms)}};
}

Json pilot_json(const Pilot& pilot) {
    return {{"job", pilot.job},
            {"worker", pilot.worker},
            {"state", pilot.state},
            {"reason", pilot.reason},
            {"node", pilot.node},
            {"cores", pilot.cores},
            {"memory_bytes", pilot.memory_bytes},
            {"peak_bytes", pilot.peak_bytes},
            {"exit_code", pilot.exit_code},
            {"signal", pilot.signal},
            {"called_off", pilot.called_off},
            {"submitted", time_or_null(pilot.submitted_ms)},
            {"started", time_or_null(pilot.started_ms)},
            {"ended", time_or_null(pilot.ended_ms)}};
}

Json scale_json(const Scale& scale) {
    return {{"place", scale.place},
            {"wanted", scale.wanted},
            {"running", scale.running},
            {"pending", scale.pending},
            {"least", scale.least},
            {"most", scale.most},
            {"tasks", scale.tasks},
            {"waiting_core_seconds", scale.waiting_core_seconds},
            {"drain_seconds", scale.drain_seconds},
            {"too_large", scale.too_large},
            {"trouble", scale.trouble}};
}

struct Sum {
    std::map<std::string, int> states;
    int tasks = 0, cached = 0;
    double core_seconds = 0, progress = 0;
    std::uint64_t bytes_in = 0;
};

void add(Sum& sum, const Task& task) {
    ++sum.tasks;
    ++sum.states[std::string(name_of(task.state))];
    sum.cached += task.cached ? 1 : 0;
    sum.core_seconds += task.core_seconds;
    sum.bytes_in += task.bytes_in;
    if (is_final(task.state) || task.state == TaskState::review)
        sum.progress += 1;
    else if (task.progress.total > 0)
        sum.progress += std::clamp(task.progress.done / task.progress.total, 0.0, 1.0);
}

Json sum_json(const Sum& sum) {
    return {{"tasks", sum.tasks},
            {"cached", sum.cached},
            {"states", sum.states},
            {"share_done", sum.tasks == 0 ? 0.0 : sum.progress / sum.tasks},
            {"core_seconds", sum.core_seconds},
            {"bytes_in", sum.bytes_in}};
}

/// What a stage is and where its work comes from: run inputs and stages, each once.
Json stage_json(const Stage& stage) {
    std::set<std::string> reads;
    for (const StageInput& input : stage.inputs)
        for (const Reference& from : input.from)
            reads.insert(from.stage.empty() ? from.output : from.stage);
    return {{"stage", stage.name},      {"step", stage.step},
            {"command", stage.command}, {"reads", reads},
            {"scatter", stage.scatter}, {"needs_review", stage.needs_review}};
}

/// What can be asked of the pipeline anew: its inputs, and its parameters as the file has them.
void add_asked(Json& json, const Run& run, const Definition& definition) {
    json["folder"] = run.folder.string();
    json["definition"] = run.definition;
    json["pipeline_inputs"] = Json::array();
    for (const RunInput& input : definition.inputs)
        json["pipeline_inputs"].push_back({{"input", input.name}, {"pattern", input.pattern}});
    json["pipeline_parameters"] = Json::object();
    for (const auto& [name, value] : definition.parameters)
        json["pipeline_parameters"][name] = Json::parse(value);
}

}  // namespace

Json edit_json(const Edit& edit) {
    Json json{{"number", edit.number},
              {"kind", edit.kind},
              {"author", edit.author},
              {"at", time_or_null(edit.at_ms)},
              {"undone", edit.is_undone}};
    json.update(Json::parse(edit.detail));
    return json;
}

namespace {

Json review_json(const Review& review) {
    return {{"stage", review.stage},       {"item", review.item},
            {"accepted", review.accepted}, {"comment", review.comment},
            {"reviewer", review.reviewer}, {"at", time_or_null(review.at_ms)}};
}

}  // namespace

Json run_json(const Run& run) {
    return {{"id", run.id},
            {"name", run.name},
            {"pipeline", run.pipeline},
            {"version", run.version},
            {"owner", run.owner},
            {"location", run.location.string()},
            {"parameters", Json::parse(run.changes)},
            {"priority", run.priority},
            {"state", name_of(run.state)},
            {"error", run.error},
            {"created", time_or_null(run.created_ms)},
            {"ended", time_or_null(run.ended_ms)}};
}

Result<Json> run_detail(Engine& engine, std::string_view id) {
    const Run run = TRY(engine.find(id));
    const auto tasks = TRY(engine.tasks(run.id));
    std::map<std::string, Sum> stages;
    Sum all;
    for (const Task& task : tasks) {
        add(stages[task.stage], task);
        add(all, task);
    }
    Json json = run_json(run);
    json["stages"] = Json::array();
    json["stages_left"] = Json::array();
    const Definition definition = read_definition(run.definition, {}, nullptr, {}).definition;
    for (const Stage& stage : definition.stages) {
        Json one = stage_json(stage);
        one.update(sum_json(stages[stage.name]));
        const auto& states = stages[stage.name].states;
        const bool is_left = states.empty() || std::ranges::any_of(states, [](const auto& state) {
                                 return !is_final(task_state_named(state.first));
                             });
        if (is_left && run.state == RunState::running) json["stages_left"].push_back(stage.name);
        json["stages"].push_back(std::move(one));
    }
    json["total"] = sum_json(all);
    add_asked(json, run, definition);
    json["reviews"] = Json::array();
    for (const Review& review : TRY(engine.reviews(run.id)))
        json["reviews"].push_back(review_json(review));
    const Json files = *parse_json(run.inputs, {.bytes_max = 1u << 30});
    const auto images = static_cast<double>(std::max<std::size_t>(1, files.size()));
    json["cost"] = {{"images", files.size()},
                    {"core_seconds_each", all.core_seconds / images},
                    {"bytes_each", static_cast<double>(all.bytes_in) / images}};
    json["pilots"] = TRY(pilots_json(engine, run.id))["pilots"];
    json["archived"] = std::ranges::count_if(TRY(engine.shelf(run.id)), [](const Shelved& one) {
        return one.tier == Tier::cold || one.tier == Tier::restoring;
    });
    json["seconds_left"] = nullptr;
    if (run.state == RunState::running) {
        const int cores = static_cast<int>(std::thread::hardware_concurrency());
        if (const auto left = TRY(engine.seconds_left(run.id, cores))) json["seconds_left"] = *left;
    }
    return json;
}

Result<Json> tasks_json(Engine& engine, std::string_view id, TaskPage page) {
    const Run run = TRY(engine.find(id));
    Json list = Json::array();
    std::map<std::string, Tier> tiers;
    for (const Shelved& one : TRY(engine.shelf(run.id))) tiers[one.key] = one.tier;
    Json next;
    for (const Task& task : TRY(engine.tasks(run.id))) {
        if (task.id <= page.after) continue;
        if (list.size() == page.limit) {
            next = list.back()["id"];
            break;
        }
        Json json = task_json(task);
        if (const auto tier = tiers.find(task.key); tier != tiers.end())
            json["place"] = place_of(tier->second);
        json["attempts"] = Json::array();
        for (const Attempt& attempt : TRY(engine.attempts(task.id)))
            json["attempts"].push_back(attempt_json(attempt));
        if (task.state == TaskState::done || task.state == TaskState::review)
            if (const auto manifest = TRY(engine.manifest(task.key))) {
                json["outputs"] = manifest->outputs;
                json["pictures"] = manifest->pictures;
                json["summary"] = parse_json(manifest->summary).value_or(Json());
            }
        list.push_back(std::move(json));
    }
    return Json{
        {"run", run.id}, {"name", run.name}, {"tasks", std::move(list)}, {"next", std::move(next)}};
}

Result<Json> why_json(Engine& engine, std::string_view id, std::string_view stage) {
    const Run run = TRY(engine.find(id));
    Json list = Json::array();
    bool is_known = stage.empty();
    for (const Task& task : TRY(engine.tasks(run.id))) {
        if (!stage.empty() && task.stage != stage) continue;
        is_known = true;
        list.push_back({{"stage", task.stage},
                        {"item", task.item},
                        {"state", name_of(task.state)},
                        {"computed", task.state == TaskState::done && !task.cached},
                        {"why", task.why},
                        {"key", task.key}});
    }
    if (!is_known)
        return fail(ErrorCode::not_found,
                    fmt::format("run {} has no tasks of a stage '{}'", run.name, stage));
    return Json{{"run", run.id}, {"name", run.name}, {"tasks", std::move(list)}};
}

Result<Json> standing_json(Engine& engine) {
    const Standing standing = TRY(engine.standing());
    Json json{{"stages", Json::array()},
              {"workers", Json::array()},
              {"places", Json::array()},
              {"errors", Json::array()},
              {"archive", TRY(archive_json(engine))}};
    for (const Scale& scale : standing.scales) json["places"].push_back(scale_json(scale));
    for (const StageStanding& stage : standing.stages)
        json["stages"].push_back({{"pipeline", stage.pipeline},
                                  {"stage", stage.stage},
                                  {"waiting", stage.waiting},
                                  {"ready", stage.ready},
                                  {"running", stage.running},
                                  {"review", stage.review},
                                  {"done", stage.done},
                                  {"failed", stage.dead},
                                  {"attempts_begun", stage.began},
                                  {"attempts_completed", stage.completed},
                                  {"attempts_failed", stage.failed},
                                  {"oldest_seconds", static_cast<double>(stage.oldest_ms) / 1000},
                                  {"core_seconds_each", stage.core_seconds_each},
                                  {"bytes_each", stage.bytes_each},
                                  {"held", stage.held},
                                  {"unread_bytes", stage.unread_bytes},
                                  {"room_bytes", stage.room_bytes},
                                  {"errors", stage.errors}});
    for (const WorkerStanding& worker : standing.workers)
        json["workers"].push_back({{"worker", worker.name},
                                   {"tasks", worker.tasks},
                                   {"cores", worker.cores},
                                   {"cores_whole", worker.cores_whole},
                                   {"memory_bytes", worker.memory_bytes},
                                   {"memory_whole", worker.memory_whole},
                                   {"heard_seconds", static_cast<double>(worker.heard_ms) / 1000}});
    for (const auto& [error, count] : standing.common_errors)
        json["errors"].push_back({{"error", error}, {"count", count}});
    return json;
}

Result<Json> pilots_json(Engine& engine, std::string_view run) {
    constexpr int most = 1000;
    Json json{{"pilots", Json::array()}};
    for (const Pilot& pilot : TRY(engine.pilots_of(run, most)))
        json["pilots"].push_back(pilot_json(pilot));
    return json;
}

Json issues_json(const Checked& checked) {
    Json list = Json::array();
    for (const Issue& issue : checked.issues)
        list.push_back({{"line", issue.place.line},
                        {"column", issue.place.column},
                        {"field", issue.field},
                        {"message", issue.message},
                        {"fix", issue.fix}});
    return {{"pipeline", checked.definition.name}, {"issues", std::move(list)}};
}

}  // namespace stroma::flow
