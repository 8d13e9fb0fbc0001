#include "event/events.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "base/json.h"
#include "event/events_state.h"
#include "event/target_input.h"
#include "sql/migrations.h"

namespace stroma::event {

std::span<const sql::Migration> migrations();

namespace {

constexpr std::size_t pattern_bytes_max = 4096;
constexpr std::size_t targets_max = 5;

Error no_bus(std::string_view name) {
    return {ErrorCode::not_found, fmt::format("Event bus {} does not exist.", name)};
}

Error no_rule(std::string_view bus, std::string_view name) {
    return {ErrorCode::not_found, fmt::format("Rule {} does not exist on EventBus {}.", name, bus)};
}

/// Reads what a rule's attributes say, so that it can be matched.
Result<void> read_attributes(Rule& rule) {
    rule.pattern.reset();
    rule.schedule.reset();
    const std::string pattern = text_in(rule.attributes, "EventPattern");
    const std::string schedule = text_in(rule.attributes, "ScheduleExpression");
    if (!pattern.empty()) rule.pattern = TRY(Pattern::read(pattern));
    if (!schedule.empty()) rule.schedule = TRY(Schedule::read(schedule));
    return {};
}

}  // namespace

std::string text_of(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string text_in(const Json& json, const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string last_part(std::string_view arn) {
    return std::string(arn.substr(arn.find_last_of("/:") + 1));
}

bool Rule::is_enabled() const { return text_in(attributes, "State") != "DISABLED"; }

BusPointer Events::State::find(std::string_view bus) const {
    const std::shared_lock lock(mutex);
    const auto found = buses.find(bus);
    return found == buses.end() ? nullptr : found->second;
}

void Events::State::put(BusPointer bus) {
    const std::lock_guard lock(mutex);
    buses[bus->bus.name] = std::move(bus);
}

Result<void> Events::State::load() {
    const auto connection = TRY(readers.take());
    std::map<std::string, BusState> loaded;
    const auto buses_rows = TRY(
        connection->execute("SELECT name, region, owner, attributes, created_ms FROM event_buses"));
    while (TRY(buses_rows->next())) {
        Bus& bus = loaded[buses_rows->text(0)].bus;
        bus = {buses_rows->text(0),
               buses_rows->text(1),
               buses_rows->text(2),
               "",
               TRY(parse_json(buses_rows->text(3))),
               buses_rows->integer(4)};
        bus.arn =
            fmt::format("arn:aws:events:{}:{}:event-bus/{}", bus.region, options.account, bus.name);
    }
    std::map<std::pair<std::string, std::string>, std::vector<Target>> targets;
    const auto targets_rows =
        TRY(connection->execute("SELECT bus, rule, attributes FROM event_targets ORDER BY id"));
    while (TRY(targets_rows->next())) {
        Json attributes = TRY(parse_json(targets_rows->text(2)));
        targets[{targets_rows->text(0), targets_rows->text(1)}].push_back(
            {text_in(attributes, "Id"), text_in(attributes, "Arn"), attributes});
    }
    const auto rules_rows =
        TRY(connection->execute("SELECT bus, name, owner, attributes, created_ms, fired_ms FROM "
                                "event_rules"));
    while (TRY(rules_rows->next())) {
        Rule rule;
        rule.bus = rules_rows->text(0);
        rule.name = rules_rows->text(1);
        rule.owner = rules_rows->text(2);
        rule.attributes = TRY(parse_json(rules_rows->text(3)));
        rule.created_ms = rules_rows->integer(4);
        rule.fired_ms = rules_rows->integer(5);
        BusState& bus = loaded[rule.bus];
        rule.arn = fmt::format("arn:aws:events:{}:{}:rule/{}{}", bus.bus.region, options.account,
                               rule.bus == "default" ? "" : rule.bus + "/", rule.name);
        rule.targets = std::move(targets[{rule.bus, rule.name}]);
        TRY(read_attributes(rule));
        const std::string name = rule.name;
        bus.rules[name] = std::make_shared<const Rule>(std::move(rule));
    }
    for (auto& [name, bus] : loaded) put(std::make_shared<const BusState>(std::move(bus)));
    return {};
}

Result<void> Events::State::load_archives() {
    const auto connection = TRY(readers.take());
    const auto endpoint_rows = TRY(connection->execute(
        "SELECT kind, name, owner, attributes, created_ms FROM event_endpoints"));
    while (TRY(endpoint_rows->next())) {
        const std::string attributes = TRY(from_kept_text(options.sealer, endpoint_rows->text(3)));
        Endpoint one{endpoint_rows->text(0),      endpoint_rows->text(1),
                     endpoint_rows->text(2),      "",
                     TRY(parse_json(attributes)), endpoint_rows->integer(4)};
        one.arn = text_in(one.attributes, "Arn");
        endpoints[{one.kind, one.name}] = std::move(one);
    }
    const auto archive_rows = TRY(
        connection->execute("SELECT name, bus, owner, attributes, created_ms FROM event_archives"));
    while (TRY(archive_rows->next())) {
        Archive one{archive_rows->text(0),
                    archive_rows->text(1),
                    archive_rows->text(2),
                    "",
                    TRY(parse_json(archive_rows->text(3))),
                    archive_rows->integer(4),
                    {}};
        one.arn = fmt::format("arn:aws:events:{}:{}:archive/{}", options.region, options.account,
                              one.name);
        if (const std::string pattern = text_in(one.attributes, "EventPattern"); !pattern.empty())
            one.pattern = TRY(Pattern::read(pattern));
        const std::string name = one.name;
        archives[name] = std::make_shared<const Archive>(std::move(one));
    }
    return {};
}

Events::Events(std::unique_ptr<State> state) : state_(std::move(state)) {}
Events::~Events() { stop(); }

Result<std::unique_ptr<Events>> Events::open(sql::WriteGroup& group, message::Queues& queues,
                                             Sinks sinks, const Clock& clock, IdSource& ids,
                                             EventsOptions options) {
    TRY(sql::migrate(group.database(), "event", migrations()));
    const std::string region = options.region;
    auto state =
        std::make_unique<State>(group, queues, std::move(sinks), clock, ids, std::move(options));
    TRY(state->load());
    TRY(state->load_archives());
    std::unique_ptr<Events> events(new Events(std::move(state)));
    if (!events->find_bus("default"))
        TRY(events->create_bus("default", region, "", Json::object()));
    return events;
}

std::string Events::arn_of(std::string_view region, std::string_view what) const {
    return fmt::format("arn:aws:events:{}:{}:{}", region, state_->options.account, what);
}

Result<Bus> Events::create_bus(const std::string& name, const std::string& region,
                               const std::string& owner, Json attributes) {
    const std::lock_guard lock(state_->changing);
    if (state_->find(name))
        return fail(ErrorCode::already_exists, fmt::format("Event bus {} already exists.", name));
    BusState made;
    made.bus = {name,
                region,
                owner,
                arn_of(region, "event-bus/" + name),
                std::move(attributes),
                state_->clock.unix_ms()};
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        TRY(connection.change(
            "INSERT INTO event_buses VALUES(?, ?, ?, ?, ?)",
            {name, region, owner, text_of(made.bus.attributes), made.bus.created_ms}));
        return {};
    };
    TRY(state_->group.run(work));
    Bus bus = made.bus;
    state_->put(std::make_shared<const BusState>(std::move(made)));
    return bus;
}

std::optional<Bus> Events::find_bus(std::string_view name) const {
    const BusPointer bus = state_->find(name);
    return bus ? std::optional(bus->bus) : std::nullopt;
}

std::vector<Bus> Events::buses() const {
    const std::shared_lock lock(state_->mutex);
    std::vector<Bus> all;
    for (const auto& [name, bus] : state_->buses) all.push_back(bus->bus);
    return all;
}

Result<void> Events::set_bus_attributes(std::string_view name, Json attributes) {
    const std::lock_guard lock(state_->changing);
    const BusPointer bus = state_->find(name);
    if (!bus) return fail(no_bus(name));
    BusState changed = *bus;
    changed.bus.attributes = std::move(attributes);
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        TRY(connection.change("UPDATE event_buses SET attributes = ? WHERE name = ?",
                              {text_of(changed.bus.attributes), changed.bus.name}));
        return {};
    };
    TRY(state_->group.run(work));
    state_->put(std::make_shared<const BusState>(std::move(changed)));
    return {};
}

Result<void> Events::remove_bus(std::string_view name) {
    if (name == "default")
        return fail(ErrorCode::invalid_input, "Cannot delete event bus default.");
    const std::lock_guard lock(state_->changing);
    const std::string bus(name);
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        TRY(connection.change("DELETE FROM event_targets WHERE bus = ?", {bus}));
        TRY(connection.change("DELETE FROM event_rules WHERE bus = ?", {bus}));
        TRY(connection.change("DELETE FROM event_buses WHERE name = ?", {bus}));
        return {};
    };
    TRY(state_->group.run(work));
    const std::lock_guard unique(state_->mutex);
    state_->buses.erase(bus);
    return {};
}

Result<void> Events::State::write_rule(const Rule& rule) {
    return group.run([&](sql::Connection& connection) -> Result<void> {
        TRY(connection.change("DELETE FROM event_targets WHERE bus = ? AND rule = ?",
                              {rule.bus, rule.name}));
        TRY(connection.change(
            "INSERT INTO event_rules VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(bus, name) DO UPDATE SET "
            "attributes = excluded.attributes",
            {rule.bus, rule.name, rule.owner, text_of(rule.attributes), rule.created_ms,
             rule.fired_ms}));
        for (const Target& target : rule.targets)
            TRY(connection.change("INSERT INTO event_targets VALUES(?, ?, ?, ?)",
                                  {rule.bus, rule.name, target.id, text_of(target.attributes)}));
        return {};
    });
}

Result<void> Events::State::replace_rule(Rule rule) {
    TRY(write_rule(rule));
    BusState changed = *find(rule.bus);
    const std::string name = rule.name;
    changed.rules[name] = std::make_shared<const Rule>(std::move(rule));
    put(std::make_shared<const BusState>(std::move(changed)));
    wake();
    return {};
}

Result<RulePointer> Events::put_rule(const std::string& bus, const std::string& name,
                                     const std::string& owner, Json attributes) {
    const std::lock_guard lock(state_->changing);
    const BusPointer on = state_->find(bus);
    if (!on) return fail(no_bus(bus));
    const bool has_schedule = !text_in(attributes, "ScheduleExpression").empty();
    if (text_in(attributes, "EventPattern").size() > pattern_bytes_max)
        return fail(ErrorCode::exhausted, "The event pattern is longer than 4096 characters.");
    if (text_in(attributes, "EventPattern").empty() && !has_schedule)
        return fail(ErrorCode::invalid_input,
                    "Parameter(s) EventPattern or ScheduleExpression must be specified.");
    if (has_schedule && bus != "default")
        return fail(ErrorCode::invalid_input,
                    "ScheduleExpression is supported only on the default event bus.");
    Rule rule;
    if (const auto known = on->rules.find(name); known != on->rules.end()) {
        rule = *known->second;
    } else {
        rule.bus = bus;
        rule.name = name;
        rule.owner = owner;
        rule.created_ms = rule.fired_ms = state_->clock.unix_ms();
        rule.arn = arn_of(on->bus.region, "rule/" + (bus == "default" ? "" : bus + "/") + name);
    }
    if (!attributes.contains("State")) attributes["State"] = "ENABLED";
    if (!attributes.contains("Tags") && rule.attributes.contains("Tags"))
        attributes["Tags"] = rule.attributes["Tags"];
    rule.attributes = std::move(attributes);
    TRY(read_attributes(rule));
    TRY(state_->replace_rule(std::move(rule)));
    return find_rule(bus, name);
}

RulePointer Events::find_rule(std::string_view bus, std::string_view name) const {
    const BusPointer on = state_->find(bus);
    if (!on) return nullptr;
    const auto found = on->rules.find(name);
    return found == on->rules.end() ? nullptr : found->second;
}

std::vector<RulePointer> Events::rules(std::string_view bus) const {
    std::vector<RulePointer> all;
    if (const BusPointer on = state_->find(bus))
        for (const auto& [name, rule] : on->rules) all.push_back(rule);
    return all;
}

Result<void> Events::remove_rule(std::string_view bus, std::string_view name) {
    const std::lock_guard lock(state_->changing);
    const RulePointer rule = find_rule(bus, name);
    if (!rule) return fail(no_rule(bus, name));
    if (!rule->targets.empty())
        return fail(ErrorCode::conflict, "Rule can't be deleted since it has targets.");
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        TRY(connection.change("DELETE FROM event_rules WHERE bus = ? AND name = ?",
                              {rule->bus, rule->name}));
        return {};
    };
    TRY(state_->group.run(work));
    BusState changed = *state_->find(bus);
    changed.rules.erase(rule->name);
    state_->put(std::make_shared<const BusState>(std::move(changed)));
    return {};
}

Result<void> Events::put_targets(std::string_view bus, std::string_view name,
                                 const std::vector<Json>& targets) {
    const std::lock_guard lock(state_->changing);
    const RulePointer known = find_rule(bus, name);
    if (!known) return fail(no_rule(bus, name));
    Rule rule = *known;
    for (const Json& attributes : targets) {
        TRY(check_target_input(attributes));
        const std::string id = text_in(attributes, "Id");
        std::erase_if(rule.targets, [&](const Target& target) { return target.id == id; });
        rule.targets.push_back({id, text_in(attributes, "Arn"), attributes});
    }
    if (rule.targets.size() > targets_max)
        return fail(ErrorCode::exhausted,
                    "The requested resource exceeds the maximum number allowed.");
    return state_->replace_rule(std::move(rule));
}

Result<void> Events::remove_targets(std::string_view bus, std::string_view name,
                                    const std::vector<std::string>& ids) {
    const std::lock_guard lock(state_->changing);
    const RulePointer known = find_rule(bus, name);
    if (!known) return fail(no_rule(bus, name));
    Rule rule = *known;
    std::erase_if(rule.targets, [&](const Target& target) {
        return std::find(ids.begin(), ids.end(), target.id) != ids.end();
    });
    return state_->replace_rule(std::move(rule));
}

Result<void> Events::put_endpoint(const std::string& kind, const std::string& name,
                                  const std::string& owner, Json attributes) {
    const std::lock_guard lock(state_->changing);
    Endpoint one{kind,
                 name,
                 owner,
                 text_in(attributes, "Arn"),
                 std::move(attributes),
                 state_->clock.unix_ms()};
    const std::string kept = TRY(to_kept_text(state_->options.sealer, text_of(one.attributes)));
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        TRY(connection.change("INSERT OR REPLACE INTO event_endpoints VALUES(?, ?, ?, ?, ?)",
                              {kind, name, owner, kept, one.created_ms}));
        return {};
    };
    TRY(state_->group.run(work));
    const std::lock_guard unique(state_->mutex);
    state_->endpoints[{kind, name}] = std::move(one);
    return {};
}

std::optional<Endpoint> Events::find_endpoint(std::string_view kind, std::string_view name) const {
    const std::shared_lock lock(state_->mutex);
    const auto found = state_->endpoints.find({std::string(kind), std::string(name)});
    return found == state_->endpoints.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Endpoint> Events::endpoints(std::string_view kind) const {
    const std::shared_lock lock(state_->mutex);
    std::vector<Endpoint> all;
    for (const auto& [key, endpoint] : state_->endpoints)
        if (key.first == kind) all.push_back(endpoint);
    return all;
}

Result<void> Events::remove_endpoint(std::string_view kind, std::string_view name) {
    const std::lock_guard lock(state_->changing);
    const std::pair<std::string, std::string> key{kind, name};
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        TRY(connection.change("DELETE FROM event_endpoints WHERE kind = ? AND name = ?",
                              {key.first, key.second}));
        return {};
    };
    TRY(state_->group.run(work));
    const std::lock_guard unique(state_->mutex);
    state_->endpoints.erase(key);
    return {};
}

}  // namespace stroma::event
