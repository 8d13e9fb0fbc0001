#pragma once

#include <memory>
#include <string>

#include "app/flow/flow_events.h"
#include "app/flow/intake_service.h"
#include "app/flow/run_pictures.h"
#include "app/settings.h"
#include "app/site.h"
#include "flow/engine.h"
#include "flow/pilot/pilots.h"
#include "flow/worker/pool.h"
#include "watch/watcher.h"

namespace stroma::app {

/// What `pipeline step --list` of this program says; nothing where it has no such verb.
Result<flow::Steps> own_steps();
/// The file of this program.
fs::path own_program();
/// Cores and memory that tasks here may take, by the settings "pipeline.…".
flow::Capacity task_capacity(const Settings& settings);

class AwsServer;

/// The pipelines of a site: the engine, and the processes that do its tasks here.
class FlowService {
public:
    /// The site outlives it. Nothing runs before start().
    static Result<std::unique_ptr<FlowService>> open(Site& site, const Settings& settings);
    ~FlowService();
    /// Works on that run only, or on all of them.
    void start(const std::string& run = "");
    /// The jobs at a Slurm cluster that settings ask for; nothing where they ask for none.
    /// errors  unavailable  Slurm's commands aren't there
    Result<void> start_pilots();
    /// What stands between pipelines and the AWS port, where there is one: intakes, events,
    /// watching. Before the port starts.
    Result<void> start_beside(AwsServer* aws);
    void stop();
    flow::Engine& engine() { return *engine_; }
    const Settings& settings() const { return settings_; }
    flow::Intakes& intakes() { return intakes_; }
    IntakeService& intake_service() { return intake_service_; }
    RunPictures& pictures() { return pictures_; }
    Result<void> publish_gauges();
    /// Where each stage's queue stands, for the watcher.
    watch::Source stages(std::string region, std::string account);

private:
    FlowService(std::unique_ptr<flow::Engine> engine, const Settings& settings,
                sql::Database& database, const Clock& clock, fs::path data);
    int wanted_here(int running);
    std::unique_ptr<flow::Engine> engine_;
    RunPictures pictures_;
    const Settings settings_;
    const Clock& clock_;
    const fs::path data_;
    flow::EngineSource source_;
    flow::Intakes intakes_;
    IntakeService intake_service_;
    flow::Load load_;  ///< as the pool's thread saw it last
    std::int64_t loaded_ms_ = 0;
    std::unique_ptr<FlowEvents> events_;
    std::unique_ptr<flow::Pilots> pilots_;
    std::unique_ptr<flow::Pool> pool_;
};

}  // namespace stroma::app
