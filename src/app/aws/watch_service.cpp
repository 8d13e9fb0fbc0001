#include "app/aws/watch_service.h"

#include <fmt/format.h>

#include "base/log.h"
#include "base/metrics.h"

namespace stroma::app {
namespace {

using watch::Crossing;
using watch::FlowKind;
using watch::Stand;

/// For how long after its last hot second a key is told of.
constexpr std::int64_t hot_seconds = 30;

std::string arn_of(const Settings& settings, const char* service, const char* type,
                   const std::string& name) {
    return fmt::format("arn:aws:{}:{}:{}:{}/{}", service, settings.text("aws.region"),
                       settings.text("aws.account"), type, name);
}

void note_hot_key(const stream::Traffic& traffic, std::int64_t now_ms, Stand& stand) {
    if (!traffic.hot_key || now_ms / 1000 - traffic.hot_key->second > hot_seconds) return;
    stand.has_hot_key = true;
    stand.note =
        fmt::format("hot key '{}': {:.1f} MB in a second; a shard takes 1 MB/s",
                    traffic.hot_key->key, static_cast<double>(traffic.hot_key->bytes) / 1e6);
}

watch::Source streams_of(stream::Streams& streams, const Settings& settings) {
    return [&streams, settings](std::vector<Stand>& stands) -> Result<void> {
        for (const std::string& name : streams.names()) {
            const auto info = streams.find(name);
            const auto traffic = streams.traffic(name);
            if (!info || !traffic) continue;  // removed meanwhile
            Stand stand{.kind = FlowKind::stream,
                        .name = name,
                        .owner = (*info)->owner,
                        .arn = arn_of(settings, "kinesis", "stream", name),
                        .in = traffic->records_in,
                        .out = traffic->records_out,
                        .bytes_in = traffic->bytes_in,
                        .errors = traffic->throttled,
                        .waiting = {},
                        .note = {}};
            if (traffic->behind) {
                stand.waiting = static_cast<std::int64_t>(traffic->behind->records);
                stand.age_ms = traffic->behind->ms;
            }
            note_hot_key(*traffic, streams.now_ms(), stand);
            stands.push_back(std::move(stand));
        }
        return {};
    };
}

watch::Source deliveries_of(delivery::Deliveries& deliveries, const Clock& clock,
                            const Settings& settings) {
    return [&deliveries, &clock, settings](std::vector<Stand>& stands) -> Result<void> {
        for (const std::string& name : deliveries.names()) {
            const auto state = deliveries.find(name);
            const auto stats = deliveries.stats(name);
            if (!state || !stats) continue;
            const std::uint64_t done = stats->delivered + stats->refused + stats->dropped;
            stands.push_back(
                {.kind = FlowKind::delivery,
                 .name = name,
                 .owner = state->owner,
                 .arn = arn_of(settings, "firehose", "deliverystream", name),
                 .in = done + stats->waiting,
                 .out = done,
                 .errors = stats->failures + stats->refused,
                 .waiting = static_cast<std::int64_t>(stats->waiting),
                 .age_ms = stats->oldest_ms == 0
                               ? 0
                               : std::max<std::int64_t>(0, clock.unix_ms() - stats->oldest_ms),
                 .note = stats->last_error});
        }
        return {};
    };
}

watch::Source queues_of(message::Queues& queues) {
    return [&queues](std::vector<Stand>& stands) -> Result<void> {
        for (const message::QueuePointer& queue : queues.list()) {
            const message::QueueCounts counts = TRY(queues.counts(*queue));
            const message::QueueTraffic traffic = message::Queues::traffic(*queue);
            stands.push_back({.kind = FlowKind::queue,
                              .name = queue->name,
                              .owner = queue->owner,
                              .arn = queue->arn,
                              .in = traffic.sent,
                              .out = traffic.received,
                              .errors = traffic.dead_lettered,
                              .waiting = counts.visible + counts.in_flight + counts.delayed,
                              .age_ms = counts.oldest_age_ms,
                              .note = {}});
        }
        return {};
    };
}

watch::Source rules_of(event::Events& events) {
    return [&events](std::vector<Stand>& stands) -> Result<void> {
        for (const event::RuleLoad& load : TRY(events.rule_loads())) {
            const Json& attributes = load.rule->attributes;
            stands.push_back({.kind = FlowKind::rule,
                              .name = load.rule->bus + "/" + load.rule->name,
                              .owner = load.rule->owner,
                              .arn = load.rule->arn,
                              .in = load.matched,
                              .out = load.handed,
                              .errors = load.failed,
                              .waiting = load.waiting,
                              .age_ms = load.oldest_age_ms,
                              .note = attributes.contains("SuspendedBecause")
                                          ? "suspended: its events lead back to itself"
                                          : ""});
        }
        return {};
    };
}

event::Event event_of(const Crossing& crossing) {
    event::Event event;
    event.source = "stroma.watch";
    event.detail_type = crossing.is_over ? "Threshold Passed" : "Threshold Back To Normal";
    event.resources = {crossing.arn};
    event.detail = {{"kind", watch::name_of(crossing.kind)},
                    {"name", crossing.name},
                    {"measure", watch::name_of(crossing.measure)},
                    {"value", crossing.value},
                    {"threshold", crossing.threshold},
                    {"note", crossing.note}};
    return event;
}

watch::Tell telling(event::Events& events) {
    return [&events](const Crossing& crossing) -> Result<void> {
        const event::Event event = event_of(crossing);
        for (const auto& published : events.publish(std::span(&event, 1))) TRY(published);
        gauge("stroma_watch_threshold_passed", "1 where a threshold of watch.… is passed",
              {{"kind", std::string(watch::name_of(crossing.kind))},
               {"name", crossing.name},
               {"measure", std::string(watch::name_of(crossing.measure))}})
            .set(crossing.is_over ? 1 : 0);
        log(crossing.is_over ? LogLevel::warning : LogLevel::info, event.detail_type,
            {{"kind", std::string(watch::name_of(crossing.kind))},
             {"name", crossing.name},
             {"measure", std::string(watch::name_of(crossing.measure))},
             {"value", std::to_string(crossing.value)}});
        return {};
    };
}

}  // namespace

std::unique_ptr<watch::Watcher> make_watcher(Watched watched, const Settings& settings,
                                             const fs::path& file, const Clock& clock) {
    watch::WatcherOptions options{
        .thresholds = {}, .interval = settings.duration("watch.interval"), .file = file};
    for (const FlowKind kind : watch::flow_kinds) {
        const std::string of = fmt::format("watch.{}.", watch::name_of(kind));
        options.thresholds[kind] = {.age_ms = settings.duration(of + "age").count(),
                                    .waiting = settings.number(of + "waiting"),
                                    .errors = settings.number(of + "errors")};
    }
    return std::make_unique<watch::Watcher>(
        std::move(options),
        std::vector<watch::Source>{streams_of(watched.streams, settings),
                                   deliveries_of(watched.deliveries, clock, settings),
                                   queues_of(watched.queues), rules_of(watched.events)},
        telling(watched.events), clock);
}

Result<void> publish_streams(Watched watched) {
    const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
    for (const std::string& name : watched.streams.names()) {
        const auto traffic = watched.streams.traffic(name);
        if (!traffic) continue;
        const Labels labels = {{"stream", name}};
        const auto count = [&](const char* metric, const char* help, std::uint64_t sum) {
            Counter& known = counter(metric, help, labels);
            known.add(std::max(0.0, number(sum) - known.value()));
        };
        const auto set = [&](const char* metric, const char* help, double value) {
            gauge(metric, help, labels).set(value);
        };
        count("stroma_stream_records_in_total", "Records put on a stream", traffic->records_in);
        count("stroma_stream_bytes_in_total", "Bytes put on a stream", traffic->bytes_in);
        count("stroma_stream_records_out_total", "Records read from a stream",
              traffic->records_out);
        count("stroma_stream_throttled_total", "Records refused by a stream's limits",
              traffic->throttled);
        count("stroma_stream_hot_key_seconds_total",
              "Seconds in which one key brought more than 1 MB to a stream", traffic->hot_seconds);
        set("stroma_stream_stored_bytes", "What a stream takes on disk",
            number(traffic->stored_bytes));
        const stream::Behind behind = traffic->behind.value_or(stream::Behind{});
        set("stroma_stream_behind_records",
            "Records that readers are behind, at the worst of the last minute",
            number(behind.records));
        set("stroma_stream_behind_seconds",
            "Time that readers are behind, at the worst of the last minute",
            static_cast<double>(behind.ms) / 1000);
    }
    for (const std::string& name : watched.deliveries.names()) {
        const auto stats = watched.deliveries.stats(name);
        if (!stats) continue;
        const Labels labels = {{"delivery", name}};
        gauge("stroma_delivery_waiting", "Records not yet delivered", labels)
            .set(number(stats->waiting));
        const std::int64_t age =
            stats->oldest_ms == 0 ? 0 : watched.streams.now_ms() - stats->oldest_ms;
        gauge("stroma_delivery_oldest_seconds", "Age of the oldest record not yet delivered",
              labels)
            .set(static_cast<double>(age) / 1000);
    }
    return {};
}

}  // namespace stroma::app
