#include "flow/worker/task_work.h"

#include <fmt/format.h>
#include <signal.h>

#include <array>
#include <cstdlib>
#include <mutex>

#include "base/json.h"
#include "base/log.h"
#include "flow/size_text.h"

namespace stroma::flow {
namespace {

constexpr int exit_bad_input = 65, exit_temporary = 75;
constexpr std::int64_t between_beats_ms = 1000;

/// What the process says of its failure: the message of a JSON line, or its last line.
std::string message_in(const std::string& tail) {
    std::string message, last;
    for (std::size_t at = 0; at < tail.size();) {
        const std::size_t end = std::min(tail.find('\n', at), tail.size());
        const std::string line = tail.substr(at, end - at);
        at = end + 1;
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        last = line;
        if (!line.starts_with('{')) continue;
        const auto json = parse_json(line);
        if (json && json->is_object() && json->contains("message") &&
            (*json)["message"].is_string())
            message = (*json)["message"].get<std::string>();
    }
    return message.empty() ? last : message;
}

bool speaks_of_memory(const std::string& tail) {
    constexpr std::array<const char*, 5> words = {"MemoryError", "std::bad_alloc",
                                                  "Cannot allocate memory", "out of memory",
                                                  "\"out_of_memory\""};
    for (const char* word : words)
        if (tail.find(word) != std::string::npos) return true;
    return false;
}

std::string or_else(std::string text, std::string otherwise) {
    return text.empty() ? std::move(otherwise) : std::move(text);
}

Result<void> prepare_folder(const Assignment& work) {
    std::error_code error;
    fs::remove_all(work.work, error);
    for (const char* part : {"output", "tmp"}) TRY(make_folders(work.work / part));
    TRY(make_folders(work.log.parent_path()));
    TRY(make_folders(work.kept));
    Json task{{"step", work.step.empty() ? work.stage : work.step},
              {"inputs", Json::parse(work.inputs)},
              {"names", Json::parse(work.names)},
              {"parameters", Json::parse(work.parameters)},
              {"output", (work.work / "output").string()},
              {"kept", work.kept.string()},
              {"threads", work.cores},
              {"memory_bytes", work.memory_bytes}};
    if (Json before = Json::parse(work.before); !before.empty()) task["before"] = std::move(before);
    return replace_file(work.work / "task.json", as_bytes(task.dump(1)));
}

/// The source's side of a running task.
class Beats {
public:
    Beats(const Assignment& work, TaskSource& source) : work_(work), source_(source) {}

    void line(std::string_view text) {
        if (!text.starts_with('{')) return;
        const auto json = parse_json(text);
        if (!json || !json->is_object() || !json->contains("done")) return;
        const auto number = [&](const char* name) {
            const auto found = json->find(name);
            return found != json->end() && found->is_number() ? found->get<double>() : 0.0;
        };
        const auto words = [&](const char* name) {
            const auto found = json->find(name);
            return found != json->end() && found->is_string() ? found->get<std::string>() : "";
        };
        progress_ = {number("done"), number("total"), words("unit"), words("step")};
    }

    /// Whether the task should end: it is cancelled, or its lease is somebody else's.
    bool is_called_off() {
        const std::int64_t now = system_clock().steady_ms();
        if (now - told_ms_ < between_beats_ms) return is_off_;
        told_ms_ = now;
        const auto orders = source_.beat(work_, progress_);
        if (orders) {
            heard_ms_ = now;
            is_off_ = orders->stop;
        } else if (orders.error().code == ErrorCode::not_found) {
            is_off_ = true;
        } else if (now - heard_ms_ > work_.lease_length.count()) {
            is_off_ = true;  // by now another has it
        }
        return is_off_;
    }

private:
    const Assignment& work_;
    TaskSource& source_;
    TaskProgress progress_;
    std::int64_t told_ms_ = 0, heard_ms_ = system_clock().steady_ms();
    bool is_off_ = false;
};

}  // namespace

std::vector<std::string> task_environment(const fs::path& scratch, int threads) {
    std::vector<std::string> environment;
    for (const char* name : {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER", "PYTHONPATH",
                             "VIRTUAL_ENV", "LD_LIBRARY_PATH", "R_LIBS"})
        if (const char* value = std::getenv(name); value != nullptr)
            environment.push_back(fmt::format("{}={}", name, value));
    environment.push_back("TMPDIR=" + scratch.string());
    environment.push_back("PYTHONDONTWRITEBYTECODE=1");
    for (const char* name : {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "STROMA_THREADS"})
        environment.push_back(fmt::format("{}={}", name, threads));
    return environment;
}

WorkEnd judged(const ProcessEnd& end, const ProcessOrder& limits) {
    WorkEnd judged{.exit_code = end.exit_code,
                   .signal = end.signal,
                   .core_seconds = end.core_seconds,
                   .peak_bytes = end.peak_bytes};
    const std::string said = message_in(end.error_tail);
    const auto is = [&](Outcome outcome, std::string error) {
        judged.outcome = outcome;
        judged.error = std::move(error);
        return judged;
    };
    if (end.cancelled) return is(Outcome::cancelled, "it was called off");
    if (end.timed_out)
        return is(Outcome::timeout,
                  fmt::format("it took longer than {} s",
                              static_cast<double>(limits.timeout.count()) / 1000));
    if (end.over_memory)
        return is(Outcome::memory, fmt::format("it took more than the {} it was given",
                                               size_text(limits.memory_bytes)));
    if (end.signal == SIGKILL)
        return is(Outcome::memory, "the system killed it, for want of memory as it seems");
    // A scheduler that takes its machine back, or whoever shuts it down: nothing it did.
    if (end.signal == SIGTERM)
        return is(Outcome::lost, "somebody else asked it to end (signal 15)");
    if (end.signal != 0)
        return is(Outcome::failure,
                  fmt::format("signal {} ended it{}", end.signal, said.empty() ? "" : ": " + said));
    switch (end.exit_code) {
        case 0: return is(Outcome::done, "");
        case exit_bad_input: return is(Outcome::bad_input, or_else(said, "its input is bad"));
        case exit_temporary: return is(Outcome::temporary, or_else(said, "not now, it said"));
        default: break;
    }
    return is(speaks_of_memory(end.error_tail) ? Outcome::memory : Outcome::failure,
              or_else(said, fmt::format("it ended with exit code {}", end.exit_code)));
}

WorkEnd do_task(const Assignment& work, const fs::path& program, TaskSource& source,
                const std::function<bool()>& stopping) {
    if (const auto prepared = prepare_folder(work); !prepared)
        return {.outcome = Outcome::temporary, .error = prepared.error().message};
    ProcessOrder order{.command = work.command,
                       .folder = work.work,
                       .environment = task_environment(work.work / "tmp", work.cores),
                       .mark = work.mark,
                       .memory_bytes = work.memory_bytes,
                       .timeout = work.timeout,
                       .log = work.log};
    if (!work.step.empty()) order.command = {program.string(), "pipeline", "step", work.step};
    order.command.push_back((work.work / "task.json").string());
    Beats beats(work, source);
    const auto end = run_process(
        order, [&] { return stopping() || beats.is_called_off(); },
        [&](std::string_view line) { beats.line(line); });
    if (!end) return {.outcome = Outcome::temporary, .error = end.error().message};
    return judged(*end, order);
}

}  // namespace stroma::flow
