#pragma once

#include <memory>
#include <string>
#include <thread>

#include "event/events.h"
#include "flow/engine.h"
#include "sql/write_group.h"

namespace stroma::app {

/// Tells of what happens to runs on the default bus, at least once: source "stroma.pipelines",
/// detail-type "Pipeline Run State Change" or "Pipeline Stage State Change" (what happens to a
/// stage or a task of it). The detail has at least the run's unique name, where its raw data lies
/// and the stages still to run.
class FlowEvents {
public:
    /// The references outlive it.
    FlowEvents(flow::Engine& engine, sql::WriteGroup& writes, event::Events& events);
    ~FlowEvents();
    Result<void> start();
    void stop();

private:
    Result<void> tell();
    void work(const std::stop_token& stop);

    flow::Engine& engine_;
    sql::WriteGroup& writes_;
    event::Events& events_;
    std::int64_t reached_ = 0;
    std::jthread thread_;
};

}  // namespace stroma::app
