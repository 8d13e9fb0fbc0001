#include "app/flow/flow_service.h"

#include <fmt/format.h>
#include <unistd.h>

#include <thread>

#include "base/log.h"
#include "base/metrics.h"
#include "flow/process.h"
#include "flow/worker/task_work.h"

namespace stroma::app {
namespace {

constexpr Milliseconds listing_max{60'000};

std::uint64_t machine_memory() {
    return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
           static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

fs::path own_program() {
    std::error_code error;
    return fs::read_symlink("/proc/self/exe", error);
}

Result<flow::Steps> own_steps() {
    std::string list;
    const fs::path scratch = fs::temp_directory_path();
    const flow::ProcessOrder order{
        .command = {own_program().string(), "pipeline", "step", "--list"},
        .folder = scratch,
        .environment = flow::task_environment(scratch, 1),
        .mark = fmt::format("steps:{};", ::getpid()),
        .timeout = listing_max,
        .log = "/dev/null"};
    const auto end = TRY(flow::run_process(
        order, [] { return false; },
        [&](std::string_view line) { list.append(line).append("\n"); }));
    if (end.exit_code != 0 || end.signal != 0) return flow::Steps{};
    return flow::steps_in(list);
}

flow::Capacity task_capacity(const Settings& settings) {
    flow::Capacity capacity;
    capacity.cores = static_cast<int>(settings.number("pipeline.cores"));
    if (capacity.cores == 0)
        capacity.cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    capacity.memory_bytes = settings.bytes("pipeline.memory");
    if (capacity.memory_bytes == 0) capacity.memory_bytes = machine_memory() / 10 * 8;
    return capacity;
}

FlowService::FlowService(std::unique_ptr<flow::Engine> engine, const fs::path& folder,
                         const Settings& settings)
    : engine_(std::move(engine)),
      pictures_(*engine_, folder / "pictures"),
      settings_(settings),
      source_(*engine_) {}

FlowService::~FlowService() { stop(); }

Result<std::unique_ptr<FlowService>> FlowService::open(Site& site, const Settings& settings) {
    std::error_code error;
    const fs::path folder = fs::absolute(site.data(), error) / "pipelines";
    flow::EngineOptions options{.folder = folder,
                                .steps = own_steps,
                                .lease = settings.duration("pipeline.lease"),
                                .first_retry = settings.duration("pipeline.first_retry"),
                                .memory_max = settings.bytes("pipeline.memory_max"),
                                .free_least = settings.bytes("pipeline.free_least")};
    auto engine =
        TRY(flow::Engine::open(site.control(), std::move(options), site.clock(), site.ids()));
    return std::unique_ptr<FlowService>(new FlowService(std::move(engine), folder, settings));
}

void FlowService::start(const std::string& run) {
    if (pool_) return;
    engine_->start();
    pool_ = std::make_unique<flow::Pool>(
        source_,
        flow::PoolOptions{.worker = "local",
                          .is_local = true,
                          .whole = task_capacity(settings_),
                          .tasks_max = static_cast<int>(settings_.number("pipeline.tasks_max")),
                          .run = run,
                          .program = own_program()});
    if (settings_.number("pipeline.tasks_max") > 0) pool_->start();
}

void FlowService::stop() {
    if (pool_) pool_->stop();
    pool_.reset();
    engine_->stop();
}

Result<void> FlowService::publish_gauges() {
    const auto standing = TRY(engine_->standing());
    for (const flow::StageStanding& stage : standing.stages) {
        const Labels labels{{"pipeline", stage.pipeline}, {"stage", stage.stage}};
        const auto set = [&](const char* name, const char* help, double value) {
            gauge(name, help, labels).set(value);
        };
        set("stroma_pipeline_queue_ready", "Tasks that could run now",
            static_cast<double>(stage.ready));
        set("stroma_pipeline_queue_running", "Tasks under way", static_cast<double>(stage.running));
        set("stroma_pipeline_queue_failed", "Tasks that failed for good, of runs that go on",
            static_cast<double>(stage.dead));
        set("stroma_pipeline_queue_oldest_seconds", "Age of the oldest task that could run",
            static_cast<double>(stage.oldest_ms) / 1000);
    }
    return {};
}

}  // namespace stroma::app
