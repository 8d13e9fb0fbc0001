#include "delivery/deliveries.h"

#include <fmt/format.h>

#include "base/digest.h"
#include "delivery/worker.h"

namespace stroma::delivery {
namespace {

/// What was put is kept until it is delivered.
constexpr Milliseconds log_retention{3650LL * 24 * 3600 * 1000};

Error no_delivery(std::string_view name) {
    return {ErrorCode::not_found, fmt::format("there is no delivery '{}'", name)};
}

}  // namespace

Deliveries::Deliveries(DeliveriesOptions options, stream::OpenLog open_log,
                       stream::Streams& streams, ObjectSink& sink, const Clock& clock,
                       IdSource& ids)
    : options_(std::move(options)),
      open_log_(std::move(open_log)),
      streams_(streams),
      sink_(sink),
      clock_(clock),
      ids_(ids) {}

Deliveries::~Deliveries() { stop(); }

Result<std::unique_ptr<Deliveries>> Deliveries::open(DeliveriesOptions options,
                                                     stream::OpenLog open_log,
                                                     stream::Streams& streams, ObjectSink& sink,
                                                     const Clock& clock, IdSource& ids) {
    std::unique_ptr<Deliveries> deliveries(
        new Deliveries(std::move(options), std::move(open_log), streams, sink, clock, ids));
    TRY(deliveries->load());
    return deliveries;
}

Result<void> Deliveries::load() {
    TRY(make_folders(options_.folder));
    std::vector<fs::path> folders;
    std::error_code failed;
    for (fs::directory_iterator entry(options_.folder, failed), end; !failed && entry != end;
         entry.increment(failed))
        folders.push_back(entry->path());
    if (failed) return fail(error_from_errno("listing", options_.folder.string(), failed.value()));
    for (const fs::path& folder : folders) {
        const auto text = read_file(folder / state_file);
        if (!text && text.error().code == ErrorCode::not_found) {
            std::error_code ignored;  // its making or its removal was cut short
            fs::remove_all(folder, ignored);
            continue;
        }
        if (!text) return fail(text.error());
        auto state = TRY_WITH(from_state_file(*text, options_.sealer), folder.string());
        const std::string name = state.name;
        workers_[name] = TRY(open_worker(folder, std::move(state)));
    }
    return {};
}

Result<std::shared_ptr<Deliveries::Worker>> Deliveries::open_worker(const fs::path& folder,
                                                                    DeliveryState state) {
    std::unique_ptr<queue::GrowingStream> log;
    if (state.source.empty())
        log = TRY(open_log_(
            folder / "records",
            {.shards = 1, .retention = log_retention, .identity = checksum64(as_bytes(state.id))}));
    return std::make_shared<Worker>(options_, copy_, folder, std::move(state), std::move(log),
                                    streams_, sink_, clock_, turns_);
}

void Deliveries::copy_by(std::function<Result<void>(const WarehouseCopy& copy)> copy) {
    copy_ = std::move(copy);
}

void Deliveries::start() {
    const std::unique_lock lock(mutex_);
    started_ = true;
    for (const auto& [name, worker] : workers_) worker->start();
}

void Deliveries::stop() {
    const std::unique_lock lock(mutex_);
    started_ = false;
    for (const auto& [name, worker] : workers_) worker->stop();
}

Result<std::shared_ptr<Deliveries::Worker>> Deliveries::opened(std::string_view name) {
    const std::shared_lock lock(mutex_);
    const auto found = workers_.find(name);
    if (found == workers_.end()) return fail(no_delivery(name));
    return found->second;
}

Result<void> Deliveries::create(DeliveryState wanted) {
    TRY(check_destination(wanted.config));
    wanted.id = ids_.uuid();
    wanted.created_ms = wanted.updated_ms = clock_.unix_ms();
    wanted.version = 1;
    if (!wanted.source.empty()) {
        const auto source = TRY(streams_.find(wanted.source));
        for (const stream::Shard& shard : source->shards)
            wanted.cursors[shard.index] = TRY(streams_.tip(wanted.source, shard.index)).end;
    }
    const std::unique_lock lock(mutex_);
    if (workers_.contains(wanted.name))
        return fail(ErrorCode::already_exists,
                    fmt::format("there is a delivery '{}'", wanted.name));
    const fs::path folder = options_.folder / wanted.id;
    TRY(make_folders(folder));
    const std::string name = wanted.name;
    auto worker = TRY(open_worker(folder, std::move(wanted)));
    TRY(worker->change([](DeliveryState&) -> Result<void> { return {}; }));
    TRY(sync_folder(options_.folder));
    if (started_) worker->start();
    workers_[name] = std::move(worker);
    return {};
}

Result<void> Deliveries::remove(std::string_view name) {
    const auto worker = TRY(opened(name));
    worker->stop();
    const std::unique_lock lock(mutex_);
    const auto found = workers_.find(name);
    if (found == workers_.end() || found->second != worker) return fail(no_delivery(name));
    TRY(remove_file(worker->folder() / state_file));
    TRY(sync_folder(worker->folder()));
    workers_.erase(found);
    std::error_code ignored;  // what stays is removed at the next start
    fs::remove_all(worker->folder(), ignored);
    return {};
}

std::vector<std::string> Deliveries::names() {
    const std::shared_lock lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [name, worker] : workers_) names.push_back(name);
    return names;
}

Result<DeliveryState> Deliveries::find(std::string_view name) { return TRY(opened(name))->state(); }

Result<DeliveryStats> Deliveries::stats(std::string_view name) {
    return TRY(opened(name))->stats();
}

Result<void> Deliveries::update(std::string_view name, int version, const std::string& config) {
    TRY(check_destination(config));
    return TRY(opened(name))->change([&](DeliveryState& state) -> Result<void> {
        if (state.version != version)
            return fail(ErrorCode::conflict,
                        fmt::format("'{}' has version {} by now", state.name, state.version));
        ++state.version;
        state.updated_ms = clock_.unix_ms();
        state.config = config;
        return {};
    });
}

Result<void> Deliveries::change_tags(
    std::string_view name, const std::function<void(std::map<std::string, std::string>&)>& edit) {
    return TRY(opened(name))->change([&](DeliveryState& state) -> Result<void> {
        edit(state.tags);
        return {};
    });
}

Result<void> Deliveries::while_paused(const std::function<Result<void>()>& work) {
    const std::lock_guard gate(turns_.gate);
    const std::unique_lock alone(turns_.going_on);
    return work();
}

Result<void> Deliveries::copy_to(const fs::path& folder) {
    TRY(make_folders(folder));
    for (const std::string& name : names())
        if (const auto worker = opened(name))
            TRY((*worker)->copy_to(folder / (*worker)->folder().filename()));
    return {};
}

Result<std::uint64_t> Deliveries::put(std::string_view name, std::span<const std::string> records) {
    return TRY(opened(name))->put(records);
}

}  // namespace stroma::delivery
