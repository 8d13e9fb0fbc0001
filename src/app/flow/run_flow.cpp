#include <fmt/format.h>

#include <algorithm>

#include "app/aws/aws_client.h"
#include "app/flow/flow_door.h"
#include "app/flow/flow_verbs.h"
#include "app/terminal/progress_line.h"
#include "app/terminal/text_table.h"
#include "base/json.h"
#include "flow/told/graph.h"
#include "flow/told/told.h"

namespace stroma::app {

Result<std::map<std::string, std::string>> parameter_changes(
    const std::vector<std::string>& parameters) {
    std::map<std::string, std::string> changes;
    for (const std::string& one : parameters) {
        const std::size_t equals = one.find('=');
        if (equals == std::string::npos || equals == 0)
            return fail(ErrorCode::invalid_input, "'" + one + "' isn't NAME=VALUE");
        const std::string value = one.substr(equals + 1);
        const auto json = parse_json(value);
        changes[one.substr(0, equals)] = json ? json->dump() : Json(value).dump();
    }
    return changes;
}

fs::path whole_path(const std::string& path) {
    std::error_code error;
    return fs::weakly_canonical(fs::absolute(path, error), error);
}

namespace {

constexpr Milliseconds look{250};

struct ReadFile {
    std::string text;
    flow::Checked checked;
};

Result<ReadFile> read_pipeline(const FlowOptions& options) {
    ReadFile file;
    file.text = TRY(read_file(options.file, 1u << 20));
    const auto changes = TRY(parameter_changes(options.parameters));
    const flow::Steps steps = TRY(own_steps());
    file.checked =
        flow::read_definition(file.text, changes, &steps, whole_path(options.file).parent_path());
    return file;
}

/// "smooth 3/8, count 0/8"
std::string stages_text(const Json& run) {
    std::string text;
    for (const Json& stage : run["stages"]) {
        const int tasks = stage["tasks"].get<int>();
        const double share = stage["share_done"].get<double>();
        if (tasks == 0 || share <= 0 || share >= 1) continue;
        text += fmt::format("{}{} {:.0f} %", text.empty() ? "" : ", ",
                            stage["stage"].get<std::string>(), 100 * share);
    }
    return text.empty() ? "working" : text;
}

int count_of(const Json& run, const char* state) { return run["total"]["states"].value(state, 0); }

/// Nothing goes on before somebody has looked.
bool waits_for_people(const Json& run) {
    return count_of(run, "review") > 0 && count_of(run, "ready") == 0 &&
           count_of(run, "running") == 0;
}

/// Shows progress until the run is over or waits for people; an interrupt cancels it.
Result<Json> follow(FlowDoor& door, const std::string& id, Invocation& invocation) {
    Json run = TRY(door.run(id));
    ProgressLine line(*invocation.terminal, system_clock(), run.value("name", ""));
    bool is_cancelled = false;
    std::uint64_t seen = 0;
    while (run["state"] == "running" && !waits_for_people(run)) {
        const double tasks = run["total"]["tasks"].get<double>();
        line.update(
            {stages_text(run), run["total"]["share_done"].get<double>() * tasks, tasks, "tasks"});
        if (invocation.stop.stop_requested() && !is_cancelled) {
            is_cancelled = true;
            line.say("ending what runs; started again it goes on with what is done");
            TRY(door.cancel(id));
        }
        if (!door.is_remote())
            seen = door.service().engine().wait_for_change(seen, look);
        else if (!is_cancelled)
            static_cast<void>(pause_for(look, invocation.stop));
        else
            TRY(pause_for(look, {}));
        run = TRY(door.run(id));
    }
    return run;
}

Result<void> copy_outputs(FlowDoor& door, const Json& run, const fs::path& to) {
    const auto id = run["id"].get<std::string>();
    const Json tasks = TRY(door.tasks(id));
    for (const Json& task : tasks["tasks"]) {
        if (!task.contains("outputs")) continue;
        const fs::path folder =
            to / task["stage"].get<std::string>() / task["item"].get<std::string>();
        for (const auto& [output, files] : task["outputs"].items())
            for (const Json& file : files)
                TRY(door.copy(id, task["id"].dump(), task["key"].get<std::string>(),
                              file.get<std::string>(), folder / file.get<std::string>()));
    }
    const std::string report = TRY(door.report(id));
    return replace_file(to / "report.html", as_bytes(report));
}

Result<void> failure_of(FlowDoor& door, const Json& run) {
    const std::string name = run.value("name", ""), id = run.value("id", "");
    if (run["state"] == "cancelled")
        return fail(ErrorCode::cancelled, "run " + name + " is cancelled");
    std::string text = "run " + name + " failed";
    if (const std::string error = run.value("error", ""); !error.empty()) text += ": " + error;
    int told = 0;
    const Json tasks = TRY(door.tasks(id));
    for (const Json& task : tasks["tasks"]) {
        if (task["state"] != "dead" || ++told > 5) continue;
        text += fmt::format("{} {} {}: {}", told == 1 ? ":" : ";", task["stage"].get<std::string>(),
                            task["item"].get<std::string>(), task["error"].get<std::string>());
    }
    return fail(ErrorCode::invalid_input, text);
}

std::string pilots_text(const Json& pilots, int columns) {
    using enum TextTable::Align;
    TextTable table({{"job", right},
                     {"state"},
                     {"node"},
                     {"exit", right},
                     {"memory", right},
                     {"submitted"},
                     {"ended"},
                     {"reason"}});
    const auto text_or = [](const Json& value) {
        return value.is_string() ? value.get<std::string>() : std::string("-");
    };
    for (const Json& pilot : pilots)
        table.add({pilot.value("job", ""), pilot.value("state", ""), pilot.value("node", ""),
                   fmt::format("{}:{}", pilot.value("exit_code", 0), pilot.value("signal", 0)),
                   short_bytes(pilot.value("peak_bytes", 0.0)), text_or(pilot["submitted"]),
                   text_or(pilot["ended"]), pilot.value("reason", "")});
    return table.text(columns);
}

void print_run(const Json& run, Invocation& invocation) {
    if (invocation.json) return invocation.terminal->print(run.dump() + "\n");
    using enum TextTable::Align;
    TextTable table({{"stage"},
                     {"tasks", right},
                     {"done", right},
                     {"from before", right},
                     {"failed", right},
                     {"core s", right}});
    for (const Json& stage : run["stages"]) {
        const Json& states = stage["states"];
        table.add({stage.value("stage", ""), std::to_string(stage.value("tasks", 0)),
                   std::to_string(states.value("done", 0)),
                   std::to_string(stage.value("cached", 0)),
                   std::to_string(states.value("dead", 0) + states.value("blocked", 0)),
                   fmt::format("{:.1f}", stage.value("core_seconds", 0.0))});
    }
    const Json& cost = run["cost"];
    invocation.terminal->print(
        fmt::format("{} ({}, {}): {}\n{}{} input files, {:.2f} core seconds and {} read each\n",
                    run.value("name", ""), run.value("pipeline", ""), run.value("id", ""),
                    run.value("state", ""), table.text(invocation.terminal->output().columns),
                    cost["images"].get<int>(), cost["core_seconds_each"].get<double>(),
                    short_bytes(cost["bytes_each"].get<double>())));
    if (!run["pilots"].empty())
        invocation.terminal->print(
            pilots_text(run["pilots"], invocation.terminal->output().columns));
}

/// The terms by which the number of workers follows the queue.
std::string places_text(const Json& places) {
    std::string text;
    for (const Json& place : places) {
        text += fmt::format(
            "{}: {} workers wanted ({} to {}) for {} tasks of {:.1f} core s in {}; {} at work, {} "
            "not started yet\n",
            place.value("place", ""), place.value("wanted", 0), place.value("least", 0),
            place.value("most", 0), place.value("tasks", 0),
            place.value("waiting_core_seconds", 0.0),
            short_duration(place.value("drain_seconds", 0.0)), place.value("running", 0),
            place.value("pending", 0));
        if (place.value("too_large", 0) > 0)
            text +=
                fmt::format("{}: {} tasks ask for more cores or memory than a worker there has\n",
                            place.value("place", ""), place.value("too_large", 0));
        if (const std::string trouble = place.value("trouble", ""); !trouble.empty())
            text += fmt::format("{}: {}\n", place.value("place", ""), trouble);
    }
    return text;
}

/// What a stage made that its readers have still to read.
std::string room_text(const Json& stage) {
    const double whole = stage.value("room_bytes", 0.0);
    if (whole == 0) return "";
    const std::int64_t held = stage.value("held", std::int64_t{0});
    return fmt::format("{} of {}{}", short_bytes(stage.value("unread_bytes", 0.0)),
                       short_bytes(whole),
                       held == 0 ? "" : fmt::format("; {} wait for room", held));
}

std::string standing_text(const Json& standing, int columns) {
    using enum TextTable::Align;
    TextTable stages({{"pipeline"},
                      {"stage"},
                      {"waiting", right},
                      {"ready", right},
                      {"running", right},
                      {"review", right},
                      {"failed", right},
                      {"oldest", right},
                      {"core s each", right},
                      {"room"}});
    for (const Json& stage : standing["stages"]) {
        const auto number = [&](const char* name) { return std::to_string(stage.value(name, 0)); };
        stages.add({stage.value("pipeline", ""), stage.value("stage", ""), number("waiting"),
                    number("ready"), number("running"), number("review"), number("failed"),
                    short_duration(stage.value("oldest_seconds", 0.0)),
                    fmt::format("{:.2f}", stage.value("core_seconds_each", 0.0)),
                    room_text(stage)});
    }
    TextTable workers({{"worker"}, {"tasks", right}, {"cores", right}, {"memory", right}});
    for (const Json& worker : standing["workers"])
        workers.add({worker.value("worker", ""), std::to_string(worker.value("tasks", 0)),
                     fmt::format("{}/{}", worker.value("cores", 0), worker.value("cores_whole", 0)),
                     short_bytes(worker.value("memory_bytes", 0.0)) + "/" +
                         short_bytes(worker.value("memory_whole", 0.0))});
    std::string text = stages.row_count() == 0 ? "no run goes on\n" : stages.text(columns);
    text += places_text(standing["places"]);
    if (workers.row_count() > 0) text += workers.text(columns);
    for (const Json& error : standing["errors"])
        text +=
            fmt::format("{} × {}\n", error["count"].get<int>(), error["error"].get<std::string>());
    return text;
}

}  // namespace

Result<void> run_flow_validate(const FlowOptions& options, Invocation& invocation) {
    auto file = TRY(read_pipeline(options));
    if (invocation.json) {
        invocation.terminal->print(issues_json(file.checked).dump() + "\n");
        if (file.checked.issues.empty()) return {};
    }
    const auto definition = TRY(flow::definition_of(options.file, std::move(file.checked)));
    if (!invocation.json)
        invocation.terminal->print(fmt::format("{}: pipeline {}, {} stages: good\n", options.file,
                                               definition.name, definition.stages.size()));
    return {};
}

Result<void> run_flow_graph(const FlowOptions& options, Invocation& invocation) {
    auto file = TRY(read_pipeline(options));
    const auto definition = TRY(flow::definition_of(options.file, std::move(file.checked)));
    invocation.terminal->print(options.format == "svg"       ? svg_of(definition)
                               : options.format == "mermaid" ? mermaid_of(definition)
                                                             : dot_of(definition));
    return {};
}

Result<void> run_flow_run(const FlowOptions& options, Invocation& invocation) {
    auto file = TRY(read_pipeline(options));
    TRY(flow::definition_of(options.file, std::move(file.checked)));
    const auto changes = TRY(parameter_changes(options.parameters));
    FlowDoor door = TRY(FlowDoor::open(invocation));
    if (options.detached && !door.is_remote())
        return fail(ErrorCode::invalid_input, "--detach needs a running server: stroma serve");
    const Json begun = TRY(door.submit({.name = options.name,
                                        .owner = {},
                                        .definition = file.text,
                                        .folder = whole_path(options.file).parent_path(),
                                        .location = whole_path(options.input),
                                        .changes = changes,
                                        .priority = static_cast<int>(options.priority)}));
    const auto id = begun["id"].get<std::string>();
    if (options.detached) {
        invocation.terminal->print(invocation.json ? begun.dump() + "\n" : id + "\n");
        return {};
    }
    if (!door.is_remote()) door.service().start(id);
    const auto ended = follow(door, id, invocation);
    if (!door.is_remote()) door.service().stop();
    const Json run = TRY(Result<Json>(ended));
    if (run["state"] == "running") {
        print_run(run, invocation);
        invocation.terminal->say("it waits for review: stroma pipeline review " +
                                 run.value("name", "") + " STAGE");
        return {};
    }
    if (!options.output.empty()) TRY(copy_outputs(door, run, options.output));
    print_run(run, invocation);
    return run["state"] == "succeeded" ? Result<void>{} : failure_of(door, run);
}

Result<void> run_flow_list(const FlowOptions& options, Invocation& invocation) {
    FlowDoor door = TRY(FlowDoor::open(invocation));
    const Json runs = TRY(door.runs(options.limit));
    if (invocation.json) {
        invocation.terminal->print(runs["runs"].dump() + "\n");
        return {};
    }
    TextTable table({{"name"}, {"pipeline"}, {"state"}, {"created"}, {"input"}});
    for (const Json& run : runs["runs"])
        table.add({run.value("name", ""), run.value("pipeline", ""), run.value("state", ""),
                   run.value("created", ""), run.value("location", "")});
    invocation.terminal->print(table.text(invocation.terminal->output().columns));
    return {};
}

Result<void> run_flow_show(const FlowOptions& options, Invocation& invocation) {
    FlowDoor door = TRY(FlowDoor::open(invocation));
    if (!options.log.empty()) {
        const std::string log = TRY(door.log(options.run, options.log));
        invocation.terminal->print(log);
        return {};
    }
    Json run = TRY(door.run(options.run));
    const Json tasks = TRY(door.tasks(options.run));
    if (invocation.json) {
        run["tasks"] = tasks["tasks"];
        invocation.terminal->print(run.dump() + "\n");
        return {};
    }
    print_run(run, invocation);
    for (const Json& task : tasks["tasks"]) {
        const std::string error = task.value("error", "");
        invocation.terminal->print(fmt::format(
            "  {} {} {} {}{}\n", task["id"].dump(), task.value("stage", ""), task.value("item", ""),
            task.value("state", ""), error.empty() ? "" : ": " + error));
    }
    return {};
}

Result<void> run_flow_why(const FlowOptions& options, Invocation& invocation) {
    FlowDoor door = TRY(FlowDoor::open(invocation));
    const Json why = TRY(door.why(options.run, options.stage));
    if (invocation.json) {
        invocation.terminal->print(why["tasks"].dump() + "\n");
        return {};
    }
    for (const Json& task : why["tasks"]) {
        std::string text =
            fmt::format("{} {}: {}", task.value("stage", ""), task.value("item", ""),
                        task.value("computed", false) ? "computed" : task.value("state", ""));
        for (const Json& reason : task["why"]) text += "\n    " + reason.get<std::string>();
        invocation.terminal->print(text + "\n");
    }
    return {};
}

Result<void> run_flow_cancel(const FlowOptions& options, Invocation& invocation) {
    FlowDoor door = TRY(FlowDoor::open(invocation));
    const Json run = TRY(door.cancel(options.run));
    invocation.terminal->print(run.dump(invocation.json ? -1 : 2) + "\n");
    return {};
}

Result<void> run_flow_retry(const FlowOptions& options, Invocation& invocation) {
    FlowDoor door = TRY(FlowDoor::open(invocation));
    TRY(door.retry(options.run));
    return follow_again(door, options.run, invocation);
}

Result<void> run_flow_review(const FlowOptions& options, Invocation& invocation) {
    FlowDoor door = TRY(FlowDoor::open(invocation));
    TRY(door.review(options.run, options.stage, options.item, !options.reject, options.comment));
    Json run = TRY(door.run(options.run));
    const auto id = run["id"].get<std::string>();
    if (!door.is_remote()) {
        // What was waited for goes on.
        door.service().start(id);
        run = TRY(follow(door, id, invocation));
        door.service().stop();
    }
    print_run(run, invocation);
    return {};
}

Result<void> follow_again(FlowDoor& door, const std::string& name, Invocation& invocation) {
    Json run = TRY(door.run(name));
    const auto id = run["id"].get<std::string>();
    if (!door.is_remote()) door.service().start(id);
    run = TRY(follow(door, id, invocation));
    if (!door.is_remote()) door.service().stop();
    print_run(run, invocation);
    return run["state"] == "failed" ? failure_of(door, run) : Result<void>{};
}

Result<void> run_flow_estimate(const FlowOptions& options, Invocation& invocation) {
    auto file = TRY(read_pipeline(options));
    TRY(flow::definition_of(options.file, std::move(file.checked)));
    const flow::NewRun run{.definition = file.text,
                           .folder = whole_path(options.file).parent_path(),
                           .location = whole_path(options.input),
                           .changes = TRY(parameter_changes(options.parameters))};
    FlowDoor door = TRY(FlowDoor::open(invocation));
    const Json estimate = TRY(door.estimate(run));
    if (invocation.json) {
        invocation.terminal->print(estimate.dump() + "\n");
        return {};
    }
    using enum TextTable::Align;
    TextTable table({{"stage"}, {"tasks", right}, {"core s", right}, {"read", right}});
    for (const Json& stage : estimate["stages"]) {
        const bool is_known = stage["runs"].get<int>() > 0;
        table.add({stage.value("stage", ""),
                   is_known ? fmt::format("{:.0f}", stage.value("tasks", 0.0)) : "?",
                   is_known ? fmt::format("{:.1f}", stage.value("core_seconds", 0.0)) : "?",
                   is_known ? short_bytes(stage.value("bytes_read", 0.0)) : "?"});
    }
    const Json& sum = estimate["core_seconds"];
    invocation.terminal->print(fmt::format(
        "{}{} files, {}: {}\n", table.text(invocation.terminal->output().columns),
        estimate["files"].get<std::int64_t>(), short_bytes(estimate["bytes"].get<double>()),
        sum.is_null() ? "not known: some stage never ran whole"
                      : fmt::format("{:.1f} core s, {} here", sum.get<double>(),
                                    short_duration(estimate["seconds"].get<double>()))));
    return {};
}

Result<void> run_flow_verify(const FlowOptions& options, Invocation& invocation) {
    FlowDoor door = TRY(FlowDoor::open(invocation));
    const auto findings = TRY(door.verify(options.run, invocation.stop));
    if (invocation.json) {
        invocation.terminal->print(Json(findings).dump() + "\n");
    } else {
        for (const std::string& finding : findings) invocation.terminal->print(finding + "\n");
    }
    if (findings.empty()) return {};
    return fail(ErrorCode::corrupt,
                fmt::format("{} things are wrong; remove the output's folder, and it is computed "
                            "again when it is needed",
                            findings.size()));
}

Result<void> run_flow_pilots(const FlowOptions& options, Invocation& invocation) {
    FlowDoor door = TRY(FlowDoor::open(invocation));
    if (!options.job.empty()) TRY(door.call_off(options.job));
    const Json pilots = TRY(door.pilots());
    invocation.terminal->print(
        invocation.json ? pilots["pilots"].dump() + "\n"
                        : pilots_text(pilots["pilots"], invocation.terminal->output().columns));
    return {};
}

Result<void> run_flow_report(const FlowOptions& options, Invocation& invocation) {
    FlowDoor door = TRY(FlowDoor::open(invocation));
    const std::string report = TRY(door.report(options.run));
    return replace_file(options.output, as_bytes(report));
}

Result<void> run_flow_watch(const FlowOptions& options, Invocation& invocation) {
    if (options.interval < 1 || options.interval > 3600)
        return fail(ErrorCode::invalid_input, "--interval is 1 to 3600 seconds");
    FlowDoor door = TRY(FlowDoor::open(invocation));
    Terminal& terminal = *invocation.terminal;
    std::ptrdiff_t lines = 0;
    for (std::int64_t time = 1;; ++time) {
        const Json standing = TRY(door.standing());
        const std::string text = invocation.json
                                     ? standing.dump() + "\n"
                                     : standing_text(standing, terminal.output().columns);
        if (terminal.output().is_terminal && lines > 0)
            terminal.print(fmt::format("\033[{}A\033[J", lines));
        terminal.print(text);
        lines = std::ranges::count(text, '\n');
        if (time == options.times) return {};
        // Ctrl-C is how watching ends.
        if (!pause_for(Milliseconds{options.interval * 1000}, invocation.stop)) return {};
    }
}

}  // namespace stroma::app
