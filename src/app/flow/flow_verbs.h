#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/verb.h"

namespace stroma::app {

/// Puts what has to do with runs below the verb "pipeline".
void add_flow_verbs(Verb& pipeline);

struct FlowOptions {
    std::string file;  ///< of a pipeline
    std::string input, output, name, format, stage, item, comment, log;
    std::string run;
    std::vector<std::string> parameters;  ///< "name=value"
    std::int64_t priority = 0, interval = 2, times = 0, limit = 50;
    bool all = false, detached = false, reject = false;
};
Result<void> run_flow_run(const FlowOptions& options, Invocation& invocation);
Result<void> run_flow_validate(const FlowOptions& options, Invocation& invocation);
Result<void> run_flow_graph(const FlowOptions& options, Invocation& invocation);
Result<void> run_flow_list(const FlowOptions& options, Invocation& invocation);
Result<void> run_flow_show(const FlowOptions& options, Invocation& invocation);
Result<void> run_flow_why(const FlowOptions& options, Invocation& invocation);
Result<void> run_flow_cancel(const FlowOptions& options, Invocation& invocation);
Result<void> run_flow_retry(const FlowOptions& options, Invocation& invocation);
Result<void> run_flow_review(const FlowOptions& options, Invocation& invocation);
Result<void> run_flow_report(const FlowOptions& options, Invocation& invocation);
Result<void> run_flow_watch(const FlowOptions& options, Invocation& invocation);

Verb flow_worker_verb();  ///< tasks of a server's runs, done here

}  // namespace stroma::app
