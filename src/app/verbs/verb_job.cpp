#include <memory>

#include "app/verbs/verbs.h"

namespace stroma::app {

Verb job_verb() {
    auto options = std::make_shared<JobOptions>();
    const Option job = {"job", &options->job, "JOB", "its id, or the beginning of it", {}, true};
    const auto bind = [options](auto function) {
        return
            [options, function](Invocation& invocation) { return function(*options, invocation); };
    };
    Verb verb{.name = "job",
              .summary = "See, follow, cancel and retry long work",
              .examples =
                  "  stroma job list --data lab --state failed\n"
                  "  stroma job follow --data lab 9b2f0c1e\n"};
    verb.verbs = {
        {.name = "list",
         .summary = "Jobs, the newest first",
         .options = {{"--state",
                      &options->state,
                      "STATE",
                      "only those",
                      {"queued", "running", "succeeded", "failed", "cancelled"}},
                     {"--stage", &options->stage, "STAGE", "only those: import, matrix, ..."},
                     {"--limit", &options->limit, "N", "at most so many"}},
         .run = bind(run_job_list)},
        {.name = "show",
         .summary = "One job: state, progress, outputs, error, log",
         .options = {job},
         .run = bind(run_job_show)},
        {.name = "follow",
         .summary = "Show a job's progress until it ends; Ctrl-C cancels it",
         .options = {job},
         .run = bind(run_job_follow)},
        {.name = "cancel",
         .summary = "Stop a job; nothing of it is kept",
         .options = {job},
         .run = bind(run_job_cancel)},
        {.name = "retry",
         .summary = "Queue a failed or cancelled job again",
         .options = {job},
         .run = bind(run_job_retry)},
    };
    return verb;
}

}  // namespace stroma::app
