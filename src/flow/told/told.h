#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "flow/engine.h"

namespace stroma::flow {

// What people and programs are told of runs, as JSON: the API's answers and the verbs' --json.

nlohmann::ordered_json run_json(const Run& run);
/// With its stages, what is still to run, progress, time left and cost.
Result<nlohmann::ordered_json> run_detail(Engine& engine, std::string_view run);
/// Every task with its attempts' outcomes.
Result<nlohmann::ordered_json> tasks_json(Engine& engine, std::string_view run);
/// Why each task of the stage (of every stage: "") was computed, or was not.
Result<nlohmann::ordered_json> why_json(Engine& engine, std::string_view run,
                                        std::string_view stage);
Result<nlohmann::ordered_json> standing_json(Engine& engine);
nlohmann::ordered_json issues_json(const Checked& checked);

/// One page that needs nothing else: graph, stages, pictures (up to a few MiB), summaries, failures
/// with the ends of their logs, reviews.
Result<std::string> report_html(Engine& engine, std::string_view run);

}  // namespace stroma::flow
