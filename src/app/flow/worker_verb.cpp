#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <thread>

#include "app/aws/aws_client.h"
#include "app/flow/flow_service.h"
#include "app/flow/flow_verbs.h"
#include "app/remote.h"
#include "base/json.h"
#include "base/log.h"

namespace stroma::app {
namespace {

struct WorkerOptions {
    std::string name, memory, url;
    std::int64_t cores = 0, tasks = 64, idle = 0;
};

std::atomic<bool> asked_to_drain{false};
void drain_on(int) { asked_to_drain = true; }

/// The server of a data directory that this machine sees too, also after it was started anew.
class ServerSource final : public flow::TaskSource {
public:
    /// `url`: where it answers; "" as its data directory says.
    ServerSource(std::string data, std::string url, std::stop_token stop)
        : data_(std::move(data)), url_(std::move(url)), stop_(std::move(stop)) {
        if (const char* token = std::getenv("STROMA_TOKEN"); token != nullptr) token_ = token;
    }

    Result<std::optional<flow::Assignment>> lease(const flow::Offer& offer) override {
        constexpr std::int64_t wait_ms = 2000;
        const Json body{{"worker", offer.worker},
                        {"cores", offer.left.cores},
                        {"memory_bytes", offer.left.memory_bytes},
                        {"cores_whole", offer.whole.cores},
                        {"memory_whole", offer.whole.memory_bytes},
                        {"wait_ms", wait_ms}};
        const std::string answer = TRY(post("/v1/tasks/lease", body));
        if (answer.empty()) return std::nullopt;
        return TRY(flow::Assignment::from_json(answer));
    }

    Result<flow::Orders> beat(const flow::Assignment& work,
                              const flow::TaskProgress& progress) override {
        const std::string answer =
            TRY(post(fmt::format("/v1/tasks/{}/beat", work.task), {{"lease", work.lease},
                                                                   {"done", progress.done},
                                                                   {"total", progress.total},
                                                                   {"unit", progress.unit},
                                                                   {"step", progress.step}}));
        const Json json = TRY(parse_json(answer));
        return flow::Orders{json.value("stop", false)};
    }

    /// Until the server has it, or the lease is over: what was made isn't thrown away for a
    /// restart.
    Result<void> finish(const flow::Assignment& work, const flow::WorkEnd& end) override {
        const Json body{{"lease", work.lease},         {"outcome", name_of(end.outcome)},
                        {"error", end.error},          {"exit_code", end.exit_code},
                        {"signal", end.signal},        {"core_seconds", end.core_seconds},
                        {"peak_bytes", end.peak_bytes}};
        constexpr Milliseconds between{500};
        const std::int64_t until = system_clock().steady_ms() + work.lease_length.count();
        while (true) {
            const auto answer = post(fmt::format("/v1/tasks/{}/finish", work.task), body);
            if (answer) return {};
            const bool may_pass = answer.error().code == ErrorCode::unavailable;
            if (!may_pass || system_clock().steady_ms() > until) return fail(answer.error());
            TRY(pause_for(between, {}));
        }
    }

    void wait(Milliseconds at_most) override { static_cast<void>(pause_for(at_most, stop_)); }

private:
    Result<std::string> post(const std::string& path, const Json& body) {
        auto address = TRY(read_server_address(data_));
        if (!url_.empty() && !token_.empty()) address = ServerAddress{};
        if (!address)
            return fail(ErrorCode::unavailable, "no server has " + data_ + " at the moment");
        if (!url_.empty()) address->url = url_;
        if (!token_.empty()) address->token = token_;
        Remote remote(*address);
        auto answer = remote.post(path, body.dump());
        // A token of the run before: the next look at the file finds the new one.
        if (!answer && answer.error().code == ErrorCode::denied)
            return fail(ErrorCode::unavailable, answer.error().message);
        return answer;
    }

    const std::string data_, url_;
    std::string token_;
    const std::stop_token stop_;
};

Result<void> run_worker(const WorkerOptions& options, Invocation& invocation) {
    set_up_log({.level = LogLevel::warning});
    ::signal(SIGUSR1, drain_on);
    flow::Capacity whole = task_capacity(invocation.settings);
    if (options.cores > 0) whole.cores = static_cast<int>(options.cores);
    if (!options.memory.empty()) whole.memory_bytes = TRY(flow::bytes_in(options.memory));
    char host[256] = "";
    ::gethostname(host, sizeof host - 1);
    const std::string name =
        options.name.empty() ? fmt::format("{}-{}", host, ::getpid()) : options.name;
    ServerSource source(invocation.data, options.url, invocation.stop);
    flow::Pool pool(source, {.worker = name,
                             .whole = whole,
                             .tasks_max = static_cast<int>(options.tasks),
                             .program = own_program(),
                             .idle = Milliseconds{options.idle * 1000}});
    pool.start();
    // Asked to leave by USR1 it lets its tasks end, else it gives them back.
    std::jthread watch([&](const std::stop_token& over) {
        constexpr Milliseconds looked_every{200};
        while (!over.stop_requested() && !invocation.stop.stop_requested()) {
            if (asked_to_drain) pool.drain();
            static_cast<void>(pause_for(looked_every, over));
        }
        if (invocation.stop.stop_requested()) pool.give_back();
    });
    pool.wait();
    return {};
}

}  // namespace

Verb flow_worker_verb() {
    auto options = std::make_shared<WorkerOptions>();
    return {
        .name = "worker",
        .summary = "Do tasks of a server's runs here, as a job of a cluster say",
        .text =
            "Leases tasks from the server that has the data directory, which this machine must see "
            "under the same path. A task whose worker dies is given to another when its lease "
            "ends; "
            "what a late worker hands in is refused. On SIGUSR1 it takes no more and ends when its "
            "tasks have; on SIGTERM it gives them back.",
        .examples =
            "  stroma pipeline worker --data lab --cores 4 --memory 8GiB --idle 60\n"
            "  sbatch --mem=8G --cpus-per-task=4 --signal=B:USR1@120 --wrap 'exec stroma pipeline "
            "worker --data lab --cores 4 --memory 8GiB --idle 60'\n",
        .options = {{"--name", &options->name, "NAME", "its name; host and process when left out"},
                    {"--url", &options->url, "URL",
                     "where the server answers, when this machine doesn't reach it under its own "
                     "name for itself; the token is STROMA_TOKEN's, or the data directory's"},
                    {"--cores", &options->cores, "N", "that its tasks may take together"},
                    {"--memory", &options->memory, "SIZE", "the same for memory"},
                    {"--tasks", &options->tasks, "N", "at most so many tasks at a time"},
                    {"--idle", &options->idle, "SECONDS",
                     "end after so long without a task; 0 never"}},
        .run = [options](Invocation& invocation) { return run_worker(*options, invocation); },
    };
}

}  // namespace stroma::app
