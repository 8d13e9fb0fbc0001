#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/threads.h"
#include "event/events.h"
#include "event/events_state.h"

// What happens by itself: schedules fire, replays go on, deliveries are made.

namespace stroma::event {
namespace {

constexpr std::int64_t attempts_usual = 185, age_usual_s = 86'400;
constexpr std::int64_t backoff_first_ms = 1000, backoff_most_ms = 300'000;
constexpr std::int64_t drop_interval_ms = 3'600'000, kept_day_ms = 86'400'000;
constexpr std::int64_t deliveries_at_once = 32;
constexpr Milliseconds look_again{60'000};

std::int64_t policy_of(const Target& target, const char* name, std::int64_t usual) {
    const auto policy = target.attributes.find("RetryPolicy");
    if (policy == target.attributes.end() || !policy->is_object()) return usual;
    const auto given = policy->find(name);
    const bool is_given = given != policy->end() && given->is_number_integer();
    return is_given ? std::clamp<std::int64_t>(given->get<std::int64_t>(), 0, usual) : usual;
}

}  // namespace

void Events::start() {
    state_->timekeeper = std::thread([state = state_.get()] { state->run(false); });
    state_->deliverer = std::thread([state = state_.get()] { state->run(true); });
}

void Events::stop() {
    {
        const std::lock_guard lock(state_->waking);
        state_->is_stopping = true;
    }
    state_->woken.notify_all();
    if (state_->timekeeper.joinable()) state_->timekeeper.join();
    if (state_->deliverer.joinable()) state_->deliverer.join();
}

Result<bool> Events::work_once() {
    const bool fired = TRY(state_->fire_schedules());
    const bool replayed = TRY(state_->replay_some());
    return TRY(state_->make_deliveries()) || fired || replayed;
}

void Events::State::wake() {
    {
        const std::lock_guard lock(waking);
        ++wakes;
    }
    woken.notify_all();
}

void Events::State::run(bool of_deliveries) {
    std::unique_lock lock(waking);
    while (!is_stopping) {
        const std::uint64_t seen = wakes;
        lock.unlock();
        Result<bool> worked = false;
        if (of_deliveries) {
            worked = make_deliveries();
        } else {
            worked = fire_schedules();
            if (worked) {
                const bool fired = *worked;
                worked = replay_some();
                if (worked) worked = *worked || fired;
            }
            if (const auto dropped = drop_old_archived(); !dropped && worked)
                worked = fail(dropped.error());
        }
        if (!worked)
            log(LogLevel::warning, "events could not be worked on",
                {{"error", worked.error().message}});
        const Milliseconds wait = !worked ? Milliseconds{1000} : until_due();
        lock.lock();
        if (!worked || !*worked)
            woken.wait_for(lock, wait, [&] { return is_stopping || wakes != seen; });
    }
}

/// How long until something is due that is known now.
Milliseconds Events::State::until_due() {
    const std::int64_t now = clock.unix_ms();
    std::int64_t due = now + look_again.count();
    {
        const std::shared_lock shared(mutex);
        for (const auto& [name, bus] : buses)
            for (const auto& [rule_name, rule] : bus->rules)
                if (rule->schedule && rule->is_enabled())
                    due = std::min(
                        due,
                        rule->schedule->next_after(rule->fired_ms, rule->created_ms).value_or(due));
    }
    if (const auto connection = readers.take())
        if (const auto rows = (*connection)->execute("SELECT min(next_ms) FROM event_deliveries");
            rows && (*rows)->next().value_or(false) && !(*rows)->is_null(0))
            due = std::min(due, (*rows)->integer(0));
    return Milliseconds{std::max<std::int64_t>(1, due - now)};
}

Result<bool> Events::State::fire_schedules() {
    const std::int64_t now = clock.unix_ms();
    std::vector<RulePointer> due;
    {
        const std::shared_lock shared(mutex);
        for (const auto& [name, bus] : buses)
            for (const auto& [rule_name, rule] : bus->rules) {
                if (!rule->schedule || !rule->is_enabled()) continue;
                const auto next = rule->schedule->next_after(rule->fired_ms, rule->created_ms);
                if (next && *next <= now) due.push_back(rule);
            }
    }
    for (const RulePointer& rule : due) {
        const std::lock_guard one_at_a_time(changing);
        const BusPointer on = find(rule->bus);
        if (!on || !on->rules.contains(rule->name)) continue;
        Rule fired = *on->rules.find(rule->name)->second;
        fired.fired_ms = now;  // what was missed while nobody ran is made up for once
        const auto work = [&](sql::Connection& connection) -> Result<void> {
            std::string time = iso_time(now);
            time.replace(time.find('.'), std::string::npos, "Z");
            const Json event = {{"version", "0"},
                                {"id", ids.uuid()},
                                {"detail-type", "Scheduled Event"},
                                {"source", "aws.events"},
                                {"account", options.account},
                                {"time", time},
                                {"region", options.region},
                                {"resources", Json::array({rule->arn})},
                                {"detail", Json::object()}};
            TRY(trigger(connection, fired, event, {}));
            TRY(connection.change("UPDATE event_rules SET fired_ms = ? WHERE bus = ? AND name = ?",
                                  {now, rule->bus, rule->name}));
            return {};
        };
        TRY(group.run(work));
        BusState changed = *find(rule->bus);
        const std::string name = fired.name;
        changed.rules[name] = std::make_shared<const Rule>(std::move(fired));
        put(std::make_shared<const BusState>(std::move(changed)));
    }
    return !due.empty();
}

Result<bool> Events::State::make_deliveries() {
    std::vector<std::int64_t> due;
    {
        const auto connection = TRY(readers.take());
        const auto rows = TRY(connection->execute(
            "SELECT id FROM event_deliveries WHERE next_ms <= ? ORDER BY next_ms, id LIMIT ?",
            {clock.unix_ms(), deliveries_at_once}));
        while (TRY(rows->next())) due.push_back(rows->integer(0));
    }
    TRY(parallel_for(due.size(), [&](std::size_t d) { return make_delivery(due[d]); }));
    return !due.empty();
}

Result<void> Events::State::make_delivery(std::int64_t id) {
    std::string bus, rule_name, target_id, payload;
    std::int64_t attempts = 0, created_ms = 0;
    {
        const auto connection = TRY(readers.take());
        const auto rows = TRY(connection->execute(
            "SELECT bus, rule, target, payload, attempts, created_ms FROM event_deliveries WHERE "
            "id = ?",
            {id}));
        if (!TRY(rows->next())) return {};
        bus = rows->text(0);
        rule_name = rows->text(1);
        target_id = rows->text(2);
        payload = rows->text(3);
        attempts = rows->integer(4);
        created_ms = rows->integer(5);
    }
    const auto drop = [&](sql::Connection& connection) -> Result<void> {
        TRY(connection.change("DELETE FROM event_deliveries WHERE id = ?", {id}));
        return {};
    };
    const BusPointer on = find(bus);
    const auto rule = on ? on->rules.find(rule_name) : decltype(on->rules.find(rule_name)){};
    if (!on || rule == on->rules.end()) return group.run(drop);
    const auto& targets = rule->second->targets;
    const auto target = std::find_if(targets.begin(), targets.end(),
                                     [&](const Target& one) { return one.id == target_id; });
    if (target == targets.end()) return group.run(drop);
    auto done = check_reach(*rule->second, *target);
    if (done) done = hand_over(*target, payload);
    counter("stroma_event_deliveries_total", "Deliveries of events tried",
            {{"rule", rule_name}, {"outcome", done ? "done" : "failed"}})
        .add();
    count(*rule->second, done ? "delivered" : "failed");
    if (done) return group.run(drop);
    ++attempts;
    const std::int64_t now = clock.unix_ms();
    const bool again =
        done.error().may_pass_by_itself() &&
        attempts <= policy_of(*target, "MaximumRetryAttempts", attempts_usual) &&
        now - created_ms < 1000 * policy_of(*target, "MaximumEventAgeInSeconds", age_usual_s);
    if (!again)
        return group.run([&](sql::Connection& connection) -> Result<void> {
            TRY(bury(connection, *rule->second, *target, payload, done.error(), attempts - 1));
            return drop(connection);
        });
    const std::int64_t wait =
        std::min(backoff_most_ms, backoff_first_ms << std::min<std::int64_t>(attempts - 1, 10));
    return group.run([&](sql::Connection& connection) -> Result<void> {
        TRY(connection.change("UPDATE event_deliveries SET attempts = ?, next_ms = ? WHERE id = ?",
                              {attempts, now + wait, id}));
        return {};
    });
}

Result<void> Events::State::hand_over(const Target& target, const std::string& payload) {
    if (target.arn.find(":api-destination/") != std::string::npos)
        return call_webhook(target, payload);
    if (!sinks.record) return fail(ErrorCode::unsupported, "nothing here takes records");
    return sinks.record(target.arn, target.id, payload);
}

/// Signed so that the receiver can tell that it is ours and not old: X-Stroma-Signature is the
/// HMAC-SHA256, under the connection's secret, of the timestamp, a dot and the body.
Result<void> Events::State::call_webhook(const Target& target, const std::string& payload) {
    // "…:api-destination/NAME/ID"
    std::string name = target.arn.substr(target.arn.find(":api-destination/") + 17);
    name = name.substr(0, name.find('/'));
    Json destination, connection;
    {
        const std::shared_lock shared(mutex);
        const auto found = endpoints.find({"api-destination", name});
        if (found == endpoints.end())
            return fail(ErrorCode::not_found,
                        fmt::format("there is no api-destination '{}'", name));
        destination = found->second.attributes;
        std::string of = text_in(destination, "ConnectionArn");
        if (const std::size_t at = of.find(":connection/"); at != std::string::npos)
            of = of.substr(at + 12);
        of = of.substr(0, of.find('/'));
        const auto joined = endpoints.find({"connection", of});
        if (joined == endpoints.end())
            return fail(ErrorCode::not_found, fmt::format("there is no connection '{}'", of));
        connection = joined->second.attributes;
    }
    Webhook call;
    call.url = text_in(destination, "InvocationEndpoint");
    call.method = text_in(destination, "HttpMethod");
    call.body = payload;
    const Json parameters = connection.value("AuthParameters", Json::object());
    std::string secret;
    if (const auto key = parameters.find("ApiKeyAuthParameters"); key != parameters.end()) {
        secret = text_in(*key, "ApiKeyValue");
        call.headers.emplace_back(text_in(*key, "ApiKeyName"), secret);
    } else if (const auto basic = parameters.find("BasicAuthParameters");
               basic != parameters.end()) {
        secret = text_in(*basic, "Password");
    }
    const std::string time = std::to_string(clock.unix_ms() / 1000);
    call.headers.emplace_back("Content-Type", "application/json; charset=utf-8");
    call.headers.emplace_back("X-Stroma-Timestamp", time);
    if (!secret.empty())
        call.headers.emplace_back(
            "X-Stroma-Signature",
            "sha256=" + to_hex(hmac_sha256(as_bytes(secret), time + "." + payload)));
    if (!sinks.webhook) return fail(ErrorCode::unsupported, "nothing here calls webhooks");
    return sinks.webhook(call);
}

Result<void> Events::State::drop_old_archived() {
    const std::int64_t now = clock.unix_ms();
    if (now - dropped_old_ms < drop_interval_ms) return {};
    dropped_old_ms = now;
    std::vector<std::pair<std::string, std::int64_t>> limits;
    {
        const std::shared_lock shared(mutex);
        for (const auto& [name, archive] : archives) {
            const Json days = archive->attributes.value("RetentionDays", Json(0));
            // More days than there have been keep everything, as none do.
            if (days.is_number_integer() && days > 0 && days < now / kept_day_ms)
                limits.emplace_back(name, now - days.get<std::int64_t>() * kept_day_ms);
        }
    }
    for (const auto& [name, oldest] : limits) {
        const auto work = [&name = name,
                           &oldest = oldest](sql::Connection& connection) -> Result<void> {
            TRY(connection.change("DELETE FROM archived_events WHERE archive = ? AND time_ms < ?",
                                  {name, oldest}));
            return {};
        };
        TRY(group.run(work));
    }
    return {};
}

Result<std::vector<RuleLoad>> Events::rule_loads() {
    std::map<std::pair<std::string, std::string>, RuleLoad> loads;
    {
        const std::shared_lock shared(state_->mutex);
        for (const auto& [bus_name, bus] : state_->buses)
            for (const auto& [rule_name, rule] : bus->rules)
                loads[{bus_name, rule_name}].rule = rule;
    }
    {
        const std::lock_guard lock(state_->traffic_mutex);
        for (const auto& [name, sums] : state_->traffic) {
            const auto found = loads.find(name);
            if (found == loads.end()) continue;
            found->second.matched = sums.matched;
            found->second.handed = sums.handed;
            found->second.failed = sums.failed;
        }
    }
    const auto connection = TRY(state_->readers.take());
    const auto rows = TRY(connection->execute(
        "SELECT bus, rule, count(*), min(created_ms) FROM event_deliveries GROUP BY bus, rule"));
    while (TRY(rows->next())) {
        const auto found = loads.find({rows->text(0), rows->text(1)});
        if (found == loads.end()) continue;
        found->second.waiting = rows->integer(2);
        found->second.oldest_age_ms =
            std::max<std::int64_t>(0, state_->clock.unix_ms() - rows->integer(3));
    }
    std::vector<RuleLoad> list;
    for (auto& [name, load] : loads) list.push_back(std::move(load));
    return list;
}

Result<EventCounts> Events::counts() {
    const auto connection = TRY(state_->readers.take());
    EventCounts counts;
    const auto deliveries = TRY(
        connection->execute("SELECT count(*), coalesce(min(created_ms), 0) FROM event_deliveries"));
    TRY(deliveries->next());
    counts.deliveries = deliveries->integer(0);
    if (counts.deliveries > 0)
        counts.oldest_delivery_age_ms =
            std::max<std::int64_t>(0, state_->clock.unix_ms() - deliveries->integer(1));
    const auto archived = TRY(connection->execute("SELECT count(*) FROM archived_events"));
    TRY(archived->next());
    counts.archived = archived->integer(0);
    return counts;
}

}  // namespace stroma::event
