#include "delivery/worker.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/digest.h"
#include "base/log.h"
#include "base/metrics.h"

namespace stroma::delivery {
namespace {

constexpr std::string_view state_file = "delivery.json", prepared_file = "prepared";
constexpr std::size_t scan_bytes = 4u << 20;
constexpr std::uint64_t prepared_bytes_max = std::uint64_t{2} << 30;
constexpr int scan_records = 10'000;
constexpr Milliseconds idle_most{60'000}, retry_first{200}, retry_most{30'000};

void append_sized(std::string& to, std::string_view text) {
    const std::uint64_t size = text.size();
    to.append(reinterpret_cast<const char*>(&size), sizeof size);
    to += text;
}

bool take_sized(std::string_view& from, std::string& text) {
    if (from.size() < 8) return false;
    const auto size = load<std::uint64_t>(as_bytes(from).data());
    if (size > from.size() - 8) return false;
    text = from.substr(8, size);
    from.remove_prefix(8 + size);
    return true;
}

/// A batch as a file: what a transform gives may be another thing the next time.
std::string batch_text(const Batch& batch, const std::string& range) {
    std::string text;
    append_sized(text, range);
    append_sized(text, fmt::format("{} {} {}", batch.delivered, batch.refused, batch.dropped));
    for (const MadeObject& object : batch.objects)
        for (const std::string* part : {&object.bucket, &object.key, &object.bytes})
            append_sized(text, *part);
    append_sized(text, md5_hex(text));
    return text;
}

std::optional<Batch> parse_batch(std::string_view text, const std::string& range) {
    constexpr std::size_t mark_bytes = 8 + 32;
    if (text.size() < mark_bytes ||
        md5_hex(text.substr(0, text.size() - mark_bytes)) != text.substr(text.size() - 32))
        return std::nullopt;
    text.remove_suffix(mark_bytes);
    std::string its_range, counts;
    if (!take_sized(text, its_range) || its_range != range || !take_sized(text, counts))
        return std::nullopt;
    Batch batch;
    if (std::sscanf(counts.c_str(), "%lu %lu %lu", &batch.delivered, &batch.refused,
                    &batch.dropped) != 3)
        return std::nullopt;
    while (!text.empty()) {
        MadeObject object;
        if (!take_sized(text, object.bucket) || !take_sized(text, object.key) ||
            !take_sized(text, object.bytes))
            return std::nullopt;
        batch.objects.push_back(std::move(object));
    }
    return batch;
}

}  // namespace

Deliveries::Worker::Worker(const DeliveriesOptions& options, fs::path folder, DeliveryState state,
                           std::unique_ptr<queue::GrowingStream> log, stream::Streams& streams,
                           ObjectSink& sink, const Clock& clock, Turns& turns)
    : options_(options),
      folder_(std::move(folder)),
      log_(std::move(log)),
      streams_(streams),
      sink_(sink),
      clock_(clock),
      turns_(turns),
      state_(std::move(state)) {}

Deliveries::Worker::~Worker() { stop(); }

void Deliveries::Worker::start() {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Deliveries::Worker::stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
}

DeliveryState Deliveries::Worker::state() const {
    const std::lock_guard lock(mutex_);
    return state_;
}

DeliveryStats Deliveries::Worker::stats() const {
    std::unique_lock lock(mutex_);
    DeliveryStats stats = stats_;
    const DeliveryState now = state_;
    lock.unlock();
    stats.waiting = waiting(now);
    if (stats.waiting == 0) stats.oldest_ms = 0;
    return stats;
}

std::uint64_t Deliveries::Worker::waiting(const DeliveryState& now) const {
    std::uint64_t records = 0;
    const auto add = [&](std::uint32_t shard, const Result<queue::ShardTip>& tip) {
        const auto cursor = now.cursors.find(shard);
        const std::uint64_t from = cursor == now.cursors.end() ? 1 : cursor->second;
        if (tip && tip->end > from) records += tip->end - from;
    };
    if (log_) {
        add(0, log_->tip(0));
    } else if (const auto info = streams_.find(now.source)) {
        for (const stream::Shard& shard : (*info)->shards)
            add(shard.index, streams_.tip(now.source, shard.index));
    }
    return records;
}

Result<void> Deliveries::Worker::copy_to(const fs::path& folder) const {
    TRY(make_folders(folder));
    if (log_) {
        const queue::CopyLog copy = TRY(log_->copy_of_now());
        TRY(copy(folder / "records"));
    }
    if (const auto text = read_file(folder_ / prepared_file, prepared_bytes_max))
        TRY(replace_file(folder / prepared_file, as_bytes(*text)));
    return replace_file(folder / state_file, as_bytes(state_json(state())));
}

Result<void> Deliveries::Worker::change(const std::function<Result<void>(DeliveryState&)>& edit) {
    const std::lock_guard lock(mutex_);
    DeliveryState changed = state_;
    TRY(edit(changed));
    TRY(replace_file(folder_ / state_file, as_bytes(state_json(changed))));
    state_ = std::move(changed);
    return {};
}

Result<std::uint64_t> Deliveries::Worker::put(std::span<const std::string> records) {
    if (!log_)
        return fail(ErrorCode::unsupported,
                    fmt::format("'{}' delivers the stream '{}'", state().name, state().source));
    std::vector<queue::Arrival> arrivals;
    arrivals.reserve(records.size());
    for (const std::string& record : records)
        arrivals.push_back({.shard = 0, .partition_key = "", .data = record});
    TRY(log_->append_each(arrivals));
    const std::lock_guard lock(mutex_);
    ++puts_;
    arrived_.notify_all();
    return arrivals.empty() ? 0 : arrivals.front().sequence_number;
}

// ---- the thread ---------------------------------------------------------------------------------

void Deliveries::Worker::run(const std::stop_token& stop) {
    Gathered gathered;
    Milliseconds retry = retry_first;
    while (!stop.stop_requested()) {
        const auto pause = turn(gathered);
        if (pause) {
            retry = retry_first;
            const std::lock_guard lock(mutex_);
            stats_.last_error.clear();
        } else {
            gathered = {};
            const std::string name = state().name;
            log(LogLevel::warning, "a delivery failed and is tried again",
                {{"delivery", name}, {"error", pause.error().message}});
            counter("stroma_delivery_failures_total", "Attempts that failed.", {{"delivery", name}})
                .add();
            const std::lock_guard lock(mutex_);
            stats_.last_error = pause.error().message;
            ++stats_.failures;
        }
        if (!pause) {
            std::unique_lock lock(mutex_);
            arrived_.wait_for(lock, stop, retry, [] { return false; });
            retry = std::min(retry * 2, retry_most);
        } else if (pause->count() > 0) {
            wait(stop, *pause);
        }
    }
}

void Deliveries::Worker::wait(const std::stop_token& stop, Milliseconds most) {
    if (!log_) {
        const std::string source = state().source;
        seen_ = streams_.wait_for_change(source, seen_, most, stop);
        return;
    }
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, stop, most, [&] { return puts_ != seen_; });
    seen_ = puts_;
}

Result<Milliseconds> Deliveries::Worker::turn(Gathered& gathered) {
    std::unique_lock gate(turns_.gate);
    const std::shared_lock going_on(turns_.going_on);
    gate.unlock();
    const DeliveryState now = state();
    const auto say_oldest = [this](std::int64_t oldest_ms) {
        const std::lock_guard lock(mutex_);
        stats_.oldest_ms = oldest_ms;
    };
    if (now.plan) {
        if (stats().oldest_ms == 0) say_oldest(now.plan->planned_ms);
        TRY(deliver(*now.plan));
        gathered = {};
        say_oldest(0);
        return Milliseconds{0};
    }
    const Destination destination = TRY(parse_destination(now.config));
    TRY(gather(gathered, now, destination.buffer_bytes));
    say_oldest(gathered.oldest_ms);
    if (gathered.records == 0) return idle_most;
    const std::int64_t due = gathered.oldest_ms + destination.buffer_time.count();
    const std::int64_t left = due - clock_.unix_ms();
    if (gathered.bytes < destination.buffer_bytes && left > 0)
        return std::min(Milliseconds{left}, idle_most);
    TRY(plan(gathered));
    return Milliseconds{0};
}

Result<std::vector<std::uint32_t>> Deliveries::Worker::shards() {
    if (log_) return std::vector<std::uint32_t>{0};
    const auto info = TRY(streams_.find(state().source));
    std::vector<std::uint32_t> all;
    for (const stream::Shard& shard : info->shards) all.push_back(shard.index);
    return all;
}

Result<std::vector<queue::Record>> Deliveries::Worker::read(std::uint32_t shard, std::uint64_t from,
                                                            std::size_t bytes_most) {
    if (log_) return log_->read_within(0, from, scan_records, bytes_most);
    return streams_.read_log(state().source, shard, from, scan_records, bytes_most);
}

/// Looks at what has come, until a batch is full.
Result<void> Deliveries::Worker::gather(Gathered& gathered, const DeliveryState& state,
                                        std::uint64_t bytes_max) {
    for (const std::uint32_t shard : TRY(shards())) {
        const auto cursor = state.cursors.find(shard);
        std::uint64_t& to =
            gathered.to.try_emplace(shard, cursor == state.cursors.end() ? 1 : cursor->second)
                .first->second;
        while (gathered.bytes < bytes_max) {
            const auto records = TRY(
                read(shard, to, std::min<std::uint64_t>(scan_bytes, bytes_max - gathered.bytes)));
            if (records.empty()) break;
            for (const queue::Record& record : records) {
                gathered.bytes += record.data.size();
                ++gathered.records;
                if (gathered.oldest_ms == 0 || record.arrived_ms < gathered.oldest_ms)
                    gathered.oldest_ms = record.arrived_ms;
            }
            to = records.back().sequence_number + 1;
        }
    }
    return {};
}

Result<void> Deliveries::Worker::plan(const Gathered& gathered) {
    return change([&](DeliveryState& state) -> Result<void> {
        Plan plan{.ranges = {},
                  .planned_ms = clock_.unix_ms(),
                  .version = state.version,
                  .config = state.config};
        for (const auto& [shard, to] : gathered.to) {
            const auto cursor = state.cursors.find(shard);
            const std::uint64_t from = cursor == state.cursors.end() ? 1 : cursor->second;
            if (to > from) plan.ranges.push_back({shard, from, to});
        }
        state.plan = std::move(plan);
        return {};
    });
}

Result<std::vector<RawRecord>> Deliveries::Worker::records_of(const Plan& plan) {
    std::vector<RawRecord> raw;
    for (const Range& range : plan.ranges)
        for (std::uint64_t from = range.from; from < range.to;) {
            auto records = TRY(read(range.shard, from, scan_bytes));
            if (records.empty()) break;
            for (queue::Record& record : records)
                if (record.sequence_number < range.to)
                    raw.push_back(
                        {std::move(record.data), record.arrived_ms,
                         fmt::format("{:04}{:020}", range.shard, record.sequence_number)});
            from = records.back().sequence_number + 1;
        }
    return raw;
}

Result<Batch> Deliveries::Worker::prepared(const Plan& plan) {
    const Destination destination = TRY(parse_destination(plan.config));
    const bool may_differ = !destination.transform.empty();
    if (may_differ)
        if (const auto text = read_file(folder_ / prepared_file, prepared_bytes_max))
            if (auto batch = parse_batch(*text, plan.text())) return *std::move(batch);
    const DeliveryState now = state();
    const BatchName name{.delivery = now.name,
                         .delivery_id = now.id,
                         .version = plan.version,
                         .range = plan.text(),
                         .planned_ms = plan.planned_ms,
                         .arn = fmt::format("arn:aws:firehose:{}:{}:deliverystream/{}",
                                            options_.region, options_.account, now.name),
                         .region = options_.region};
    BatchTools tools = options_.tools;
    tools.scratch = folder_;
    const auto records = TRY_WITH(records_of(plan), "reading records");
    auto batch = TRY(make_batch(name, destination, records, tools));
    if (may_differ)
        TRY(replace_file(folder_ / prepared_file, as_bytes(batch_text(batch, plan.text()))));
    return batch;
}

Result<void> Deliveries::Worker::deliver(const Plan& plan) {
    const Batch batch = TRY(prepared(plan));
    for (const MadeObject& object : batch.objects) TRY(sink_.put_if_absent(object));
    TRY(commit(plan));
    const Labels labels = {{"delivery", state().name}};
    counter("stroma_delivery_records_total", "Records delivered.", labels)
        .add(static_cast<double>(batch.delivered));
    counter("stroma_delivery_refused_total", "Records that went to the error prefix.", labels)
        .add(static_cast<double>(batch.refused));
    counter("stroma_delivery_objects_total", "Objects written.", labels)
        .add(static_cast<double>(batch.objects.size()));
    const std::lock_guard lock(mutex_);
    stats_.delivered += batch.delivered;
    stats_.refused += batch.refused;
    stats_.dropped += batch.dropped;
    stats_.objects += batch.objects.size();
    return {};
}

Result<void> Deliveries::Worker::commit(const Plan& plan) {
    TRY(change([&](DeliveryState& state) -> Result<void> {
        for (const Range& range : plan.ranges) state.cursors[range.shard] = range.to;
        state.plan.reset();
        return {};
    }));
    TRY(remove_file(folder_ / prepared_file));
    if (log_)
        for (const Range& range : plan.ranges) TRY(log_->trim(0, range.to));
    return {};
}

}  // namespace stroma::delivery
