#include "flow/run.h"

#include <array>
#include <utility>

#include "base/json.h"

namespace stroma::flow {
namespace {

constexpr std::array<std::string_view, 4> run_states = {"running", "succeeded", "failed",
                                                        "cancelled"};
constexpr std::array<std::string_view, 8> task_states = {
    "waiting", "ready", "running", "review", "done", "dead", "blocked", "cancelled"};
constexpr std::array<std::string_view, 4> tiers = {"hot", "cold", "restored", "restoring"};

template <class State, std::size_t count>
State state_of(const std::array<std::string_view, count>& names, std::string_view name) {
    for (std::size_t i = 0; i < count; ++i)
        if (names[i] == name) return static_cast<State>(i);
    return State{};
}

}  // namespace

std::string_view name_of(RunState state) { return run_states[static_cast<std::size_t>(state)]; }
RunState run_state_named(std::string_view name) { return state_of<RunState>(run_states, name); }
std::string_view name_of(TaskState state) { return task_states[static_cast<std::size_t>(state)]; }
TaskState task_state_named(std::string_view name) { return state_of<TaskState>(task_states, name); }

std::string_view name_of(Tier tier) { return tiers[static_cast<std::size_t>(tier)]; }
Tier tier_named(std::string_view name) { return state_of<Tier>(tiers, name); }

std::string Assignment::json() const {
    return Json{{"task", task},
                {"lease", lease},
                {"attempt", attempt},
                {"run", run},
                {"stage", stage},
                {"item", item},
                {"step", step},
                {"command", command},
                {"inputs", Json::parse(inputs)},
                {"names", Json::parse(names)},
                {"parameters", Json::parse(parameters)},
                {"before", Json::parse(before)},
                {"cores", cores},
                {"memory_bytes", memory_bytes},
                {"timeout_ms", timeout.count()},
                {"lease_ms", lease_length.count()},
                {"work", work.string()},
                {"kept", kept.string()},
                {"log", log.string()},
                {"mark", mark}}
        .dump();
}

Result<Assignment> Assignment::from_json(std::string_view text) {
    const Json json = TRY(parse_json(text, {.bytes_max = 64u << 20}));
    Assignment work;
    work.task = json.at("task").get<std::int64_t>();
    work.lease = json.at("lease").get<std::int64_t>();
    work.attempt = json.at("attempt").get<int>();
    work.run = json.at("run").get<std::string>();
    work.stage = json.at("stage").get<std::string>();
    work.item = json.at("item").get<std::string>();
    work.step = json.at("step").get<std::string>();
    work.command = json.at("command").get<std::vector<std::string>>();
    work.inputs = json.at("inputs").dump();
    work.names = json.at("names").dump();
    work.parameters = json.at("parameters").dump();
    work.before = json.value("before", Json::object()).dump();
    work.cores = json.at("cores").get<int>();
    work.memory_bytes = json.at("memory_bytes").get<std::uint64_t>();
    work.timeout = Milliseconds{json.at("timeout_ms").get<std::int64_t>()};
    work.lease_length = Milliseconds{json.at("lease_ms").get<std::int64_t>()};
    work.work = json.at("work").get<std::string>();
    work.kept = json.at("kept").get<std::string>();
    work.log = json.at("log").get<std::string>();
    work.mark = json.at("mark").get<std::string>();
    return work;
}

}  // namespace stroma::flow
