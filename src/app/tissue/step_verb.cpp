#include <cstdio>
#include <cstdlib>
#include <memory>

#include "app/exit_code.h"
#include "app/tissue/pipeline_verbs.h"
#include "app/tissue/step.h"
#include "base/json.h"

namespace stroma::app {
namespace {

struct StepOptions {
    std::string name, task;
    bool list = false;
};

/// What the engine does with it: 65 the input or task is bad, trying again is useless; 75 may pass.
int task_exit_code(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_input:
        case ErrorCode::not_found:
        case ErrorCode::unsupported:
        case ErrorCode::corrupt: return 65;
        case ErrorCode::unavailable:
        case ErrorCode::conflict: return 75;
        default: return exit_code(code);
    }
}

Result<void> run_named(const StepOptions& options, Terminal& terminal) {
    const std::string text = TRY(read_file(options.task));
    Json task = TRY_WITH(parse_json(text), options.task);
    if (!task.is_object()) return fail(ErrorCode::invalid_input, options.task + ": no object");
    if (task.value("step", Json(options.name)) != Json(options.name))
        return fail(ErrorCode::invalid_input,
                    options.task + ": the task is of another step than '" + options.name + "'");
    task["step"] = options.name;
    return run_task(
        task, [&](std::string_view step, double done, double total, std::string_view unit) {
            const Json line = {{"done", done}, {"total", total}, {"unit", unit}, {"step", step}};
            terminal.print(line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
            std::fflush(stdout);
        });
}

Result<void> run_step(const StepOptions& options, Invocation& invocation) {
    Terminal& terminal = *invocation.terminal;
    if (options.list) {
        terminal.print(step_list().dump(1) + "\n");
        return {};
    }
    if (options.name.empty() || options.task.empty())
        return fail(ErrorCode::invalid_input,
                    "say the step and its task: stroma pipeline step "
                    "NAME TASK.json, or --list");
    const auto done = run_named(options, terminal);
    if (done) return {};
    const Json line = {{"code", std::string(name_of(done.error().code))},
                       {"message", done.error().message}};
    terminal.print_error(line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    // The contract's exit codes aren't those of people's verbs.
    std::fflush(nullptr);
    std::_Exit(task_exit_code(done.error().code));
}

}  // namespace

Verb pipeline_step_verb() {
    auto options = std::make_shared<StepOptions>();
    return {
        .name = "step",
        .summary = "One task of one built-in step, as a pipeline starts it",
        .text =
            "TASK.json names inputs, parameters and the folder to write into; outputs.json is "
            "written there last. Progress is told as JSON lines on standard output, an error as "
            "one JSON line on standard error. Ends with 0 when done, 65 when the task or an input "
            "is bad, 75 when trying again may help. docs/pipeline-steps.md has the contract.",
        .examples =
            "  stroma pipeline step --list\n"
            "  stroma pipeline step segment task.json\n",
        .options = {{"name", &options->name, "NAME", "the step"},
                    {"task", &options->task, "FILE", "its task, as JSON"},
                    {"--list", &options->list, "",
                     "names, inputs, outputs and parameters as JSON"}},
        .run = [options](Invocation& invocation) { return run_step(*options, invocation); },
        .data_use = DataUse::none,
    };
}

}  // namespace stroma::app
