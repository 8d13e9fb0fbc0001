#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/metrics.h"
#include "event/events.h"
#include "event/events_state.h"
#include "event/target_input.h"

namespace stroma::event {
namespace {

/// Buses that pass an event on to each other; no chain that anyone means is this long.
constexpr std::size_t trail_max = 16;

/// "2026-11-22T01:20:04Z"
std::string seconds_time(std::int64_t unix_ms) {
    std::string text = iso_time(unix_ms);
    text.replace(text.find('.'), std::string::npos, "Z");
    return text;
}

std::string text_at(const Json& json, const char* outer, const char* inner) {
    const auto found = json.find(outer);
    if (found == json.end() || !found->is_object()) return {};
    return found->value(inner, std::string());
}

}  // namespace

Result<void> Events::State::check_reach(const Rule& rule, const Target& target) const {
    if (!sinks.may_reach || sinks.may_reach(rule.owner, target.arn)) return {};
    return fail(ErrorCode::denied, "the target belongs to somebody else by now");
}

void Events::State::count(const Rule& rule, std::string_view outcome) {
    counter("stroma_event_targets_total", "Events handed to targets of rules",
            {{"bus", rule.bus}, {"rule", rule.name}, {"outcome", std::string(outcome)}})
        .add();
    const std::lock_guard lock(traffic_mutex);
    RuleTraffic& sums = traffic[{rule.bus, rule.name}];
    if (outcome == "failed" || outcome == "buried" || outcome == "dropped")
        ++sums.failed;
    else if (outcome != "delivery")
        ++sums.handed;
}

Json Events::envelope_of(const Event& event, const std::string& id) const {
    Json envelope = Json::object();
    envelope["version"] = "0";
    envelope["id"] = id;
    envelope["detail-type"] = event.detail_type;
    envelope["source"] = event.source;
    envelope["account"] = state_->options.account;
    envelope["time"] = seconds_time(event.time_ms.value_or(state_->clock.unix_ms()));
    envelope["region"] = event.region.empty() ? state_->options.region : event.region;
    envelope["resources"] = event.resources;
    envelope["detail"] = event.detail;
    return envelope;
}

std::vector<Result<std::string>> Events::publish(std::span<const Event> events) {
    std::vector<Result<std::string>> answers;
    const auto done = state_->group.run([&](sql::Connection& connection) -> Result<void> {
        for (const Event& event : events) {
            if (!state_->find(event.bus))
                answers.emplace_back(fail(ErrorCode::not_found,
                                          fmt::format("Event bus {} does not exist.", event.bus)));
            else
                answers.emplace_back(TRY(publish_in(connection, event)));
        }
        return {};
    });
    if (!done) answers.assign(events.size(), fail(done.error()));
    return answers;
}

Result<std::string> Events::publish_in(sql::Connection& connection, const Event& event) {
    const std::string id = state_->ids.uuid();
    counter("stroma_events_total", "Events published", {{"bus", event.bus}}).add();
    TRY(state_->route(connection, event.bus, envelope_of(event, id), {}));
    return id;
}

Result<void> Events::State::route(sql::Connection& connection, const std::string& bus,
                                  const Json& event, const Trail& trail) {
    const BusPointer on = find(bus);
    if (!on) return {};
    const FlatEvent flat(event);
    if (!event.contains("replay-name")) TRY(archive(connection, bus, event, flat));
    for (const auto& [name, rule] : on->rules) {
        if (!rule->pattern || !rule->is_enabled() || !rule->pattern->matches(flat)) continue;
        if (trail.only != nullptr && !trail.only->contains(rule->arn)) continue;
        TRY(trigger(connection, *rule, event, trail));
    }
    return {};
}

Result<void> Events::State::trigger(sql::Connection& connection, const Rule& rule,
                                    const Json& event, const Trail& trail) {
    const bool is_loop =
        std::find(trail.rules.begin(), trail.rules.end(), rule.arn) != trail.rules.end();
    if (is_loop || trail.rules.size() >= trail_max) return suspend(connection, rule, trail);
    {
        const std::lock_guard lock(traffic_mutex);
        ++traffic[{rule.bus, rule.name}].matched;
    }
    Trail further = trail;
    further.rules.push_back(rule.arn);
    for (const Target& target : rule.targets)
        TRY(deliver(connection, rule, target, event, further));
    return {};
}

Result<void> Events::State::deliver(sql::Connection& connection, const Rule& rule,
                                    const Target& target, const Json& event, const Trail& trail) {
    const std::string now = seconds_time(clock.unix_ms());
    if (target.arn.starts_with("arn:aws:events:") &&
        target.arn.find(":event-bus/") != std::string::npos) {
        count(rule, "bus");
        Trail beyond = trail;
        beyond.only = nullptr;
        return route(connection, last_part(target.arn), event, beyond);
    }
    const std::string payload = target_input(target.attributes, event, {rule.name, rule.arn, now});
    if (target.arn.starts_with("arn:aws:sqs:")) {
        if (const auto allowed = check_reach(rule, target); !allowed)
            return bury(connection, rule, target, payload, allowed.error(), 0);
        message::NewMessage message;
        message.body = payload;
        message.sender = rule.arn;
        message.group = text_at(target.attributes, "SqsParameters", "MessageGroupId");
        const std::string queue = last_part(target.arn);
        if (queue.ends_with(".fifo")) {
            if (message.group.empty()) message.group = rule.name;
            message.deduplication = event.value("id", std::string()) + target.id;
        }
        const auto sent = queues.send_in(connection, queue, message);
        if (!sent && sent.error().code != ErrorCode::not_found) return fail(sent.error());
        if (sent) count(rule, "queue");
        return sent ? Result<void>{} : bury(connection, rule, target, payload, sent.error(), 0);
    }
    const bool goes_out = target.arn.find(":api-destination/") != std::string::npos ||
                          target.arn.starts_with("arn:aws:kinesis:") ||
                          target.arn.starts_with("arn:aws:firehose:");
    if (!goes_out) {
        count(rule, "inert");  // kept, as AWS's own services may be named; nothing here serves it
        return {};
    }
    count(rule, "delivery");
    TRY(connection.change(
        "INSERT INTO event_deliveries(bus, rule, target, payload, attempts, next_ms, created_ms) "
        "VALUES(?, ?, ?, ?, 0, ?, ?)",
        {rule.bus, rule.name, target.id, payload, clock.unix_ms(), clock.unix_ms()}));
    group.when_committed([this] { wake(); });
    return {};
}

Result<void> Events::State::archive(sql::Connection& connection, const std::string& bus,
                                    const Json& event, const FlatEvent& flat) {
    std::vector<std::string> names;
    {
        const std::shared_lock lock(mutex);
        for (const auto& [name, one] : archives)
            if (one->bus == bus && (!one->pattern || one->pattern->matches(flat)))
                names.push_back(name);
    }
    for (const std::string& name : names)
        TRY(connection.change(
            "INSERT INTO archived_events(archive, time_ms, event) VALUES(?, ?, ?)",
            {name, clock.unix_ms(), text_of(event)}));
    return {};
}

Result<void> Events::State::bury(sql::Connection& connection, const Rule& rule,
                                 const Target& target, const std::string& payload,
                                 const Error& error, std::int64_t attempts) {
    const std::string arn = text_at(target.attributes, "DeadLetterConfig", "Arn");
    message::QueuePointer queue = queues.find_arn(arn);
    if (queue && sinks.may_reach && !sinks.may_reach(rule.owner, arn)) queue = nullptr;
    log(LogLevel::warning, "an event could not be handed to its target",
        {{"rule", rule.arn}, {"target", target.arn}, {"error", error.message}});
    if (!queue) {
        count(rule, "dropped");
        return {};
    }
    message::NewMessage message;
    message.body = payload;
    message.sender = rule.arn;
    if (queue->behaviour.is_ordered) message.group = rule.name;
    message.attributes = {{"RULE_ARN", "String", rule.arn},
                          {"TARGET_ARN", "String", target.arn},
                          {"ERROR_CODE", "String", std::string(name_of(error.code))},
                          {"ERROR_MESSAGE", "String", error.message},
                          {"RETRY_ATTEMPTS", "Number", std::to_string(attempts)}};
    const auto sent = queues.send_in(connection, queue->name, message);
    if (!sent && sent.error().code != ErrorCode::not_found) return fail(sent.error());
    count(rule, "buried");
    return {};
}

/// A rule whose events lead back to it does nothing more until it is put or enabled again.
Result<void> Events::State::suspend(sql::Connection& connection, const Rule& rule,
                                    const Trail& trail) {
    const BusPointer on = find(rule.bus);
    const auto known = on ? on->rules.find(rule.name) : decltype(on->rules.find(rule.name)){};
    if (!on || known == on->rules.end() || !known->second->is_enabled()) return {};
    Rule changed = *known->second;
    changed.attributes["State"] = "DISABLED";
    changed.attributes["SuspendedBecause"] = "its events lead back to itself";
    TRY(connection.change("UPDATE event_rules SET attributes = ? WHERE bus = ? AND name = ?",
                          {text_of(changed.attributes), rule.bus, rule.name}));
    log(LogLevel::warning, "a rule was suspended: its events lead back to itself",
        {{"rule", rule.arn}});
    group.when_committed([this, suspended = std::make_shared<const Rule>(std::move(changed))] {
        const std::lock_guard lock(mutex);
        const auto found = buses.find(suspended->bus);
        if (found == buses.end() || !found->second->rules.contains(suspended->name)) return;
        auto replaced = std::make_shared<BusState>(*found->second);
        replaced->rules[suspended->name] = suspended;
        found->second = std::move(replaced);
    });
    Json told = Json::object();
    told["version"] = "0";
    told["id"] = ids.uuid();
    told["detail-type"] = "Rule Suspended";
    told["source"] = "stroma.events";
    told["account"] = options.account;
    told["time"] = seconds_time(clock.unix_ms());
    told["region"] = options.region;
    told["resources"] = Json::array({rule.arn});
    told["detail"] = {{"bus", rule.bus}, {"rule", rule.name}, {"reason", "loop"}};
    Trail further = trail;
    further.rules.push_back(rule.arn);
    if (further.rules.size() > trail_max) return {};
    return route(connection, "default", told, further);
}

}  // namespace stroma::event
