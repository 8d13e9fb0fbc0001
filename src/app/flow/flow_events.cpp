#include "app/flow/flow_events.h"

#include <map>

#include "base/json.h"
#include "base/log.h"
#include "flow/told/told.h"

namespace stroma::app {
namespace {

constexpr int told_at_once = 500;
constexpr Milliseconds waited_for{1000};
constexpr const char* runs_mark = "runs";

event::Event run_event(const Result<Json>& run, const flow::RunEvent& what) {
    event::Event event;
    event.source = "stroma.pipelines";
    event.detail_type =
        what.stage.empty() ? "Pipeline Run State Change" : "Pipeline Stage State Change";
    event.detail = {{"state", what.kind}, {"run", what.run}, {"at", iso_time(what.at_ms)}};
    if (run) {
        for (const char* member : {"name", "pipeline", "version", "owner", "location"})
            event.detail[member] = (*run)[member];
        event.detail["stages_left"] = (*run)["stages_left"];
        event.detail["progress"] = flow::state_for_people(*run);
    }
    if (!what.stage.empty()) {
        event.detail["stage"] = what.stage;
        event.detail["item"] = what.item;
    }
    if (auto detail = parse_json(what.detail); detail && detail->is_object())
        event.detail.update(*detail);
    return event;
}

}  // namespace

FlowEvents::FlowEvents(flow::Engine& engine, sql::WriteGroup& writes, event::Events& events)
    : engine_(engine), writes_(writes), events_(events) {}

FlowEvents::~FlowEvents() { stop(); }

Result<void> FlowEvents::start() {
    const auto connection = TRY(writes_.database().connect());
    const auto rows = TRY(connection->execute("SELECT reached_ms FROM told_marks WHERE kind = ?",
                                              {std::string(runs_mark)}));
    if (TRY(rows->next())) reached_ = rows->integer(0);
    thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
    return {};
}

void FlowEvents::stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
}

Result<void> FlowEvents::tell() {
    while (true) {
        const auto happened = TRY(engine_.events_after(reached_, told_at_once));
        if (happened.empty()) return {};
        std::vector<event::Event> told;
        // Of a run many tasks may have failed at once: it is looked at once.
        std::map<std::string, Result<Json>> runs;
        for (const flow::RunEvent& one : happened) {
            if (!runs.contains(one.run)) runs.emplace(one.run, flow::run_detail(engine_, one.run));
            told.push_back(run_event(runs.at(one.run), one));
        }
        const std::int64_t last = happened.back().sequence;
        const auto work = [&](sql::Connection& connection) -> Result<void> {
            for (const event::Event& event : told) TRY(events_.publish_in(connection, event));
            TRY(connection.change("INSERT OR REPLACE INTO told_marks VALUES(?, ?)",
                                  {std::string(runs_mark), last}));
            return {};
        };
        TRY(writes_.run(work));
        reached_ = last;
    }
}

void FlowEvents::work(const std::stop_token& stop) {
    std::uint64_t seen = 0;
    while (!stop.stop_requested()) {
        if (const auto done = tell(); !done)
            log(LogLevel::warning, "what happened to runs could not be told",
                {{"error", done.error().message}});
        seen = engine_.wait_for_change(seen, waited_for);
    }
}

}  // namespace stroma::app
