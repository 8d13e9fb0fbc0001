#include <fmt/format.h>

#include <algorithm>

#include "flow/engine_state.h"

// What a run will take by what others took, and whether what was made is still as it was made.

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
    std::vector<std::pair<std::string, Manifest>> outputs;
    std::vector<std::string> findings;
    {
        const auto connection = TRY(state_->pool.take());
        const std::string run = id.empty() ? "" : TRY(find(id)).id;
        const auto rows = TRY(connection->execute(
            "SELECT key, manifest, hash, (SELECT parts FROM flow_tasks t WHERE t.id = o.task) FROM "
            "flow_outputs o WHERE ? = '' OR key IN (SELECT key FROM flow_tasks WHERE run = ?) "
            "ORDER BY key",
            {run, run}));
        while (TRY(rows->next())) {
            const std::string key = rows->text(0);
            Manifest manifest = TRY(Manifest::from_json(rows->text(1)));
            if (manifest.hash() != rows->text(2))
                findings.push_back(fmt::format(
                    "output {}: its manifest isn't the one that was made", key.substr(0, 12)));
            // The key is the hash of inputs, parameters and code: recomputed from what is written.
            if (!rows->is_null(3) && key_of(KeyParts::from_json(rows->text(3))) != key)
                findings.push_back(
                    fmt::format("output {}: inputs, parameters and code as they are written down "
                                "give another key",
                                key.substr(0, 12)));
            outputs.emplace_back(key, std::move(manifest));
        }
    }
    for (const auto& [key, manifest] : outputs)
        for (const OutputFile& file : manifest.files) {
            const auto hash = hash_of_file(state_->store.path_of(key) / file.name, cancelled);
            if (!hash && hash.error().code == ErrorCode::cancelled) return fail(hash.error());
            if (!hash)
                findings.push_back(fmt::format("output {}: {} can't be read: {}", key.substr(0, 12),
                                               file.name, hash.error().message));
            else if (*hash != file.hash)
                findings.push_back(fmt::format(
                    "output {}: {} isn't what was made: its bytes hash "
                    "to {}, and they were {}",
                    key.substr(0, 12), file.name, hash->substr(0, 12), file.hash.substr(0, 12)));
        }
    return findings;
}

}  // namespace stroma::flow
