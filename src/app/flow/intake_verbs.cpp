#include <fmt/format.h>

#include <memory>

#include "app/flow/flow_door.h"
#include "app/flow/flow_verbs.h"
#include "app/terminal/text_table.h"
#include "base/json.h"
#include "flow/definition.h"

namespace stroma::app {
namespace {

struct IntakeOptions {
    std::string name, file, folder, bucket, pattern, quiet;
    std::vector<std::string> parameters;
    std::int64_t priority = 0, limit = 50;
};

Result<void> run_intake_add(const IntakeOptions& options, Invocation& invocation) {
    Json body{{"name", options.name}, {"priority", options.priority}};
    body["definition"] = TRY(read_file(options.file, 1u << 20));
    body["folder"] = whole_path(options.file).parent_path().string();
    if (!options.folder.empty()) body["watch_folder"] = whole_path(options.folder).string();
    if (!options.bucket.empty()) body["bucket"] = options.bucket;
    body["pattern"] = options.pattern;
    if (!options.quiet.empty()) body["quiet_ms"] = TRY(flow::duration_in(options.quiet)).count();
    body["parameters"] = Json::object();
    for (const auto& [name, value] : TRY(parameter_changes(options.parameters)))
        body["parameters"][name] = Json::parse(value);
    FlowDoor door = TRY(FlowDoor::open(invocation));
    TRY(door.add_intake(std::move(body)));
    if (!door.is_remote()) invocation.terminal->say("kept; stroma serve looks at it");
    return {};
}

Result<void> run_intake_list(const IntakeOptions&, Invocation& invocation) {
    FlowDoor door = TRY(FlowDoor::open(invocation));
    const Json intakes = TRY(door.intakes());
    if (invocation.json) {
        invocation.terminal->print(intakes["intakes"].dump() + "\n");
        return {};
    }
    TextTable table({{"name"}, {"pipeline"}, {"kind"}, {"location"}, {"pattern"}});
    for (const Json& one : intakes["intakes"])
        table.add({one.value("name", ""), one.value("pipeline", ""), one.value("kind", ""),
                   one.value("location", ""), one.value("pattern", "")});
    invocation.terminal->print(table.text(invocation.terminal->output().columns));
    return {};
}

Result<void> run_intake_remove(const IntakeOptions& options, Invocation& invocation) {
    FlowDoor door = TRY(FlowDoor::open(invocation));
    return door.remove_intake(options.name);
}

Result<void> run_intake_arrivals(const IntakeOptions& options, Invocation& invocation) {
    FlowDoor door = TRY(FlowDoor::open(invocation));
    const Json arrivals = TRY(door.arrivals(options.name, options.limit));
    if (invocation.json) {
        invocation.terminal->print(arrivals["arrivals"].dump() + "\n");
        return {};
    }
    TextTable table({{"at"}, {"location"}, {"run"}, {"state"}, {"still to run"}});
    for (const Json& one : arrivals["arrivals"]) {
        std::string left = one.value("error", "");
        for (const Json& stage : one["stages_left"])
            left += (left.empty() ? "" : " ") + stage.get<std::string>();
        const Json& name = one["name"];
        table.add({one.value("at", ""), one.value("location", ""),
                   name.is_string() ? name.get<std::string>() : "-", one.value("state", ""), left});
    }
    invocation.terminal->print(table.text(invocation.terminal->output().columns));
    return {};
}

using IntakeRun = Result<void> (*)(const IntakeOptions&, Invocation&);

auto bound_intake(const std::shared_ptr<IntakeOptions>& options, IntakeRun function) {
    return [options, function](Invocation& invocation) { return function(*options, invocation); };
}

Verb intake_add_verb(const std::shared_ptr<IntakeOptions>& options) {
    return {
        .name = "add",
        .summary = "Begin a run for each file that is put into a folder or a bucket from now on",
        .text =
            "The server looks at the folder (also at what lies there already) and begins a run for "
            "each file that nobody has written for the quiet time; of a bucket for each object. Of "
            "the same content there is one run, whatever it is called. The pipeline reads one "
            "input; files whose names don't fit its pattern are left alone.",
        .examples =
            "  stroma pipeline intake add scanner tissue.yaml --folder /mnt/scanner --data lab\n"
            "  stroma pipeline intake add raw tissue.yaml --bucket slides/raw --data lab\n",
        .options = {{"name", &options->name, "NAME", "to call it by", {}, true},
                    {"file", &options->file, "FILE", "the pipeline, as YAML", {}, true},
                    {"--folder", &options->folder, "DIR", "that is looked at, with what is below"},
                    {"--bucket", &options->bucket, "BUCKET/PREFIX",
                     "or this bucket's keys that begin so"},
                    {"--pattern", &options->pattern, "PATTERNS",
                     "names that count; those of the pipeline's input when left out"},
                    {"--quiet-time", &options->quiet, "TIME",
                     "a file is left alone until nobody wrote it for so long (10s)"},
                    {"-p,--parameter", &options->parameters, "NAME=VALUE",
                     "another value for a parameter of the pipeline; may be given several times"},
                    {"--priority", &options->priority, "N", "of its runs"}},
        .run = bound_intake(options, run_intake_add)};
}

}  // namespace

Verb flow_intake_verb() {
    const auto options = std::make_shared<IntakeOptions>();
    return {.name = "intake",
            .summary = "Runs that begin when something is put into a folder or a bucket",
            .verbs = {
                intake_add_verb(options),
                {.name = "list",
                 .summary = "Which there are",
                 .run = bound_intake(options, run_intake_list)},
                {.name = "remove",
                 .summary = "Look there no more; runs stay",
                 .options = {{"name", &options->name, "NAME", "as 'intake list' has it", {}, true}},
                 .run = bound_intake(options, run_intake_remove)},
                {.name = "arrivals",
                 .summary = "What has come, the newest first, with its run and how that stands",
                 .examples = "  stroma pipeline intake arrivals --data lab\n",
                 .options = {{"--intake", &options->name, "NAME", "to that one only"},
                             {"--limit", &options->limit, "N", "at most so many"}},
                 .run = bound_intake(options, run_intake_arrivals)}}};
}

}  // namespace stroma::app
