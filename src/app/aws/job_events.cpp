#include "app/aws/job_events.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <span>
#include <stop_token>
#include <thread>

#include "base/json.h"
#include "base/log.h"
#include "catalog/withdrawals.h"
#include "queue/wake.h"
#include "sql/migrations.h"

namespace stroma::job_event {
std::span<const sql::Migration> migrations();
}

namespace stroma::app {
namespace {

constexpr int rows_a_page = 1000;
/// Ends are looked at again for so long: they may be recorded a little out of order.
constexpr std::int64_t slack_ms = 60'000;
/// Progress changes often and isn't told: the next look waits that long at least.
constexpr Milliseconds pause{200};
constexpr Milliseconds wait_max{60'000};

constexpr int active_max = 1'000'000;

/// What was last told of a job.
struct Told {
    std::string state;
    std::int64_t attempt = 0, ended_ms = 0;
};

event::Event event_of(const pipeline::Job& job) {
    event::Event event;
    event.source = "stroma.jobs";
    event.detail_type = "Job State Change";
    event.detail = {{"job", job.id},      {"stage", job.stage},          {"owner", job.owner},
                    {"title", job.title}, {"state", name_of(job.state)}, {"attempt", job.attempt}};
    if (!job.error_code.empty()) {
        event.detail["errorCode"] = job.error_code;
        event.detail["error"] = job.error;
    }
    if (auto outputs = parse_json(job.outputs); outputs && outputs->is_object())
        event.detail["outputs"] = *std::move(outputs);
    return event;
}

event::Event dataset_event(Json detail) {
    event::Event event;
    event.source = "stroma.datasets";
    event.detail_type = "Dataset State Change";
    event.detail = std::move(detail);
    return event;
}

/// Whoever waits for changes of jobs looks for removed datasets too.
constexpr std::string_view change_channel = "jobs";

}  // namespace

void tell_change_of_datasets(Site& site) {
    queue::wake_channel(&site.control(), change_channel)->wake();
}

struct JobEvents::State {
    Result<void> load();
    Result<void> tell();
    Result<void> tell_job(const pipeline::Job& job);
    Result<void> reach_jobs(std::int64_t ended_ms);
    Result<void> tell_removals();
    void run(const std::stop_token& stopping);

    Site& site;
    sql::WriteGroup& writes;
    event::Events& events;
    std::shared_ptr<queue::WakeChannel> channel;
    std::map<std::string, Told> told = {};  ///< of jobs that haven't ended, or lately
    std::int64_t jobs_reached_ms = 0;
    std::map<std::string, std::int64_t> told_removals = {};  ///< of the last moment
    std::int64_t removals_reached_ms = 0;
    std::mutex pausing = {};
    std::condition_variable_any pauses = {};
    std::jthread thread = {};
};

JobEvents::JobEvents(std::unique_ptr<State> state) : state_(std::move(state)) {}
JobEvents::~JobEvents() { stop(); }

Result<std::unique_ptr<JobEvents>> JobEvents::open(Site& site, sql::WriteGroup& writes,
                                                   event::Events& events) {
    TRY(sql::migrate(writes.database(), "job_event", job_event::migrations()));
    auto state = std::unique_ptr<State>(
        new State{site, writes, events, queue::wake_channel(&site.control(), change_channel)});
    TRY(state->load());
    return std::unique_ptr<JobEvents>(new JobEvents(std::move(state)));
}

Result<void> JobEvents::State::load() {
    const auto connection = TRY(writes.database().connect());
    const auto rows = TRY(connection->execute("SELECT job, state, attempt FROM told_jobs"));
    while (TRY(rows->next())) told[rows->text(0)] = {rows->text(1), rows->integer(2), 0};
    const auto marks = TRY(connection->execute("SELECT kind, reached_ms FROM told_marks"));
    while (TRY(marks->next())) {
        if (marks->text(0) == "jobs") jobs_reached_ms = marks->integer(1);
        if (marks->text(0) == "removals") removals_reached_ms = marks->integer(1);
    }
    const auto removals = TRY(connection->execute("SELECT dataset, changed_ms FROM told_removals"));
    while (TRY(removals->next())) told_removals[removals->text(0)] = removals->integer(1);
    // Ends are known by the jobs themselves.
    for (auto& [id, one] : told)
        if (const auto job = TRY(site.jobs().find(id))) one.ended_ms = job->ended_ms;
    return {};
}

void JobEvents::start() {
    state_->thread = std::jthread(
        [state = state_.get()](const std::stop_token& stopping) { state->run(stopping); });
}

void JobEvents::stop() {
    if (!state_->thread.joinable()) return;
    state_->thread.request_stop();
    state_->channel->wake();
    state_->thread.join();
}

void JobEvents::State::run(const std::stop_token& stopping) {
    while (!stopping.stop_requested()) {
        const std::uint64_t generation = channel->generation();
        if (const auto done = tell(); !done)
            log(LogLevel::warning, "the states of jobs could not be told",
                {{"error", done.error().message}});
        std::unique_lock lock(pausing);
        pauses.wait_for(lock, stopping, pause, [] { return false; });
        channel->wait_past(generation, wait_max);
    }
}

Result<void> JobEvents::State::tell() {
    for (const auto state : {pipeline::JobState::queued, pipeline::JobState::running})
        for (const pipeline::Job& job :
             TRY(site.jobs().list({.state = state, .limit = active_max})))
            TRY(tell_job(job));
    std::int64_t ended_ms = jobs_reached_ms - slack_ms;
    std::string id;
    while (true) {
        const auto jobs = TRY(site.jobs().ended_after(ended_ms, id, rows_a_page));
        for (const pipeline::Job& job : jobs) TRY(tell_job(job));
        if (jobs.empty()) break;
        ended_ms = jobs.back().ended_ms;
        id = jobs.back().id;
        if (jobs.size() < rows_a_page) break;
    }
    TRY(reach_jobs(ended_ms));
    return tell_removals();
}

Result<void> JobEvents::State::tell_job(const pipeline::Job& job) {
    const Told now{std::string(name_of(job.state)), job.attempt, job.ended_ms};
    if (const auto known = told.find(job.id); known != told.end() &&
                                              known->second.state == now.state &&
                                              known->second.attempt == now.attempt)
        return {};
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        TRY(events.publish_in(connection, event_of(job)));
        if (job.state == pipeline::JobState::succeeded && job.stage != "matrix") {
            const event::Event of = event_of(job);
            if (of.detail.contains("outputs") && of.detail["outputs"].contains("dataset"))
                TRY(events.publish_in(connection,
                                      dataset_event({{"dataset", of.detail["outputs"]["dataset"]},
                                                     {"state", "published"},
                                                     {"job", job.id}})));
        }
        TRY(connection.change("INSERT OR REPLACE INTO told_jobs VALUES(?, ?, ?)",
                              {job.id, now.state, now.attempt}));
        return {};
    };
    TRY(writes.run(work));
    told[job.id] = now;
    return {};
}

/// Forgets what was told of jobs whose ends lie well behind: they aren't looked at any more.
Result<void> JobEvents::State::reach_jobs(std::int64_t ended_ms) {
    if (ended_ms < jobs_reached_ms + slack_ms) return {};
    std::vector<std::string> past;
    for (const auto& [id, one] : told)
        if (one.ended_ms != 0 && one.ended_ms < ended_ms - slack_ms) past.push_back(id);
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        for (const std::string& id : past)
            TRY(connection.change("DELETE FROM told_jobs WHERE job = ?", {id}));
        TRY(connection.change("INSERT OR REPLACE INTO told_marks VALUES('jobs', ?)", {ended_ms}));
        return {};
    };
    TRY(writes.run(work));
    for (const std::string& id : past) told.erase(id);
    jobs_reached_ms = ended_ms;
    return {};
}

Result<void> JobEvents::State::tell_removals() {
    while (true) {
        const auto removals =
            TRY(catalog::withdrawals_since(site.control(), removals_reached_ms, rows_a_page));
        const auto work = [&](sql::Connection& connection) -> Result<void> {
            for (const catalog::Withdrawal& removal : removals) {
                if (told_removals.contains(removal.id)) continue;
                TRY(events.publish_in(connection, dataset_event({{"dataset", removal.id},
                                                                 {"name", removal.name},
                                                                 {"owner", removal.owner},
                                                                 {"state", "removed"}})));
                TRY(connection.change("INSERT OR REPLACE INTO told_removals VALUES(?, ?)",
                                      {removal.id, removal.changed_ms}));
            }
            // Only those of the last moment can come up again.
            const std::int64_t reached = removals.back().changed_ms;
            TRY(connection.change("DELETE FROM told_removals WHERE changed_ms < ?", {reached}));
            TRY(connection.change("INSERT OR REPLACE INTO told_marks VALUES('removals', ?)",
                                  {reached}));
            return {};
        };
        const auto is_new = [&](const catalog::Withdrawal& removal) {
            return !told_removals.contains(removal.id);
        };
        if (std::ranges::none_of(removals, is_new)) return {};
        TRY(writes.run(work));
        removals_reached_ms = removals.back().changed_ms;
        std::erase_if(told_removals,
                      [&](const auto& one) { return one.second < removals_reached_ms; });
        for (const catalog::Withdrawal& removal : removals)
            if (removal.changed_ms >= removals_reached_ms)
                told_removals[removal.id] = removal.changed_ms;
    }
}

}  // namespace stroma::app
