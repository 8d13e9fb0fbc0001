#pragma once

#include <memory>
#include <string>

#include "app/flow/run_pictures.h"
#include "app/settings.h"
#include "app/site.h"
#include "flow/engine.h"
#include "flow/worker/pool.h"

namespace stroma::app {

/// What `pipeline step --list` of this program says; nothing where it has no such verb.
Result<flow::Steps> own_steps();
/// The file of this program.
fs::path own_program();
/// Cores and memory that tasks here may take, by the settings "pipeline.…".
flow::Capacity task_capacity(const Settings& settings);

/// The pipelines of a site: the engine, and the processes that do its tasks here.
class FlowService {
public:
    /// The site outlives it. Nothing runs before start().
    static Result<std::unique_ptr<FlowService>> open(Site& site, const Settings& settings);
    ~FlowService();
    /// Works on that run only, or on all of them.
    void start(const std::string& run = "");
    void stop();
    flow::Engine& engine() { return *engine_; }
    RunPictures& pictures() { return pictures_; }
    Result<void> publish_gauges();

private:
    FlowService(std::unique_ptr<flow::Engine> engine, const fs::path& folder,
                const Settings& settings);
    std::unique_ptr<flow::Engine> engine_;
    RunPictures pictures_;
    const Settings settings_;
    flow::EngineSource source_;
    std::unique_ptr<flow::Pool> pool_;
};

}  // namespace stroma::app
