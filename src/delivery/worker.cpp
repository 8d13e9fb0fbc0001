#include "delivery/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"

namespace stroma::delivery {
namespace {

constexpr std::string_view prepared_file = "prepared";
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
    append_sized(text, batch.manifest);
    append_sized(text, std::to_string(batch.posts.size()));
    for (const Post& post : batch.posts)
        for (const std::string* part : {&post.id, &post.body}) append_sized(text, *part);
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
    std::string its_range, counts, posts;
    if (!take_sized(text, its_range) || its_range != range || !take_sized(text, counts))
        return std::nullopt;
    Batch batch;
    if (std::sscanf(counts.c_str(), "%lu %lu %lu", &batch.delivered, &batch.refused,
                    &batch.dropped) != 3)
        return std::nullopt;
    if (!take_sized(text, batch.manifest) || !take_sized(text, posts)) return std::nullopt;
    for (auto left = std::strtoull(posts.c_str(), nullptr, 10); left > 0; --left) {
        Post post;
        if (!take_sized(text, post.id) || !take_sized(text, post.body)) return std::nullopt;
        batch.posts.push_back(std::move(post));
    }
    while (!text.empty()) {
        MadeObject object;
        if (!take_sized(text, object.bucket) || !take_sized(text, object.key) ||
            !take_sized(text, object.bytes))
            return std::nullopt;
        batch.objects.push_back(std::move(object));
    }
    return batch;
}

std::vector<RawRecord> raw_of(std::uint32_t shard, std::vector<queue::Record> records) {
    std::vector<RawRecord> raw;
    raw.reserve(records.size());
    for (queue::Record& record : records)
        raw.push_back({std::move(record.data), record.arrived_ms,
                       fmt::format("{:04}{:020}", shard, record.sequence_number), shard,
                       record.sequence_number});
    return raw;
}

/// Leaves the records that hold something of the chosen buffers.
Result<void> keep_holding(const BatchName& name, const Chosen& chosen,
                          const Destination& destination, std::vector<RawRecord>& records) {
    const auto batch = TRY(places_of(name, destination, records, &chosen));
    std::vector<RawRecord> kept;
    for (const ItemPlace& place : batch)
        if (!records[place.record].id.empty())
            kept.push_back(std::exchange(records[place.record], {}));
    records = std::move(kept);
    return {};
}

EndpointCall endpoint_call(const HttpEndpoint& endpoint, const Post& post, const std::string& arn) {
    EndpointCall call{.url = endpoint.url, .body = post.body, .headers = {}};
    call.headers = {{"Content-Type", "application/json"},
                    {"X-Amz-Firehose-Protocol-Version", "1.0"},
                    {"X-Amz-Firehose-Request-Id", post.id},
                    {"X-Amz-Firehose-Source-Arn", arn}};
    if (!endpoint.access_key.empty())
        call.headers.emplace_back("X-Amz-Firehose-Access-Key", endpoint.access_key);
    if (!endpoint.attributes.empty())
        call.headers.emplace_back("X-Amz-Firehose-Common-Attributes",
                                  Json{{"commonAttributes", endpoint.attributes}}.dump(
                                      -1, ' ', true, Json::error_handler_t::replace));
    if (endpoint.gzip) {
        if (auto packed = compress(post.body, Compression::gzip)) {
            call.body = *std::move(packed);
            call.headers.emplace_back("Content-Encoding", "gzip");
        }
    }
    return call;
}

}  // namespace

Deliveries::Worker::Worker(const DeliveriesOptions& options, const Copy& copy, fs::path folder,
                           DeliveryState state, std::unique_ptr<queue::GrowingStream> log,
                           stream::Streams& streams, ObjectSink& sink, const Clock& clock,
                           Turns& turns)
    : options_(options),
      copy_(copy),
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
    const std::string kept = TRY(to_state_file(state(), options_.sealer));
    return replace_file(folder / state_file, as_bytes(kept));
}

Result<void> Deliveries::Worker::change(const std::function<Result<void>(DeliveryState&)>& edit) {
    const std::lock_guard lock(mutex_);
    DeliveryState changed = state_;
    TRY(edit(changed));
    const std::string kept = TRY(to_state_file(changed, options_.sealer));
    TRY(replace_file(folder_ / state_file, as_bytes(kept)));
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
        const bool is_done = !state().plan;
        if (is_done && now.plan->open && gathered.apart)
            gathered.apart->close(now.plan->buffers);
        else if (is_done)
            gathered = {};
        say_oldest(0);
        return Milliseconds{0};
    }
    const Destination destination = TRY(parse_destination(now.config));
    if (destination.is_apart() || now.buffers || gathered.apart) {
        if (!gathered.apart) gathered.apart.emplace(now);
        const auto pause = turn_apart(*gathered.apart, now);
        say_oldest(gathered.apart->oldest_ms());
        // What was begun for an earlier destination has been delivered.
        if (pause && gathered.apart->is_empty() && gathered.apart->version() != now.version)
            gathered = {};
        return pause;
    }
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

// ---- buffers apart ------------------------------------------------------------------------------

Result<Milliseconds> Deliveries::Worker::turn_apart(PartitionBuffers& buffers,
                                                    const DeliveryState& now) {
    const Destination destination = TRY(parse_destination(buffers.config()));
    const bool is_current = buffers.version() == now.version;
    // Of an earlier destination only what was begun is delivered to it.
    const bool has_more = (is_current || !buffers.is_caught_up())
                              ? TRY(gather_apart(buffers, destination, is_current))
                              : false;
    if (!buffers.is_caught_up()) return Milliseconds{0};
    const std::int64_t now_ms = clock_.unix_ms();
    const auto due = is_current ? buffers.due(destination, now_ms) : buffers.all();
    if (!due.empty()) {
        TRY(change([&](DeliveryState& state) -> Result<void> {
            buffers.plan(due, now_ms, state);
            return {};
        }));
        return Milliseconds{0};
    }
    if (has_more || !is_current) return Milliseconds{0};
    return buffers.is_empty() ? idle_most : std::min(buffers.left(destination, now_ms), idle_most);
}

Result<bool> Deliveries::Worker::gather_apart(PartitionBuffers& buffers,
                                              const Destination& destination, bool takes_new) {
    bool has_more = false;
    for (const std::uint32_t shard : TRY(shards())) {
        auto records = TRY(read(shard, buffers.next(shard), scan_bytes));
        if (!takes_new)
            std::erase_if(records, [&](const queue::Record& record) {
                return record.sequence_number >= buffers.known_until(shard);
            });
        // What a stream no longer keeps is not waited for.
        if (records.empty() && buffers.next(shard) < buffers.known_until(shard))
            TRY(buffers.note(shard, buffers.known_until(shard), {}, {}));
        if (records.empty()) continue;
        has_more = true;
        const std::uint64_t to = records.back().sequence_number + 1;
        const auto raw = raw_of(shard, std::move(records));
        const auto places = TRY(places_of(name_of({}), destination, raw));
        TRY(buffers.note(shard, to, raw, places));
    }
    return has_more;
}

// ---- a batch ------------------------------------------------------------------------------------

BatchName Deliveries::Worker::name_of(const Plan& plan) const {
    const DeliveryState now = state();
    return {.delivery = now.name,
            .delivery_id = now.id,
            .version = plan.version,
            .range = plan.text(),
            .planned_ms = plan.planned_ms,
            .arn = fmt::format("arn:aws:firehose:{}:{}:deliverystream/{}", options_.region,
                               options_.account, now.name),
            .region = options_.region,
            .given_up = plan.given_up,
            .attempts = attempts_};
}

/// Of chosen buffers only the records that hold something of theirs.
Result<std::vector<RawRecord>> Deliveries::Worker::records_of(const Plan& plan,
                                                              const Destination& destination,
                                                              const Chosen* chosen) {
    std::vector<RawRecord> found;
    for (const Range& range : plan.ranges)
        for (std::uint64_t from = range.from; from < range.to;) {
            auto records = TRY(read(range.shard, from, scan_bytes));
            if (records.empty()) break;
            from = records.back().sequence_number + 1;
            std::erase_if(records, [&](const queue::Record& record) {
                return record.sequence_number >= range.to;
            });
            auto raw = raw_of(range.shard, std::move(records));
            if (chosen) TRY(keep_holding(name_of(plan), *chosen, destination, raw));
            std::ranges::move(raw, std::back_inserter(found));
        }
    return found;
}

Result<Batch> Deliveries::Worker::prepared(const Plan& plan, const Destination& destination) {
    const bool may_differ = !destination.transform.empty();
    if (may_differ)
        if (const auto text = read_file(folder_ / prepared_file, prepared_bytes_max))
            if (auto batch = parse_batch(*text, plan.text() + plan.given_up))
                return *std::move(batch);
    std::optional<Chosen> chosen;
    if (plan.open) chosen = Chosen{.from = plan.buffers, .forced = plan.open->forced};
    BatchTools tools = options_.tools;
    tools.scratch = folder_;
    const auto records =
        TRY_WITH(records_of(plan, destination, chosen ? &*chosen : nullptr), "reading records");
    auto batch =
        TRY(make_batch(name_of(plan), destination, records, tools, chosen ? &*chosen : nullptr));
    if (may_differ)
        TRY(replace_file(folder_ / prepared_file,
                         as_bytes(batch_text(batch, plan.text() + plan.given_up))));
    return batch;
}

Result<void> Deliveries::Worker::deliver(const Plan& plan) {
    const Destination destination = TRY(parse_destination(plan.config));
    const Batch batch = TRY(prepared(plan, destination));
    if (!batch.posts.empty() && !options_.post)
        return fail(ErrorCode::unavailable, "nothing is posted to HTTP endpoints here");
    if (!batch.manifest.empty() && !copy_)
        return fail(ErrorCode::unavailable,
                    "tables are copied into by the SQL port: start it with --postgres");
    for (const MadeObject& object : batch.objects) TRY(sink_.put_if_absent(object));
    if (const auto handed = hand_over(plan, destination, batch); !handed)
        return give_up(plan, destination, handed.error());
    TRY(commit(plan));
    attempts_ = 0;
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

// ---- endpoints and tables -----------------------------------------------------------------------

Result<void> Deliveries::Worker::hand_over(const Plan& plan, const Destination& destination,
                                           const Batch& batch) {
    for (const Post& post : batch.posts) {
        const std::string answer =
            TRY(options_.post(endpoint_call(*destination.http, post, name_of(plan).arn)));
        if (!endpoint_took(answer, post.id))
            return fail(ErrorCode::unavailable, fmt::format("{} answered without the requestId {}",
                                                            destination.http->url, post.id));
    }
    if (batch.manifest.empty() || !destination.warehouse) return {};
    const DeliveryState now = state();
    return copy_({.owner = now.owner,
                  .delivery = now.id,
                  .batch = batch.manifest,
                  .table = *destination.warehouse,
                  .manifest = fmt::format("s3://{}/{}", destination.bucket, batch.manifest),
                  .gzip = destination.compression == Compression::gzip});
}

/// Fails until the time for trying is over; then the plan goes on without the endpoint.
Result<void> Deliveries::Worker::give_up(const Plan& plan, const Destination& destination,
                                         const Error& error) {
    ++attempts_;
    const std::int64_t last = plan.planned_ms + destination.retry_time.count();
    if (clock_.unix_ms() < last) return fail(error);
    log(LogLevel::warning, "a delivery gives a batch up",
        {{"delivery", state().name}, {"error", error.message}});
    return change([&](DeliveryState& state) -> Result<void> {
        state.plan->given_up = error.message.empty() ? "no answer" : error.message;
        return {};
    });
}

Result<void> Deliveries::Worker::commit(const Plan& plan) {
    TRY(change([&](DeliveryState& state) -> Result<void> {
        note_delivered(state);
        return {};
    }));
    TRY(remove_file(folder_ / prepared_file));
    if (log_) {
        const DeliveryState now = state();
        for (const Range& range : plan.ranges) TRY(log_->trim(0, now.cursors.at(range.shard)));
    }
    return {};
}

}  // namespace stroma::delivery
