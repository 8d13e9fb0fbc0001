#include "watch/watcher.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/log.h"

namespace stroma::watch {
namespace {

constexpr std::int64_t rate_window_ms = 10'000, history_ms = 60'000, fresh_ms = 1000;

constexpr std::array<Measure, 4> measures = {Measure::age, Measure::waiting, Measure::errors,
                                             Measure::hot_key};

std::uint64_t risen(std::uint64_t now, std::uint64_t before) {
    return now > before ? now - before : 0;  // what was made anew counts from its beginning
}

}  // namespace

std::string_view name_of(FlowKind kind) {
    constexpr std::array<std::string_view, 5> names = {"stream", "delivery", "queue", "rule",
                                                       "stage"};
    return names[static_cast<std::size_t>(kind)];
}

std::string_view name_of(Measure measure) {
    constexpr std::array<std::string_view, 4> names = {"age", "waiting", "errors", "hot_key"};
    return names[static_cast<std::size_t>(measure)];
}

Watcher::Watcher(WatcherOptions options, std::vector<Source> sources, Tell tell, const Clock& clock)
    : options_(std::move(options)),
      tell_(std::move(tell)),
      clock_(clock),
      sources_(std::move(sources)),
      began_ms_(clock.steady_ms()) {
    recall();
}

Watcher::~Watcher() { stop(); }

void Watcher::add(Source source) {
    const std::lock_guard lock(looking_);
    sources_.push_back(std::move(source));
}

void Watcher::start() {
    thread_ = std::jthread([this](const std::stop_token& stopping) {
        std::mutex mutex;
        std::condition_variable_any stopped;
        std::unique_lock lock(mutex);
        do {
            if (const auto looked = look(); !looked)
                log(LogLevel::warning, "not everything could be watched",
                    {{"error", looked.error().message}});
        } while (!stopped.wait_for(lock, stopping, options_.interval, [] { return false; }) &&
                 !stopping.stop_requested());
    });
}

void Watcher::stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
}

Result<std::shared_ptr<const Watcher::Flows>> Watcher::flows() {
    bool is_fresh = false;
    {
        const std::lock_guard lock(looking_);
        is_fresh = looked_ms_ != 0 && clock_.steady_ms() - looked_ms_ < fresh_ms;
    }
    if (!is_fresh) TRY(look());
    const std::lock_guard lock(mutex_);
    return flows_;
}

/// Rates over what the looks of the last ten seconds tell; the last look alone tells none.
Flow Watcher::flow_of(Stand stand, std::int64_t now) const {
    Flow flow;
    const Key key{stand.kind, stand.name};
    const auto has = [&](const Look& look) { return look.sums.contains(key); };
    const auto oldest = std::ranges::find_if(looks_, has);
    const auto recent = std::ranges::find_if(
        looks_, [&](const Look& look) { return now - look.at_ms <= rate_window_ms && has(look); });
    if (oldest != looks_.end())
        flow.errors_lately = risen(stand.errors, oldest->sums.at(key).errors);
    if (recent != looks_.end() && now > recent->at_ms) {
        const Sums& before = recent->sums.at(key);
        const double seconds = static_cast<double>(now - recent->at_ms) / 1000;
        flow.in_rate = static_cast<double>(risen(stand.in, before.in)) / seconds;
        flow.out_rate = static_cast<double>(risen(stand.out, before.out)) / seconds;
        flow.bytes_rate = static_cast<double>(risen(stand.bytes_in, before.bytes_in)) / seconds;
    }
    flow.stand = std::move(stand);
    return flow;
}

void Watcher::judge(Flow& flow, std::map<Alarm, Crossing>& over) const {
    const auto found = options_.thresholds.find(flow.stand.kind);
    const Thresholds limits = found == options_.thresholds.end() ? Thresholds{} : found->second;
    const auto check = [&](Measure measure, std::int64_t value, std::int64_t limit) {
        if (limit <= 0 || value < limit) return;
        flow.is_alarmed = true;
        over[{{flow.stand.kind, flow.stand.name}, measure}] = {
            flow.stand.kind, flow.stand.name, flow.stand.arn, measure, true,
            value,           limit,           flow.stand.note};
    };
    check(Measure::age, flow.stand.age_ms, limits.age_ms);
    check(Measure::waiting, flow.stand.waiting.value_or(0), limits.waiting);
    check(Measure::errors, static_cast<std::int64_t>(flow.errors_lately), limits.errors);
    check(Measure::hot_key, flow.stand.has_hot_key ? 1 : 0, 1);
}

/// What has been told stays; what couldn't be told is tried again.
void Watcher::tell_changes(std::map<Alarm, Crossing> over) {
    const auto told = [&](const Crossing& crossing) {
        const auto done = tell_ ? tell_(crossing) : Result<void>{};
        if (!done)
            log(LogLevel::warning, "a threshold could not be told of",
                {{"name", crossing.name}, {"error", done.error().message}});
        return done.has_value();
    };
    const auto before = alarms_;
    if (clock_.steady_ms() - began_ms_ >= history_ms) recalled_.clear();
    for (const auto& [alarm, crossing] : over) recalled_.erase(alarm);
    std::erase_if(alarms_, [&](auto& alarm) {
        if (over.contains(alarm.first) || recalled_.contains(alarm.first)) return false;
        Crossing back = alarm.second;
        back.is_over = false;
        back.value = 0;
        back.note.clear();
        return told(back);
    });
    for (auto& [alarm, crossing] : over)
        if (!alarms_.contains(alarm) && told(crossing)) alarms_.emplace(alarm, crossing);
    const auto is_known = [&](const auto& alarm) { return before.contains(alarm.first); };
    if (alarms_.size() != before.size() || !std::ranges::all_of(alarms_, is_known)) keep();
}

void Watcher::recall() {
    if (options_.file.empty()) return;
    const auto text = read_file(options_.file);
    if (!text && text.error().code == ErrorCode::not_found) return;
    const Result<Json> read = text ? parse_json(*text) : Result<Json>(fail(text.error()));
    try {
        for (const Json& each : read.value()) {
            Crossing crossing{.kind = flow_kinds.at(each.at(0).get<std::size_t>()),
                              .name = each.at(1).get<std::string>(),
                              .arn = each.at(2).get<std::string>(),
                              .measure = measures.at(each.at(3).get<std::size_t>()),
                              .is_over = true,
                              .value = each.at(4).get<std::int64_t>(),
                              .threshold = each.at(5).get<std::int64_t>(),
                              .note = ""};
            const Alarm alarm{{crossing.kind, crossing.name}, crossing.measure};
            recalled_.insert(alarm);
            alarms_.emplace(alarm, std::move(crossing));
        }
    } catch (const std::exception& error) {
        log(LogLevel::warning, "which thresholds were told of is not known: they are told anew",
            {{"file", options_.file.string()}, {"error", error.what()}});
        alarms_.clear();
        recalled_.clear();
    }
}

void Watcher::keep() {
    if (options_.file.empty()) return;
    Json all = Json::array();
    for (const auto& [alarm, crossing] : alarms_)
        all.push_back({static_cast<int>(crossing.kind), crossing.name, crossing.arn,
                       static_cast<int>(crossing.measure), crossing.value, crossing.threshold});
    if (const auto kept = replace_file(options_.file, as_bytes(all.dump())); !kept)
        log(LogLevel::warning, "which thresholds were told of could not be kept",
            {{"error", kept.error().message}});
}

Result<void> Watcher::look() {
    const std::lock_guard lock(looking_);
    std::vector<Stand> stands;
    Result<void> looked;
    for (const Source& source : sources_)
        if (auto added = source(stands); !added) looked = fail(std::move(added.error()));
    std::ranges::sort(stands, [](const Stand& a, const Stand& b) {
        return std::pair(a.kind, std::string_view(a.name)) <
               std::pair(b.kind, std::string_view(b.name));
    });
    const std::int64_t now = clock_.steady_ms();
    auto flows = std::make_shared<Flows>();
    Look mine{.at_ms = now, .sums = {}};
    std::map<Alarm, Crossing> over;
    for (Stand& stand : stands) {
        mine.sums[{stand.kind, stand.name}] = {stand.in, stand.out, stand.bytes_in, stand.errors};
        flows->push_back(flow_of(std::move(stand), now));
        judge(flows->back(), over);
    }
    looks_.push_back(std::move(mine));
    while (now - looks_.front().at_ms > history_ms) looks_.pop_front();
    looked_ms_ = now;
    // What one source couldn't say hasn't gone back to normal.
    if (looked) tell_changes(std::move(over));
    const std::lock_guard publishing(mutex_);
    flows_ = std::move(flows);
    return looked;
}

}  // namespace stroma::watch
