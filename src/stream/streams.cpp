#include "stream/streams.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>

#include "base/digest.h"
#include "base/log.h"

namespace stroma::stream {
namespace {

constexpr std::string_view state_file = "stream.json";
constexpr std::string_view secret_file = "secret";
constexpr std::size_t read_bytes_max = 10u << 20;
constexpr std::int64_t second_records_max = 1000, second_bytes_max = 1 << 20;
constexpr std::int64_t second_reads_max = 5, second_read_bytes_max = 2 << 20;

/// What a shard took and gave in one second.
struct Second {
    std::int64_t second = 0, records = 0, bytes = 0, reads = 0, read_bytes = 0;
    void begin(std::int64_t now_ms) {
        if (second != now_ms / 1000) *this = {.second = now_ms / 1000};
    }
};

/// The worst of this half minute and of the one before it.
struct Lag {
    static constexpr std::int64_t window_ms = 30'000;
    std::int64_t window = 0;
    std::optional<Behind> now, before;

    void turn(std::int64_t now_ms) {
        const std::int64_t at = now_ms / window_ms;
        if (at == window) return;
        before = at == window + 1 ? now : std::nullopt;
        now.reset();
        window = at;
    }
    void note(const Behind& behind, std::int64_t now_ms) {
        turn(now_ms);
        if (!now) now.emplace();
        now->records = std::max(now->records, behind.records);
        now->ms = std::max(now->ms, behind.ms);
    }
    std::optional<Behind> worst(std::int64_t now_ms) {
        turn(now_ms);
        if (!now || !before) return now ? now : before;
        return Behind{std::max(now->records, before->records), std::max(now->ms, before->ms)};
    }
};

struct Route {
    HashKey last = 0;
    std::uint32_t shard = 0;
};

Error no_stream(std::string_view name) {
    return {ErrorCode::not_found, fmt::format("there is no stream '{}'", name)};
}

}  // namespace

struct Streams::Open {
    fs::path folder;
    std::unique_ptr<queue::GrowingStream> log;

    // Puts hold `routes` shared while they append; who changes shards holds it alone. Puts pass
    // `gate` first, so that a change of shards isn't kept waiting by puts that come later.
    std::mutex gate;
    std::shared_mutex routes;
    std::shared_ptr<const StreamInfo> info;  // read and replaced by atomic_load, atomic_store
    std::vector<Route> open;                 // by range

    std::mutex limits;
    std::vector<Second> seconds;

    std::mutex waiting;
    std::condition_variable_any arrived;
    std::uint64_t puts = 1;

    struct Subscription {
        std::uint64_t number = 0;
        std::int64_t begun_ms = 0;
    };
    std::mutex subscribing;
    std::map<std::pair<std::string, std::uint32_t>, Subscription> subscriptions;

    HotKeys hot_keys;
    std::mutex lag_mutex;
    Lag lag;
    std::atomic<std::uint64_t> records_in{0}, bytes_in{0}, records_out{0}, bytes_out{0},
        throttled{0};

    std::shared_ptr<const StreamInfo> now() const { return std::atomic_load(&info); }
    Result<void> store(StreamInfo changed);
    void take(StreamInfo changed);
    std::uint32_t shard_of(HashKey key) const {
        return std::ranges::lower_bound(open, key, {}, &Route::last)->shard;
    }
    void tell();
};

/// Writes the state down; it counts once `take` is called.
Result<void> Streams::Open::store(StreamInfo changed) {
    TRY(replace_file(folder / state_file, as_bytes(stream_json(changed))));
    take(std::move(changed));
    return {};
}

void Streams::Open::take(StreamInfo changed) {
    open.clear();
    for (const Shard& shard : changed.shards)
        if (shard.is_open()) open.push_back({shard.last, shard.index});
    std::ranges::sort(open, {}, &Route::last);
    std::atomic_store(&info, std::make_shared<const StreamInfo>(std::move(changed)));
}

void Streams::Open::tell() {
    const std::lock_guard lock(waiting);
    ++puts;
    arrived.notify_all();
}

// ---- opening ------------------------------------------------------------------------------------

Streams::Streams(const StreamsOptions& options, OpenLog open_log, const Clock& clock, IdSource& ids)
    : options_(options), open_log_(std::move(open_log)), clock_(clock), ids_(ids) {}
Streams::~Streams() = default;

Result<std::unique_ptr<Streams>> Streams::open(const StreamsOptions& options, OpenLog open_log,
                                               const Clock& clock, IdSource& ids) {
    std::unique_ptr<Streams> streams(new Streams(options, std::move(open_log), clock, ids));
    TRY(streams->load());
    return streams;
}

Result<void> Streams::load() {
    TRY(make_folders(options_.folder));
    auto secret = read_file(options_.folder / secret_file);
    if (!secret && secret.error().code != ErrorCode::not_found)
        return fail(std::move(secret.error()));
    secret_ = secret ? *secret : ids_.secret(32);
    if (!secret) TRY(replace_file(options_.folder / secret_file, as_bytes(secret_)));
    std::vector<fs::path> folders;
    std::error_code failed;
    for (fs::directory_iterator entry(options_.folder, failed), end; !failed && entry != end;
         entry.increment(failed))
        if (entry->is_directory()) folders.push_back(entry->path());
    if (failed) return fail(error_from_errno("listing", options_.folder.string(), failed.value()));
    for (const fs::path& folder : folders) TRY(load_folder(folder));
    return {};
}

Result<void> Streams::load_folder(const fs::path& folder) {
    const auto text = read_file(folder / state_file);
    if (!text && text.error().code == ErrorCode::not_found) {
        // Its making or its removal was cut short.
        std::error_code failed;
        fs::remove_all(folder, failed);
        return {};
    }
    if (!text) return fail(text.error());
    auto stream = std::make_shared<Open>();
    stream->folder = folder;
    stream->take(TRY_WITH(parse_stream(*text), folder.string()));
    TRY(open_its_log(*stream));
    streams_[stream->now()->name] = stream;
    return {};
}

Result<void> Streams::open_its_log(Open& stream) {
    const auto info = stream.now();
    stream.log = TRY(open_log_(stream.folder / "records",
                               {.shards = static_cast<int>(info->shards.size()),
                                .retention = Milliseconds{info->retention_hours * 3'600'000LL},
                                .identity = checksum64(as_bytes(info->id))}));
    return {};
}

// ---- streams ------------------------------------------------------------------------------------

Result<std::shared_ptr<Streams::Open>> Streams::opened(std::string_view name) {
    std::shared_ptr<Open> found;
    {
        const std::shared_lock lock(mutex_);
        const auto at = streams_.find(name);
        if (at == streams_.end()) return fail(no_stream(name));
        found = at->second;
    }
    const auto info = found->now();
    if (info->changing == Status::deleting && clock_.unix_ms() >= info->changing_until_ms) {
        TRY(forget(found));
        return fail(no_stream(name));
    }
    return found;
}

Result<std::shared_ptr<Streams::Open>> Streams::opened_as(const Position& position) {
    auto stream = TRY(opened(position.stream));
    if (stream->now()->id != position.id)
        return fail(ErrorCode::conflict,
                    fmt::format("the stream '{}' was made anew", position.stream));
    return stream;
}

Result<void> Streams::forget(const std::shared_ptr<Open>& stream) {
    const std::unique_lock lock(mutex_);
    const auto at = streams_.find(stream->now()->name);
    if (at == streams_.end() || at->second != stream) return {};
    TRY(remove_file(stream->folder / state_file));
    TRY(sync_folder(stream->folder));
    streams_.erase(at);
    std::error_code failed;  // what stays is removed at the next start
    fs::remove_all(stream->folder, failed);
    return {};
}

Result<void> Streams::create(std::string_view name, std::string_view owner, int shards,
                             bool on_demand, std::map<std::string, std::string> tags) {
    if (const auto there = opened(name); there)
        return fail(ErrorCode::already_exists, fmt::format("there is a stream '{}'", name));
    const std::unique_lock lock(mutex_);
    if (streams_.contains(name))
        return fail(ErrorCode::already_exists, fmt::format("there is a stream '{}'", name));
    const std::int64_t now = clock_.unix_ms();
    StreamInfo info;
    info.name = name;
    info.owner = owner;
    info.id = ids_.uuid();
    info.created_ms = now;
    info.shards = equal_shards(shards, now);
    info.on_demand = on_demand;
    info.tags = std::move(tags);
    info.changing_until_ms = now + options_.transition.count();
    auto stream = std::make_shared<Open>();
    stream->folder = options_.folder / info.id;
    TRY(make_folders(stream->folder));
    stream->take(info);
    TRY(open_its_log(*stream));
    TRY(stream->store(std::move(info)));
    TRY(sync_folder(options_.folder));
    streams_[std::string(name)] = std::move(stream);
    return {};
}

Result<void> Streams::remove(std::string_view name) {
    const auto stream = TRY(opened(name));
    if (options_.transition.count() == 0) return forget(stream);
    return change(name, [&](StreamInfo& info) -> Result<void> {
        info.changing = Status::deleting;
        info.changing_until_ms = clock_.unix_ms() + options_.transition.count();
        return {};
    });
}

std::vector<std::string> Streams::names() {
    std::vector<std::string> told;
    std::vector<std::string> known;
    {
        const std::shared_lock lock(mutex_);
        for (const auto& [name, stream] : streams_) known.push_back(name);
    }
    for (std::string& name : known)
        if (opened(name)) told.push_back(std::move(name));
    return told;
}

Result<std::shared_ptr<const StreamInfo>> Streams::find(std::string_view name) {
    return TRY(opened(name))->now();
}

Result<Traffic> Streams::traffic(std::string_view name) {
    const auto stream = TRY(opened(name));
    Traffic traffic{.records_in = stream->records_in,
                    .bytes_in = stream->bytes_in,
                    .records_out = stream->records_out,
                    .bytes_out = stream->bytes_out,
                    .throttled = stream->throttled,
                    .stored_bytes = stream->log->stored_bytes(),
                    .behind = {},
                    .hot_key = stream->hot_keys.latest(),
                    .hot_seconds = stream->hot_keys.seconds()};
    const std::lock_guard lock(stream->lag_mutex);
    traffic.behind = stream->lag.worst(clock_.unix_ms());
    return traffic;
}

Result<void> Streams::change(std::string_view name,
                             const std::function<Result<void>(StreamInfo&)>& edit) {
    return reshard(name, [&](StreamInfo& info, const ShardEnd&) { return edit(info); });
}

Result<void> Streams::reshard(
    std::string_view name, const std::function<Result<void>(StreamInfo&, const ShardEnd&)>& edit) {
    const auto stream = TRY(opened(name));
    {
        const std::lock_guard gate(stream->gate);
        const std::unique_lock alone(stream->routes);
        StreamInfo changed = *stream->now();
        const ShardEnd end_of = [&](std::uint32_t shard) -> Result<std::uint64_t> {
            return TRY(stream->log->tip(static_cast<int>(shard))).end;
        };
        TRY(edit(changed, end_of));
        TRY(stream->log->grow(static_cast<int>(changed.shards.size())));
        stream->log->retain(Milliseconds{changed.retention_hours * 3'600'000LL});
        TRY(stream->store(std::move(changed)));
    }
    stream->tell();
    return {};
}

Result<std::optional<std::uint64_t>> Streams::subscribe(std::string_view name,
                                                        std::string_view consumer,
                                                        std::uint32_t shard) {
    constexpr std::int64_t again_after_ms = 5000;
    const auto stream = TRY(opened(name));
    std::uint64_t number = 0;
    {
        const std::lock_guard lock(stream->subscribing);
        auto& subscription = stream->subscriptions[{std::string(consumer), shard}];
        const std::int64_t now = clock_.steady_ms();
        if (subscription.number != 0 && now - subscription.begun_ms < again_after_ms)
            return std::nullopt;
        subscription.begun_ms = now;
        number = ++subscription.number;
    }
    stream->tell();  // whoever was subscribed looks
    return number;
}

bool Streams::is_subscribed(std::string_view name, std::string_view consumer, std::uint32_t shard,
                            std::uint64_t subscription) {
    const auto stream = opened(name);
    if (!stream) return false;
    const std::lock_guard lock((*stream)->subscribing);
    const auto found = (*stream)->subscriptions.find({std::string(consumer), shard});
    return found != (*stream)->subscriptions.end() && found->second.number == subscription;
}

Result<void> Streams::copy_to(const fs::path& folder) {
    TRY(make_folders(folder));
    TRY(replace_file(folder / secret_file, as_bytes(secret_)));
    for (const std::string& name : names()) {
        const auto found = opened(name);
        if (!found) continue;  // removed meanwhile
        const auto& stream = *found;
        std::string state;
        queue::CopyLog copy_log;
        {
            // Shards don't change in between; records may come.
            const std::shared_lock shared(stream->routes);
            state = stream_json(*stream->now());
            copy_log = TRY(stream->log->copy_of_now());
        }
        const fs::path to = folder / stream->folder.filename();
        TRY(make_folders(to));
        TRY(copy_log(to / "records"));
        TRY(replace_file(to / state_file, as_bytes(state)));
    }
    return {};
}

void Streams::tidy() {
    for (const std::string& name : names()) {
        const auto stream = opened(name);
        if (!stream) continue;
        if (const auto dropped = (*stream)->log->drop_expired(); !dropped)
            log(LogLevel::warning, "dropping expired records failed",
                {{"stream", name}, {"error", dropped.error().message}});
    }
}

// ---- records ------------------------------------------------------------------------------------

Result<void> Streams::put(std::string_view name, std::span<NewRecord> records) {
    const auto stream = TRY(opened(name));
    std::vector<queue::Arrival> arrivals;
    arrivals.reserve(records.size());
    {
        std::unique_lock gate(stream->gate);
        const std::shared_lock shared(stream->routes);
        gate.unlock();
        const auto info = stream->now();
        const std::int64_t now = clock_.unix_ms();
        const Status status = info->status(now);
        if (status == Status::creating || status == Status::deleting) return fail(no_stream(name));
        std::unique_lock limits(stream->limits, std::defer_lock);
        if (options_.limits) {
            limits.lock();
            stream->seconds.resize(info->shards.size());
        }
        std::uint64_t bytes = 0;
        for (NewRecord& record : records) {
            record.shard =
                stream->shard_of(record.hash ? *record.hash : hash_of(record.partition_key));
            const auto size =
                static_cast<std::int64_t>(record.data.size() + record.partition_key.size());
            if (options_.limits) {
                Second& second = stream->seconds[record.shard];
                second.begin(now);
                record.throttled = second.records + 1 > second_records_max ||
                                   second.bytes + size > second_bytes_max;
                if (record.throttled) {
                    ++stream->throttled;
                    continue;
                }
                ++second.records;
                second.bytes += size;
            }
            bytes += static_cast<std::uint64_t>(size);
            arrivals.push_back({.shard = static_cast<int>(record.shard),
                                .partition_key = record.partition_key,
                                .data = record.data});
        }
        if (options_.limits) limits.unlock();
        const std::int64_t arrived = TRY(stream->log->append_each(arrivals));
        std::size_t a = 0;
        for (NewRecord& record : records)
            if (!record.throttled)
                record.number =
                    info->shards[record.shard].number(arrivals[a++].sequence_number, arrived);
        stream->records_in += arrivals.size();
        stream->bytes_in += bytes;
    }
    stream->hot_keys.note(records, clock_.unix_ms());
    stream->tell();
    return {};
}

Result<Reading> Streams::read(const Position& position, int most) {
    const auto stream = TRY(opened_as(position));
    // What is closed in between has nothing behind its end; asking first misses nothing.
    Reading reading{.stream = stream->now()};
    if (position.shard >= reading.stream->shards.size())
        return fail(ErrorCode::not_found, fmt::format("the stream '{}' has no shard {}",
                                                      position.stream, position.shard));
    const Shard& shard = reading.stream->shards[position.shard];
    const std::int64_t now = clock_.unix_ms();
    if (options_.limits) {
        const std::lock_guard lock(stream->limits);
        stream->seconds.resize(reading.stream->shards.size());
        Second& second = stream->seconds[position.shard];
        second.begin(now);
        if (second.reads + 1 > second_reads_max || second.read_bytes >= second_read_bytes_max)
            return fail(ErrorCode::exhausted, "the shard is read too often");
        ++second.reads;
    }
    const int number = static_cast<int>(position.shard);
    reading.records = TRY(stream->log->read_within(number, position.from, most, read_bytes_max));
    const queue::ShardTip tip = TRY(stream->log->tip(number));
    std::uint64_t bytes = 0;
    for (const queue::Record& record : reading.records)
        bytes += record.data.size() + record.partition_key.size();
    stream->records_out += reading.records.size();
    stream->bytes_out += bytes;
    if (options_.limits) {
        const std::lock_guard lock(stream->limits);
        stream->seconds[position.shard].read_bytes += static_cast<std::int64_t>(bytes);
    }
    reading.next = reading.records.empty() ? std::max<std::uint64_t>(position.from, 1)
                                           : reading.records.back().sequence_number + 1;
    if (!reading.records.empty() && reading.next < tip.end)
        reading.millis_behind = std::max<std::int64_t>(0, now - reading.records.back().arrived_ms);
    if (!shard.is_open()) {
        // Nothing was given although there is an end further on: all of it has expired.
        if (reading.records.empty()) reading.next = std::max(reading.next, shard.end);
        reading.drained = reading.next >= shard.end;
    }
    const std::lock_guard lock(stream->lag_mutex);
    stream->lag.note({tip.end > reading.next ? tip.end - reading.next : 0, reading.millis_behind},
                     now);
    return reading;
}

Result<std::vector<queue::Record>> Streams::read_log(std::string_view name, std::uint32_t shard,
                                                     std::uint64_t from, int most,
                                                     std::size_t bytes_most) {
    return TRY(opened(name))->log->read_within(static_cast<int>(shard), from, most, bytes_most);
}

Result<std::uint64_t> Streams::first_since(std::string_view name, std::uint32_t shard,
                                           std::int64_t unix_ms) {
    return TRY(opened(name))->log->first_since(static_cast<int>(shard), unix_ms);
}

Result<queue::ShardTip> Streams::tip(std::string_view name, std::uint32_t shard) {
    return TRY(opened(name))->log->tip(static_cast<int>(shard));
}

std::uint64_t Streams::wait_for_change(std::string_view name, std::uint64_t seen, Milliseconds wait,
                                       const std::stop_token& left) {
    const auto stream = opened(name);
    if (!stream) return seen;
    std::unique_lock lock((*stream)->waiting);
    (*stream)->arrived.wait_for(lock, left, wait, [&] { return (*stream)->puts != seen; });
    return (*stream)->puts;
}

}  // namespace stroma::stream
