#include "app/aws/job_events.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <span>
#include <stop_token>
#include <thread>

#include "base/json.h"
#include "base/log.h"
#include "queue/wake.h"
#include "sql/migrations.h"

namespace stroma::job_event {
std::span<const sql::Migration> migrations();
}

namespace stroma::app {
namespace {

constexpr int jobs_looked_at = 1000;
/// Progress changes often and isn't told: the next look waits that long at least.
constexpr Milliseconds pause{200};
constexpr Milliseconds wait_max{60'000};

using Told = std::map<std::string, std::pair<std::string, std::int64_t>>;

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

}  // namespace

struct JobEvents::State {
    Result<void> tell();
    void run(const std::stop_token& stopping);

    Site& site;
    sql::WriteGroup& writes;
    event::Events& events;
    std::shared_ptr<queue::WakeChannel> channel;
    Told told;
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
        new State{site, writes, events, queue::wake_channel(&site.control(), "jobs"), {}});
    const auto connection = TRY(writes.database().connect());
    const auto rows = TRY(connection->execute("SELECT job, state, attempt FROM told_jobs"));
    while (TRY(rows->next())) state->told[rows->text(0)] = {rows->text(1), rows->integer(2)};
    return std::unique_ptr<JobEvents>(new JobEvents(std::move(state)));
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
    for (const pipeline::Job& job : TRY(site.jobs().list({.limit = jobs_looked_at}))) {
        const std::pair<std::string, std::int64_t> now{name_of(job.state), job.attempt};
        if (const auto known = told.find(job.id); known != told.end() && known->second == now)
            continue;
        const auto work = [&](sql::Connection& connection) -> Result<void> {
            TRY(events.publish_in(connection, event_of(job)));
            if (job.state == pipeline::JobState::succeeded && job.stage != "matrix") {
                event::Event published = event_of(job);
                if (published.detail.contains("outputs") &&
                    published.detail["outputs"].contains("dataset")) {
                    published.source = "stroma.datasets";
                    published.detail_type = "Dataset State Change";
                    published.detail = {{"dataset", published.detail["outputs"]["dataset"]},
                                        {"state", "published"},
                                        {"job", job.id}};
                    TRY(events.publish_in(connection, published));
                }
            }
            TRY(connection.change("INSERT OR REPLACE INTO told_jobs VALUES(?, ?, ?)",
                                  {job.id, now.first, now.second}));
            return {};
        };
        TRY(writes.run(work));
        told[job.id] = now;
    }
    return {};
}

}  // namespace stroma::app
