#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "flow/engine.h"
#include "flow/intake/intakes.h"

namespace stroma::flow {

// What people and programs are told of runs, as JSON: the API's answers and the verbs' --json.

nlohmann::ordered_json run_json(const Run& run);
nlohmann::ordered_json edit_json(const Edit& edit);
/// With its stages, what is still to run, progress, time left and cost.
Result<nlohmann::ordered_json> run_detail(Engine& engine, std::string_view run);
/// Tasks by their numbers: those after `after`, at most so many.
struct TaskPage {
    std::int64_t after = 0;
    std::size_t limit = 1000;
};
constexpr std::int64_t task_page_max = 10'000;
/// Tasks with their attempts' outcomes; "next": the page that follows is after that one, or null.
Result<nlohmann::ordered_json> tasks_json(Engine& engine, std::string_view run, TaskPage page);
/// Why each task of the stage (of every stage: "") was computed, or was not.
Result<nlohmann::ordered_json> why_json(Engine& engine, std::string_view run,
                                        std::string_view stage);
Result<nlohmann::ordered_json> standing_json(Engine& engine);
/// Jobs of a cluster that had tasks of the run (of any: ""), with what the scheduler says of them.
Result<nlohmann::ordered_json> pilots_json(Engine& engine, std::string_view run);
nlohmann::ordered_json estimate_json(const Estimate& estimate, int cores);
/// Intakes, or what has come to them with the run of each: its name, where what came lies, and the
/// stages that are still to run.
Result<nlohmann::ordered_json> intakes_json(Intakes& intakes);
Result<nlohmann::ordered_json> arrivals_json(Intakes& intakes, Engine& engine,
                                             std::string_view intake, int most);
/// Of a run as run_detail tells of it: "pending", "running", "complete", "failed", "cancelled".
std::string state_for_people(const nlohmann::ordered_json& run);
/// An intake out of JSON. errors  invalid_input  a member: says which
Result<Intake> intake_from_json(const nlohmann::ordered_json& json);
nlohmann::ordered_json issues_json(const Checked& checked);

/// One page that needs nothing else: graph, stages, pictures (up to a few MiB), summaries, failures
/// with the ends of their logs, reviews.
Result<std::string> report_html(Engine& engine, std::string_view run);

}  // namespace stroma::flow
