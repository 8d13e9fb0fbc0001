#include "app/flow/flow_verbs.h"

#include <memory>

namespace stroma::app {
namespace {

using Options = std::shared_ptr<FlowOptions>;

auto bound(const Options& options, Result<void> (*function)(const FlowOptions&, Invocation&)) {
    return [options, function](Invocation& invocation) { return function(*options, invocation); };
}

Option file_of(const Options& options) {
    return {"file", &options->file, "FILE", "the pipeline, as YAML", {}, true};
}

Option run_of(const Options& options) {
    return {"run", &options->run, "RUN", "its name, id, or the beginning of the id", {}, true};
}

Option parameter_of(const Options& options) {
    return {"-p,--parameter", &options->parameters, "NAME=VALUE",
            "another value for a parameter of the pipeline; may be given several times"};
}

Verb run_verb(const Options& options) {
    return {
        .name = "run",
        .summary = "Send the files of a folder through a pipeline, and wait for it",
        .text =
            "Stages whose inputs, parameters and code are the same as in any run before are not "
            "computed again; 'why' tells what was and for which reason. Works beside a running "
            "server, which then does the work, or without one. Ctrl-C cancels the run; started "
            "again, it goes on with what is there.",
        .examples =
            "  stroma pipeline run tissue.yaml --input slides --output results --data lab\n"
            "  stroma pipeline run tissue.yaml --input slides -p sigma=3 --data lab\n",
        .options = {file_of(options),
                    {"--input",
                     &options->input,
                     "DIR",
                     "the folder with the files, or one file",
                     {},
                     true},
                    {"--output", &options->output, "DIR",
                     "copy outputs there, with a report, when all is done"},
                    {"--name", &options->name, "NAME",
                     "its name; the same name again is the same run"},
                    parameter_of(options),
                    {"--priority", &options->priority, "N", "before runs with a lower one"},
                    {"--detach", &options->detached, "", "leave it to the server and return"}},
        .run = bound(options, run_flow_run)};
}

Verb watch_verb_of(const Options& options) {
    return {
        .name = "watch",
        .summary = "Queues of stages, workers and common errors, drawn anew until Ctrl-C",
        .examples = "  stroma pipeline watch --data lab --times 1 --json\n",
        .options = {{"--interval", &options->interval, "SECONDS", "between looks; 2 when left out"},
                    {"--times", &options->times, "N", "so many looks; 0 is until Ctrl-C"}},
        .run = bound(options, run_flow_watch)};
}

Verb review_verb(const Options& options) {
    return {.name = "review",
            .summary = "Accept or reject what waits for review",
            .examples =
                "  stroma pipeline review spots-1 nuclei --item slide1 --reject --comment "
                "'out of focus' --data lab\n",
            .options = {run_of(options),
                        {"stage", &options->stage, "STAGE", "whose outputs", {}, true},
                        {"--item", &options->item, "ITEM", "of this one only"},
                        {"--reject", &options->reject, "", "else they are accepted"},
                        {"--comment", &options->comment, "TEXT", "why"}},
            .run = bound(options, run_flow_review)};
}

std::vector<Verb> archive_verbs(const Options& options) {
    const Option stage{"--stage", &options->stage, "STAGE", "of this one only"};
    const Option item{"--item", &options->item, "ITEM", "of this one only"};
    return {
        {.name = "archive",
         .summary = "Where outputs of a run lie, or take them to the archive",
         .text =
             "What stages made goes to the archive, compressed where that pays, when nobody has "
             "used it for as long as 'archive' says in the pipeline; with --move now. It stays "
             "listed; a run that needs it waits for it to come back. Without a run: what there "
             "is of all.",
         .examples = "  stroma pipeline archive --data lab\n"
                     "  stroma pipeline archive spots-1b2c3d4e --move --data lab\n",
         .options = {{"run", &options->run, "RUN", "its name, id, or the beginning of the id"},
                     {"--move", &options->move, "", "take them there"},
                     stage,
                     item},
         .run = bound(options, run_flow_archive)},
        {.name = "restore",
         .summary = "Bring outputs of a run back from the archive, for some days",
         .text =
             "Waits until they are there, or returns at once with --detach; an event of the run, "
             "'restored', tells when all are. After those days they are in the archive only.",
         .examples = "  stroma pipeline restore spots-1b2c3d4e --days 30 --data lab\n",
         .options = {run_of(options),
                     {"--days", &options->days, "N",
                      "how long they stay, 1 to 3650; 7 when left out"},
                     stage,
                     item,
                     {"--detach", &options->detached, "", "leave it to the server and return"}},
         .run = bound(options, run_flow_restore)}};
}

/// What is asked about cost, outputs and jobs.
std::vector<Verb> account_verbs(const Options& options) {
    return {
        {.name = "estimate",
         .summary = "Core seconds and bytes that a run would take, by what others took",
         .text = "Reckoned from the last twenty runs of the pipeline, by bytes of input, as if "
                 "nothing of it were there yet. A stage that never ran whole is unknown, and the "
                 "sum with it.",
         .examples = "  stroma pipeline estimate tissue.yaml --input slides --data lab\n",
         .options = {file_of(options),
                     {"--input",
                      &options->input,
                      "DIR",
                      "the folder with the files, or one file",
                      {},
                      true},
                     parameter_of(options)},
         .run = bound(options, run_flow_estimate)},
        {.name = "verify",
         .summary = "Read what runs made and hold it against its manifests",
         .text = "Each output's manifest has the hash of each file, and its key is the hash of "
                 "inputs, parameters and code; both are reckoned anew.",
         .examples = "  stroma pipeline verify spots-1b2c3d4e --data lab\n",
         .options = {{"run", &options->run, "RUN", "of this one only"}},
         .run = bound(options, run_flow_verify)},
        {.name = "pilots",
         .summary = "Jobs of a cluster that did tasks, and how each ended; or end one",
         .text =
             "Jobs that the server keeps at a Slurm cluster by slurm.pilots_max, with what Slurm "
             "says of them. What a job that is ended was doing goes back to the queue.",
         .examples = "  stroma pipeline pilots --data lab\n",
         .options = {{"--cancel", &options->job, "JOB", "end that job"}},
         .run = bound(options, run_flow_pilots)}};
}

}  // namespace

void add_flow_verbs(Verb& pipeline) {
    const auto options = std::make_shared<FlowOptions>();
    const std::vector<Verb> verbs = {
        run_verb(options),
        {.name = "validate",
         .summary = "Say everything that is wrong with a pipeline, with line and column",
         .options = {file_of(options), parameter_of(options)},
         .run = bound(options, run_flow_validate),
         .data_use = DataUse::none},
        {.name = "graph",
         .summary = "Draw a pipeline",
         .options = {file_of(options),
                     {"--format",
                      &options->format,
                      "FORMAT",
                      "dot when left out",
                      {"dot", "mermaid", "svg"}}},
         .run = bound(options, run_flow_graph),
         .data_use = DataUse::none},
        {.name = "list",
         .summary = "Runs, the newest first",
         .options = {{"--limit", &options->limit, "N", "at most so many"}},
         .run = bound(options, run_flow_list)},
        {.name = "show",
         .summary = "One run: stages, tasks, failures, cost; or the log of a task",
         .options = {run_of(options), {"--log", &options->log, "TASK", "that task's log"}},
         .run = bound(options, run_flow_show)},
        {.name = "why",
         .summary = "Why tasks of a run were computed, or taken from before",
         .options = {run_of(options), {"stage", &options->stage, "STAGE", "of this one only"}},
         .run = bound(options, run_flow_why)},
        {.name = "cancel",
         .summary = "End a run; what is done stays for others",
         .options = {run_of(options)},
         .run = bound(options, run_flow_cancel)},
        {.name = "retry",
         .summary = "Try again what failed in a run",
         .options = {run_of(options)},
         .run = bound(options, run_flow_retry)},
        review_verb(options),
        flow_edit_verb(),
        {.name = "report",
         .summary = "A run as one HTML page with its pictures",
         .options = {run_of(options), {"-o,--output", &options->output, "FILE", "", {}, true}},
         .run = bound(options, run_flow_report)},
        watch_verb_of(options),
        flow_intake_verb(),
        flow_kubernetes_verb(),
        flow_worker_verb(),
    };
    for (const Verb& verb : verbs) pipeline.verbs.push_back(verb);
    for (const Verb& verb : account_verbs(options)) pipeline.verbs.push_back(verb);
    for (const Verb& verb : archive_verbs(options)) pipeline.verbs.push_back(verb);
}

}  // namespace stroma::app
