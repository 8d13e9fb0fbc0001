#include "app/flow/flow_service.h"

#include <fmt/format.h>
#include <unistd.h>

#include <iterator>
#include <sstream>
#include <thread>

#include "app/aws/aws_server.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "flow/process.h"
#include "flow/worker/task_work.h"

namespace stroma::app {
namespace {

constexpr Milliseconds listing_max{60'000};

std::vector<std::string> option_words(const std::string& text) {
    std::istringstream read(text);
    return {std::istream_iterator<std::string>(read), {}};
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
    if (capacity.memory_bytes == 0) capacity.memory_bytes = usable_memory() / 10 * 8;
    return capacity;
}

FlowService::FlowService(std::unique_ptr<flow::Engine> engine, const Settings& settings,
                         sql::Database& database, const Clock& clock, fs::path data)
    : engine_(std::move(engine)),
      pictures_(*engine_, data / "pipelines" / "pictures"),
      settings_(settings),
      clock_(clock),
      data_(std::move(data)),
      source_(*engine_),
      intakes_(database, *engine_, clock),
      intake_service_(intakes_, *engine_, data_ / "pipelines" / "intake") {}

FlowService::~FlowService() { stop(); }

Result<std::unique_ptr<FlowService>> FlowService::open(Site& site, const Settings& settings) {
    std::error_code error;
    const fs::path folder = fs::absolute(site.data(), error) / "pipelines";
    flow::EngineOptions options{.folder = folder,
                                .steps = own_steps,
                                .lease = settings.duration("pipeline.lease"),
                                .first_retry = settings.duration("pipeline.first_retry"),
                                .memory_max = settings.bytes("pipeline.memory_max"),
                                .free_least = settings.bytes("pipeline.free_least"),
                                .archive = settings.text("pipeline.archive"),
                                .shelf_look = settings.duration("pipeline.shelf_look")};
    auto engine =
        TRY(flow::Engine::open(site.control(), std::move(options), site.clock(), site.ids()));
    return std::unique_ptr<FlowService>(new FlowService(std::move(engine), settings, site.control(),
                                                        site.clock(),
                                                        fs::absolute(site.data(), error)));
}

/// How many processes should be at work here, for all to see.
int FlowService::wanted_here(int running) {
    // A long queue is counted less often: its end isn't near.
    constexpr int long_queue = 1000;
    constexpr std::int64_t kept_ms = 200;
    const std::int64_t now = clock_.steady_ms();
    if (load_.tasks < long_queue || now - loaded_ms_ > kept_ms) {
        load_ = engine_->load(task_capacity(settings_), true);
        loaded_ms_ = now;
    }
    const flow::Load& load = load_;
    const flow::ScaleRules rules{
        .least = 0,
        .most = static_cast<int>(settings_.number("pipeline.tasks_max")),
        .drain_seconds = static_cast<double>(settings_.duration("pipeline.drain").count()) / 1000};
    const int wanted = flow::workers_wanted(load, rules);
    engine_->note({.place = "local",
                   .wanted = wanted,
                   .running = running,
                   .most = rules.most,
                   .tasks = load.tasks,
                   .waiting_core_seconds = load.waiting_core_seconds,
                   .drain_seconds = rules.drain_seconds,
                   .too_large = load.too_large});
    return wanted;
}

Result<void> FlowService::start_pilots() {
    const auto most = static_cast<int>(settings_.number("slurm.pilots_max"));
    if (most == 0 || pilots_) return {};
    const std::string place = sha256_hex(data_.string()).substr(0, 12);
    flow::PilotOptions options{
        .order = {.name = "stroma-" + place,
                  .partition = settings_.text("slurm.partition"),
                  .size = {static_cast<int>(settings_.number("slurm.cores")),
                           settings_.bytes("slurm.memory")},
                  .time = settings_.duration("slurm.time"),
                  .leave = settings_.duration("slurm.leave"),
                  .idle = settings_.duration("slurm.idle"),
                  .lines = option_words(settings_.text("slurm.options")),
                  .program = own_program(),
                  .data = data_,
                  .logs = data_ / "pipelines" / "logs" / "slurm",
                  .url = settings_.text("slurm.url")},
        .rules = {.least = static_cast<int>(settings_.number("slurm.pilots_least")),
                  .most = most,
                  .drain_seconds =
                      static_cast<double>(settings_.duration("slurm.drain").count()) / 1000},
        .interval = settings_.duration("slurm.interval")};
    for (const std::string& line : options.order.lines)
        if (!line.starts_with("-"))
            return fail(ErrorCode::invalid_input,
                        fmt::format("slurm.options: '{}' isn't an option of sbatch like "
                                    "--account=lab; write values behind =",
                                    line));
    pilots_ = TRY(flow::Pilots::open(*engine_, std::move(options), clock_));
    pilots_->start();
    return {};
}

Result<void> FlowService::start_beside(AwsServer* aws) {
    if (aws != nullptr) {
        aws->follow_objects([this](const std::string& bucket, const std::string& key) {
            intake_service_.object_came(bucket, key);
        });
        events_ = std::make_unique<FlowEvents>(*engine_, aws->writes(), aws->events());
        TRY(events_->start());
        aws->watcher().add(stages(aws->region(), aws->account()));
    }
    intake_service_.start(aws == nullptr ? nullptr : &aws->buckets());
    return {};
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
                          .program = own_program(),
                          .wanted = [this](int running) { return wanted_here(running); }});
    if (settings_.number("pipeline.tasks_max") > 0) pool_->start();
}

void FlowService::stop() {
    intake_service_.stop();
    if (events_) events_->stop();
    if (pilots_) pilots_->stop();
    pilots_.reset();
    if (pool_) pool_->stop();
    pool_.reset();
    engine_->stop();
}

watch::Source FlowService::stages(std::string region, std::string account) {
    return [&engine = *engine_, region = std::move(region),
            account = std::move(account)](std::vector<watch::Stand>& stands) -> Result<void> {
        const auto number = [](std::int64_t count) { return static_cast<std::uint64_t>(count); };
        const flow::Standing standing = TRY(engine.standing());
        for (const flow::StageStanding& stage : standing.stages) {
            const std::string name = stage.pipeline + "/" + stage.stage;
            stands.push_back(
                {.kind = watch::FlowKind::stage,
                 .name = name,
                 .owner = {},
                 .arn = fmt::format("arn:aws:stroma:{}:{}:stage/{}", region, account, name),
                 .in = number(stage.began),
                 .out = number(stage.completed),
                 .errors = number(stage.failed),
                 .waiting = stage.ready,
                 .age_ms = stage.oldest_ms,
                 .note = stage.held > 0 ? fmt::format("{} wait for room", stage.held) : ""});
        }
        return {};
    };
}

Result<void> FlowService::publish_gauges() {
    const auto standing = TRY(engine_->standing());
    for (const flow::Scale& scale : standing.scales) {
        const Labels labels{{"place", scale.place}};
        gauge("stroma_pipeline_workers_wanted", "Workers that the queue asks for", labels)
            .set(scale.wanted);
        gauge("stroma_pipeline_workers_running", "Workers at work", labels).set(scale.running);
        gauge("stroma_pipeline_workers_pending", "Workers that a scheduler has not started", labels)
            .set(scale.pending);
    }
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
        set("stroma_pipeline_queue_held", "Tasks that could run, but wait for room",
            static_cast<double>(stage.held));
        set("stroma_pipeline_queue_oldest_seconds", "Age of the oldest task that could run",
            static_cast<double>(stage.oldest_ms) / 1000);
    }
    const auto sums = TRY(engine_->archive_sums());
    const auto lies = [](const char* place, std::uint64_t bytes, std::int64_t outputs) {
        gauge("stroma_pipeline_output_bytes", "Bytes of outputs by where they lie",
              {{"place", place}})
            .set(static_cast<double>(bytes));
        gauge("stroma_pipeline_outputs", "Outputs by where they lie", {{"place", place}})
            .set(static_cast<double>(outputs));
    };
    lies("here", sums.hot_bytes, sums.hot + sums.restored);
    lies("archive", sums.stored_bytes, sums.cold + sums.restored);
    return {};
}

}  // namespace stroma::app
