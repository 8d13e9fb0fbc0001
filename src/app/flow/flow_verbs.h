#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "app/verb.h"

namespace stroma::app {

/// Puts what has to do with runs below the verb "pipeline".
void add_flow_verbs(Verb& pipeline);

/// A path as it is meant from anywhere: absolute, without "..".
fs::path whole_path(const std::string& path);
/// "name=value" of each, the values as JSON. errors  invalid_input
Result<std::map<std::string, std::string>> parameter_changes(
    const std::vector<std::string>& parameters);

struct FlowOptions {
    std::string file;  ///< of a pipeline
    std::string input, output, name, format, stage, item, comment, log;
    std::string run, job;
    std::vector<std::string> parameters;  ///< "name=value"
    std::int64_t priority = 0, interval = 2, times = 0, limit = 50, days = 7;
    bool all = false, detached = false, reject = false, move = false;
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

Result<void> run_flow_estimate(const FlowOptions& options, Invocation& invocation);
Result<void> run_flow_verify(const FlowOptions& options, Invocation& invocation);
/// Where outputs lie; takes them to the archive; asks for them.
Result<void> run_flow_archive(const FlowOptions& options, Invocation& invocation);
Result<void> run_flow_restore(const FlowOptions& options, Invocation& invocation);
Result<void> run_flow_pilots(const FlowOptions& options, Invocation& invocation);

/// Works off what was asked of the run, here or by its server, and shows what became of it.
class FlowDoor;
Result<void> follow_again(FlowDoor& door, const std::string& run, Invocation& invocation);

Verb flow_edit_verb();    ///< changes by hand of labels
Verb flow_intake_verb();  ///< runs that begin when something is put somewhere
Verb flow_kubernetes_verb();
Verb flow_worker_verb();  ///< tasks of a server's runs, done here

}  // namespace stroma::app
