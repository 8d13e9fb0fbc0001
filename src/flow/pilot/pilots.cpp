#include "flow/pilot/pilots.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/log.h"
#include "base/metrics.h"

namespace stroma::flow {
namespace {

constexpr int submitted_at_once = 32;
constexpr std::int64_t first_pause_ms = 5'000, longest_pause_ms = 600'000;
/// squeue may not show at once what sbatch has taken.
constexpr std::int64_t appears_within_ms = 30'000;

std::string end_text(const Pilot& pilot) {
    std::string text = fmt::format("its Slurm job {} ended: {}", pilot.job, pilot.state);
    if (pilot.signal != 0) text += fmt::format(", signal {}", pilot.signal);
    if (pilot.exit_code != 0) text += fmt::format(", exit code {}", pilot.exit_code);
    if (!pilot.reason.empty() && pilot.reason != "None") text += fmt::format(" ({})", pilot.reason);
    return text;
}

/// The last line that the job wrote, where there is one.
std::string last_words(const fs::path& log) {
    const auto text = read_file(log, 1u << 20);
    if (!text) return "";
    const std::size_t end = text->find_last_not_of(" \n");
    if (end == std::string::npos) return "";
    const std::size_t begin = text->rfind('\n', end);
    return text->substr(begin == std::string::npos ? 0 : begin + 1,
                        std::min<std::size_t>(300, end - (begin == std::string::npos ? 0 : begin)));
}

}  // namespace

Pilots::Pilots(Engine& engine, PilotOptions options, const Clock& clock, Slurm slurm)
    : engine_(engine), options_(std::move(options)), clock_(clock), slurm_(slurm) {}

Pilots::~Pilots() { stop(); }

Result<std::unique_ptr<Pilots>> Pilots::open(Engine& engine, PilotOptions options,
                                             const Clock& clock) {
    const Slurm slurm = TRY(Slurm::find());
    return std::unique_ptr<Pilots>(new Pilots(engine, std::move(options), clock, slurm));
}

void Pilots::start() {
    if (thread_.joinable()) return;
    thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

void Pilots::stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
}

Result<void> Pilots::end(Pilot pilot) {
    const auto told = slurm_.ended(pilot.job);
    if (told) {
        pilot.state = told->state;
        pilot.reason = told->reason;
        if (!told->node.empty()) pilot.node = told->node;
        if (told->started_ms > 0) pilot.started_ms = told->started_ms;
        pilot.exit_code = told->exit_code;
        pilot.signal = told->signal;
        pilot.peak_bytes = std::max(pilot.peak_bytes, told->peak_bytes);
    } else if (is_active(pilot.state)) {
        pilot.state = "UNKNOWN";
        pilot.reason = told.error().message;
    }
    pilot.ended_ms = clock_.unix_ms();
    const int held =
        TRY(engine_.worker_gone(pilot.worker, outcome_of(pilot.state), end_text(pilot)));
    TRY(engine_.put_pilot(pilot));
    counter("stroma_pipeline_pilots_total", "Jobs that did tasks of pipelines, by how they ended",
            {{"state", pilot.state}})
        .add();
    const bool is_good = pilot.state == "COMPLETED" || pilot.state == "CANCELLED" || held > 0;
    if (is_good || pilot.state == "TIMEOUT" || pilot.state == "PREEMPTED") {
        idle_failures_ = 0;
        not_before_ms_ = 0;
        trouble_.clear();
        return {};
    }
    ++idle_failures_;
    const std::int64_t pause =
        std::min(longest_pause_ms, first_pause_ms << std::min(idle_failures_ - 1, 10));
    not_before_ms_ = clock_.steady_ms() + pause;
    const fs::path log = options_.order.logs / fmt::format("slurm-{}.log", pilot.job);
    trouble_ = fmt::format("{}, and it had no task; {}", end_text(pilot), last_words(log));
    stroma::log(LogLevel::warning, "a pipeline's pilot failed", {{"error", trouble_}});
    return {};
}

Result<void> Pilots::compare(std::map<std::string, Pilot>& known) {
    std::map<std::string, SlurmJob> there;
    for (SlurmJob& job : TRY(slurm_.jobs(options_.order.name))) there[job.job] = std::move(job);
    for (const Pilot& pilot : TRY(engine_.pilots())) known[pilot.job] = pilot;
    const std::int64_t now = clock_.unix_ms();
    for (const auto& [number, job] : there) {
        if (known.contains(number) || !is_active(job.state)) continue;
        // Its row wasn't written before this program was killed.
        Pilot pilot{.worker = "slurm-" + number, .job = number, .state = job.state};
        pilot.cores = options_.order.size.cores;
        pilot.memory_bytes = options_.order.size.memory_bytes;
        pilot.submitted_ms = now;
        TRY(engine_.put_pilot(pilot));
        known[number] = pilot;
    }
    std::vector<std::string> running;
    for (auto& [number, pilot] : known)
        if (pilot.state == "RUNNING") running.push_back(number);
    const auto peaks = slurm_.peaks(running);
    for (auto entry = known.begin(); entry != known.end();) {
        Pilot& pilot = entry->second;
        const auto job = there.find(entry->first);
        const bool is_new = now - pilot.submitted_ms < appears_within_ms;
        if (job == there.end() ? !is_new : !is_active(job->second.state)) {
            TRY(end(pilot));
            entry = known.erase(entry);
            continue;
        }
        const auto peak = peaks.find(entry->first);
        const std::uint64_t bytes =
            std::max(pilot.peak_bytes, peak == peaks.end() ? 0 : peak->second);
        const bool is_changed = job != there.end() && (job->second.state != pilot.state ||
                                                       job->second.reason != pilot.reason);
        if (is_changed || bytes != pilot.peak_bytes) {
            pilot.peak_bytes = bytes;
            if (job != there.end()) {
                pilot.state = job->second.state;
                pilot.reason = job->second.reason;
                pilot.node = job->second.node;
                if (pilot.state != "PENDING") pilot.started_ms = job->second.started_ms;
            }
            TRY(engine_.put_pilot(pilot));
        }
        if (pilot.called_off) TRY(slurm_.cancel(pilot.job));
        ++entry;
    }
    return {};
}

Result<void> Pilots::submit(int count) {
    for (int i = 0; i < std::min(count, submitted_at_once); ++i) {
        const std::string job = TRY(slurm_.submit(options_.order));
        Pilot pilot{.worker = "slurm-" + job, .job = job, .state = "PENDING"};
        pilot.cores = options_.order.size.cores;
        pilot.memory_bytes = options_.order.size.memory_bytes;
        pilot.submitted_ms = clock_.unix_ms();
        TRY(engine_.put_pilot(pilot));
    }
    return {};
}

Result<void> Pilots::scale(const std::map<std::string, Pilot>& known) {
    const Load load = engine_.load(options_.order.size, false);
    Scale now{.place = "slurm", .least = options_.rules.least, .most = options_.rules.most};
    now.wanted = workers_wanted(load, options_.rules);
    now.tasks = load.tasks;
    now.too_large = load.too_large;
    now.waiting_core_seconds = load.waiting_core_seconds;
    now.drain_seconds = options_.rules.drain_seconds;
    std::vector<std::string> pending;
    for (const auto& [number, pilot] : known) {
        if (pilot.called_off) continue;
        if (pilot.state == "PENDING") pending.push_back(number);
        ++(pilot.state == "PENDING" ? now.pending : now.running);
    }
    if (not_before_ms_ > clock_.steady_ms()) now.trouble = trouble_;
    const int surplus = now.running + now.pending - now.wanted;
    Result<void> done;
    if (surplus < 0 && now.trouble.empty()) done = submit(-surplus);
    // The youngest go first.
    for (int i = 0; i < surplus && !pending.empty() && done; ++i) {
        done = slurm_.cancel(pending.back());
        pending.pop_back();
    }
    if (!done) now.trouble = done.error().message;
    engine_.note(now);
    return done;
}

Result<void> Pilots::look() {
    std::map<std::string, Pilot> known;
    if (const auto seen = compare(known); !seen) {
        engine_.note({.place = "slurm",
                      .least = options_.rules.least,
                      .most = options_.rules.most,
                      .drain_seconds = options_.rules.drain_seconds,
                      .trouble = seen.error().message});
        return seen;
    }
    return scale(known);
}

void Pilots::work(const std::stop_token& stop) {
    std::string told;
    while (!stop.stop_requested()) {
        const auto looked = look();
        const std::string trouble = looked ? "" : looked.error().message;
        // Each trouble once, not at every look.
        if (!trouble.empty() && trouble != told)
            stroma::log(LogLevel::warning, "the Slurm cluster could not be asked",
                        {{"error", trouble}});
        told = trouble;
        std::unique_lock lock(mutex_);
        stopped_.wait_for(lock, stop, options_.interval, [] { return false; });
    }
}

}  // namespace stroma::flow
