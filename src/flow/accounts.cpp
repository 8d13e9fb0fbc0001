#include <fmt/format.h>

#include <algorithm>

#include "flow/engine_state.h"
#include "flow/stored_outputs.h"

// What a run will take by what others took.

namespace stroma::flow {
namespace {

constexpr int runs_looked_at = 20;

/// What a stage took in runs in which all of it was computed, and how large their inputs were.
struct StageSum {
    double core_seconds = 0, bytes_in = 0, tasks = 0, input_bytes = 0, input_files = 0;
    int runs = 0;
};

std::uint64_t bytes_of(const std::vector<InputFile>& files) {
    std::uint64_t sum = 0;
    for (const InputFile& file : files) sum += file.bytes;
    return sum;
}

Result<std::map<std::string, StageSum>> stage_sums(sql::Connection& connection,
                                                   const std::string& pipeline) {
    const auto past = TRY(records::runs(
        connection, "WHERE pipeline = ? AND state = 'succeeded' ORDER BY ended_ms DESC LIMIT ?",
        {pipeline, std::int64_t{runs_looked_at}}));
    std::map<std::string, StageSum> sums;
    for (const Run& run : past) {
        const auto files = inputs_in(run.inputs);
        const auto rows = TRY(connection.execute(
            "SELECT stage, count(*), sum(core_seconds), sum(bytes_in), sum(CASE WHEN cached THEN 1 "
            "ELSE 0 END) FROM flow_tasks WHERE run = ? GROUP BY stage",
            {run.id}));
        while (TRY(rows->next())) {
            if (rows->integer(4) > 0) continue;
            StageSum& sum = sums[rows->text(0)];
            sum.tasks += static_cast<double>(rows->integer(1));
            sum.core_seconds += rows->real(2);
            sum.bytes_in += static_cast<double>(rows->integer(3));
            sum.input_bytes += static_cast<double>(bytes_of(files));
            sum.input_files += static_cast<double>(files.size());
            ++sum.runs;
        }
    }
    return sums;
}

}  // namespace

Result<Estimate> Engine::estimate(const NewRun& asked) {
    const Steps known = TRY(steps());
    const Definition definition = TRY(definition_of(
        "pipeline", read_definition(asked.definition, asked.changes, &known, asked.folder)));
    const auto files = TRY(find_inputs(definition, asked.location));
    const auto connection = TRY(state_->pool.take());
    const auto sums = TRY(stage_sums(*connection, definition.name));
    Estimate estimate{.pipeline = definition.name,
                      .files = static_cast<std::int64_t>(files.size()),
                      .bytes = bytes_of(files)};
    for (const Stage& stage : definition.stages) {
        StageEstimate one{.stage = stage.name};
        const auto found = sums.find(stage.name);
        if (found != sums.end() && found->second.input_bytes > 0) {
            const StageSum& sum = found->second;
            const double by_bytes = static_cast<double>(estimate.bytes) / sum.input_bytes;
            one.runs = sum.runs;
            one.core_seconds = sum.core_seconds * by_bytes;
            one.bytes_read = sum.bytes_in * by_bytes;
            one.tasks = sum.tasks * static_cast<double>(files.size()) / sum.input_files;
        }
        estimate.stages.push_back(std::move(one));
    }
    return estimate;
}

Result<std::vector<std::string>> Engine::verify_outputs(std::string_view id,
                                                        const std::function<bool()>& cancelled) {
    const auto connection = TRY(state_->pool.take());
    return verify_stored_outputs(*connection, {state_->options.folder, state_->options.archive},
                                 id.empty() ? "" : TRY(find(id)).id, cancelled);
}

}  // namespace stroma::flow
