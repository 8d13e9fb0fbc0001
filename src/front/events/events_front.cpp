#include "front/events/events_front.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "base/json.h"
#include "front/events/events_service.h"

namespace stroma::front::events {
namespace {

constexpr std::size_t entries_max = 10;
constexpr std::size_t bytes_max = 1u << 20;

Json failed_entry(const char* code, std::string message) {
    return {{"ErrorCode", code}, {"ErrorMessage", std::move(message)}};
}

/// The event of one entry; a failed entry where it isn't one.
tl::expected<event::Event, Json> read_entry(const aws::Call& call, const Json& entry) {
    event::Event read;
    read.region = call.region;
    for (const auto& [member, into] : {std::pair<const char*, std::string*>{"Source", &read.source},
                                       {"DetailType", &read.detail_type}}) {
        *into = text_of(entry, member);
        if (into->empty())
            return tl::unexpected(failed_entry(
                "InvalidArgument",
                fmt::format("Parameter {} is not valid. Reason: {} is a required argument.", member,
                            member)));
    }
    const std::string detail = text_of(entry, "Detail");
    if (detail.empty())
        return tl::unexpected(failed_entry("InvalidArgument",
                                           "Parameter Detail is not valid. Reason: Detail is a "
                                           "required argument."));
    auto json = parse_json(detail);
    if (!json || !json->is_object())
        return tl::unexpected(failed_entry("MalformedDetail", "Detail is malformed."));
    read.detail = *std::move(json);
    if (const auto list = entry.find("Resources"); list != entry.end() && list->is_array())
        for (const Json& one : *list)
            if (one.is_string()) read.resources.push_back(one.get<std::string>());
    if (const auto time = entry.find("Time"); time != entry.end() && time->is_number())
        read.time_ms = static_cast<std::int64_t>(time->get<double>() * 1000);
    if (const std::string bus = text_of(entry, "EventBusName"); !bus.empty())
        read.bus = bus_name(bus);
    return read;
}

std::size_t size_of(const Json& entry) {
    std::size_t size = entry.contains("Time") ? 14 : 0;
    for (const char* member : {"Source", "DetailType", "Detail"})
        size += text_of(entry, member).size();
    if (const auto list = entry.find("Resources"); list != entry.end() && list->is_array())
        for (const Json& one : *list)
            if (one.is_string()) size += one.get_ref<const std::string&>().size();
    return size;
}

Json bus_json(const event::Bus& bus) {
    Json json{{"Name", bus.name}, {"Arn", bus.arn}};
    for (const char* member : {"Description", "Policy"})
        if (bus.attributes.contains(member)) json[member] = bus.attributes[member];
    json["CreationTime"] = static_cast<double>(bus.created_ms) / 1000;
    json["LastModifiedTime"] = static_cast<double>(bus.created_ms) / 1000;
    return json;
}

}  // namespace

std::string text_of(const Json& members, const char* name) {
    const auto found = members.find(name);
    return found != members.end() && found->is_string() ? found->get<std::string>() : std::string();
}

tl::unexpected<Fault> validation(std::string message) {
    return aws::refuse("ValidationException", std::move(message));
}

tl::unexpected<Fault> events_fault(const Error& error) {
    switch (error.code) {
        case ErrorCode::not_found: return aws::refuse("ResourceNotFoundException", error.message);
        case ErrorCode::already_exists:
            return aws::refuse("ResourceAlreadyExistsException", error.message);
        case ErrorCode::exhausted: return aws::refuse("LimitExceededException", error.message);
        case ErrorCode::conflict:
        case ErrorCode::invalid_input: return validation(error.message);
        default: return aws::refuse(error);
    }
}

std::string bus_name(const std::string& name_or_arn) {
    return name_or_arn.substr(name_or_arn.rfind('/') + 1);
}

Outcome<std::string> name_of(const Json& members, const char* member, std::size_t length_max) {
    std::string name = text_of(members, member);
    std::string at(member);
    at[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(at[0])));
    const auto wrong = [&](std::string_view constraint) {
        return validation(
            fmt::format("1 validation error detected: Value '{}' at '{}' failed to satisfy "
                        "constraint: Member must {}",
                        name, at, constraint));
    };
    if (name.empty())
        return validation(
            fmt::format("1 validation error detected: Value null at '{}' failed to "
                        "satisfy constraint: Member must not be null",
                        at));
    if (!std::all_of(name.begin(), name.end(), [](unsigned char c) {
            return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_';
        }))
        return wrong("satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+");
    if (name.size() > length_max)
        return wrong(fmt::format("have length less than or equal to {}", length_max));
    return name;
}

Outcome<Json> page_of(const Json& members, const char* list, std::vector<Json> all) {
    const auto limit = members.find("Limit");
    const std::size_t most =
        limit != members.end() && limit->is_number_integer()
            ? static_cast<std::size_t>(std::clamp<std::int64_t>(limit->get<std::int64_t>(), 1, 100))
            : 100;
    std::size_t from = 0;
    std::string token;
    if (aws::base64_decode(text_of(members, "NextToken"), token))
        for (const char c : token)
            if (c >= '0' && c <= '9' && from < 1'000'000)
                from = from * 10 + static_cast<std::size_t>(c - '0');
    Json page = Json::array();
    for (std::size_t at = from; at < std::min(from + most, all.size()); ++at)
        page.push_back(std::move(all[at]));
    Json json{{list, std::move(page)}};
    if (from + most < all.size()) json["NextToken"] = aws::base64(std::to_string(from + most));
    return json;
}

EventsService::Operation EventsService::operation_named(std::string_view name) {
    using Service = EventsService;
    static const std::map<std::string_view, Operation> operations = {
        {"CancelReplay", &Service::cancel_replay},
        {"CreateApiDestination", &Service::create_api_destination},
        {"CreateArchive", &Service::create_archive},
        {"CreateConnection", &Service::create_connection},
        {"CreateEventBus", &Service::create_event_bus},
        {"DeleteApiDestination", &Service::delete_api_destination},
        {"DeleteArchive", &Service::delete_archive},
        {"DeleteConnection", &Service::delete_connection},
        {"DeleteEventBus", &Service::delete_event_bus},
        {"DeleteRule", &Service::delete_rule},
        {"DescribeApiDestination", &Service::describe_api_destination},
        {"DescribeArchive", &Service::describe_archive},
        {"DescribeConnection", &Service::describe_connection},
        {"DescribeEventBus", &Service::describe_event_bus},
        {"DescribeReplay", &Service::describe_replay},
        {"DescribeRule", &Service::describe_rule},
        {"DisableRule", &Service::disable_rule},
        {"EnableRule", &Service::enable_rule},
        {"ListApiDestinations", &Service::list_api_destinations},
        {"ListArchives", &Service::list_archives},
        {"ListConnections", &Service::list_connections},
        {"ListEventBuses", &Service::list_event_buses},
        {"ListReplays", &Service::list_replays},
        {"ListRuleNamesByTarget", &Service::list_rule_names_by_target},
        {"ListRules", &Service::list_rules},
        {"ListTagsForResource", &Service::list_tags},
        {"ListTargetsByRule", &Service::list_targets_by_rule},
        {"PutEvents", &Service::put_events},
        {"PutPermission", &Service::put_permission},
        {"PutRule", &Service::put_rule},
        {"PutTargets", &Service::put_targets},
        {"RemovePermission", &Service::remove_permission},
        {"RemoveTargets", &Service::remove_targets},
        {"StartReplay", &Service::start_replay},
        {"TagResource", &Service::tag_resource},
        {"TestEventPattern", &Service::test_event_pattern},
        {"UntagResource", &Service::untag_resource},
        {"UpdateArchive", &Service::update_archive},
    };
    const auto found = operations.find(name);
    return found == operations.end() ? nullptr : found->second;
}

/// Of rules, buses, archives, connections alike.
Outcome<void> check_description(const Json& members) {
    constexpr std::size_t letters_max = 512;
    const std::string text = text_of(members, "Description");
    // Bytes behind the first of a letter aren't counted.
    const auto letters = std::count_if(text.begin(), text.end(),
                                       [](unsigned char byte) { return (byte & 0xc0) != 0x80; });
    if (static_cast<std::size_t>(letters) <= letters_max) return {};
    return validation(
        fmt::format("1 validation error detected: Value '{}' at 'description' failed to satisfy "
                    "constraint: Member must have length less than or equal to {}",
                    text, letters_max));
}

/// What members of that name are in every operation: the domain is given nothing else.
Outcome<void> check_types(const Json& members) {
    static const std::set<std::string_view> texts = {"Action",
                                                     "ArchiveName",
                                                     "AuthorizationType",
                                                     "ConnectionArn",
                                                     "Description",
                                                     "Event",
                                                     "EventBusName",
                                                     "EventPattern",
                                                     "EventSourceArn",
                                                     "HttpMethod",
                                                     "InvocationEndpoint",
                                                     "Name",
                                                     "NamePrefix",
                                                     "NextToken",
                                                     "Policy",
                                                     "Principal",
                                                     "ReplayName",
                                                     "ResourceARN",
                                                     "RoleArn",
                                                     "Rule",
                                                     "ScheduleExpression",
                                                     "State",
                                                     "StatementId",
                                                     "TargetArn"};
    static const std::set<std::string_view> numbers = {"InvocationRateLimitPerSecond", "Limit",
                                                       "RetentionDays"};
    static const std::set<std::string_view> lists = {"Entries", "Ids", "TagKeys", "Tags",
                                                     "Targets"};
    static const std::set<std::string_view> objects = {"AuthParameters", "Destination"};
    for (const auto& [name, value] : members.items()) {
        const bool fits =
            value.is_null() || ((!texts.contains(name) || value.is_string()) &&
                                (!numbers.contains(name) || value.is_number_integer()) &&
                                (!lists.contains(name) || value.is_array()) &&
                                (!objects.contains(name) || value.is_object()));
        if (!fits)
            return aws::refuse("SerializationException",
                               fmt::format("{} is of a type that it can't be", name));
    }
    return {};
}

aws::Outcome<aws::Reply> EventsService::call(aws::Call& call) {
    const Operation operation = operation_named(call.operation);
    if (operation == nullptr) return aws::refuse("UnknownOperationException", "");
    const auto members = call.parameters();
    if (!members) return tl::unexpected(members.error());
    if (auto fits = check_types(*members); !fits) return tl::unexpected(fits.error());
    if (auto fits = check_description(*members); !fits) return tl::unexpected(fits.error());
    auto answer = (this->*operation)(call, *members);
    if (!answer) return tl::unexpected(answer.error());
    return aws::reply(*std::move(answer));
}

Outcome<void> EventsService::allow(const aws::Call& call, catalog::Action action,
                                   const std::string& id, const std::string& owner) const {
    return ask(call, action == catalog::Action::read ? access_.may : access_.decide, action, id,
               owner);
}

Outcome<void> EventsService::ask(const aws::Call& call, const Decide& decide,
                                 catalog::Action action, const std::string& id,
                                 const std::string& owner) const {
    const auto allowed = decide(call.principal, action, {catalog::ThingKind::bus, id, owner});
    if (!allowed) return aws::refuse(allowed.error());
    if (*allowed) return {};
    return aws::refuse("AccessDeniedException",
                       fmt::format("User: {} is not authorized to perform: events:{} on {}",
                                   call.principal.name, call.operation, id),
                       400);
}

Result<bool> EventsService::may_send_to(const aws::Call& call, const std::string& arn) const {
    constexpr std::string_view endpoint_mark = ":api-destination/";
    catalog::Thing thing{.kind = catalog::ThingKind::bus, .id = "", .owner = ""};
    if (arn.find(":event-bus/") != std::string::npos) {
        thing.id = bus_name(arn);
        if (thing.id == "default")
            return access_.may(call.principal, catalog::Action::create,
                               {catalog::ThingKind::bus, "", ""});
        if (const auto bus = events_.find_bus(thing.id)) thing.owner = bus->owner;
    } else if (const std::size_t at = arn.find(endpoint_mark); at != std::string::npos) {
        thing.id = arn.substr(at + endpoint_mark.size());
        thing.id = thing.id.substr(0, thing.id.find('/'));
        if (const auto found = events_.find_endpoint("api-destination", thing.id))
            thing.owner = found->owner;
    } else {
        const auto found = access_.find_target(arn);
        if (!found) return true;
        thing = *found;
    }
    return access_.may(call.principal, catalog::Action::change, thing);
}

Outcome<event::Bus> EventsService::bus_of(const aws::Call& call, const Json& members,
                                          const char* member, catalog::Action action) const {
    std::string name = text_of(members, member);
    name = name.empty() ? "default" : bus_name(name);
    auto bus = events_.find_bus(name);
    if (!bus)
        return aws::refuse("ResourceNotFoundException",
                           fmt::format("Event bus {} does not exist.", name));
    // The default bus is everybody's: who may make a bus may use it.
    const bool is_shared = name == "default" && action != catalog::Action::remove;
    const Decide& shared = action == catalog::Action::read ? access_.may : access_.decide;
    const auto done = is_shared ? ask(call, shared, catalog::Action::create, "", "")
                                : allow(call, action, bus->name, bus->owner);
    if (!done) return tl::unexpected(done.error());
    return *std::move(bus);
}

Outcome<Json> EventsService::put_events(const aws::Call& call, const Json& members) {
    const auto list = members.find("Entries");
    if (list == members.end() || !list->is_array() || list->empty())
        return validation(
            "1 validation error detected: Value '[]' at 'entries' failed to satisfy "
            "constraint: Member must have length greater than or equal to 1");
    if (list->size() > entries_max)
        return validation(
            "1 validation error detected: Value at 'entries' failed to satisfy "
            "constraint: Member must have length less than or equal to 10");
    std::size_t size = 0;
    for (const Json& entry : *list) size += size_of(entry);
    if (size > bytes_max)
        return validation("Total size of the entries in the request is over the limit.");
    Json answers = Json::array();
    std::vector<event::Event> events;
    std::vector<std::size_t> places;
    std::int64_t failed = 0;
    for (const Json& entry : *list) {
        auto read = read_entry(call, entry);
        const auto bus = read ? events_.find_bus(read->bus) : std::nullopt;
        if (read && bus && read->bus != "default") {
            const auto allowed = access_.may(call.principal, catalog::Action::change,
                                             {catalog::ThingKind::bus, bus->name, bus->owner});
            if (!allowed.value_or(false))
                read = tl::unexpected(failed_entry("AccessDeniedException", "Access denied."));
        }
        failed += read ? 0 : 1;
        answers.push_back(read ? Json(nullptr) : read.error());
        if (!read) continue;
        places.push_back(answers.size() - 1);
        events.push_back(*std::move(read));
    }
    if (const auto allowed =
            access_.may(call.principal, catalog::Action::create, {catalog::ThingKind::bus, "", ""});
        !allowed.value_or(false))
        return aws::refuse("AccessDeniedException", "may not publish events", 400);
    const auto ids = events_.publish(events);
    for (std::size_t e = 0; e < ids.size(); ++e) {
        // An event for a bus that isn't there is taken, and goes nowhere.
        if (ids[e])
            answers[places[e]] = {{"EventId", *ids[e]}};
        else if (ids[e].error().code == ErrorCode::not_found)
            answers[places[e]] = {{"EventId", call.request_id}};
        else {
            answers[places[e]] = failed_entry("InternalFailure", ids[e].error().message);
            ++failed;
        }
    }
    return Json{{"FailedEntryCount", failed}, {"Entries", std::move(answers)}};
}

Outcome<Json> EventsService::test_event_pattern(const aws::Call&, const Json& members) {
    const auto event = parse_json(text_of(members, "Event"));
    if (!event || !event->is_object()) return validation("Parameter Event is not valid.");
    for (const char* member : {"id", "account", "source", "time", "region", "detail-type"})
        if (!event->contains(member)) return validation("Parameter Event is not valid.");
    const auto pattern = event::Pattern::read(text_of(members, "EventPattern"));
    if (!pattern)
        return aws::refuse("InvalidEventPatternException",
                           "Event pattern is not valid. Reason: " + pattern.error().message);
    return Json{{"Result", pattern->matches(event::FlatEvent(*event))}};
}

Outcome<Json> EventsService::create_event_bus(const aws::Call& call, const Json& members) {
    const auto name = name_of(members, "Name", 256);
    if (!name) return tl::unexpected(name.error());
    if (auto done = allow(call, catalog::Action::create, "", ""); !done)
        return tl::unexpected(done.error());
    Json attributes = Json::object();
    for (const char* member : {"Description", "Tags"})
        if (members.contains(member)) attributes[member] = members[member];
    const auto bus = events_.create_bus(*name, call.region, call.principal.id, attributes);
    if (!bus) return events_fault(bus.error());
    Json json{{"EventBusArn", bus->arn}};
    if (attributes.contains("Description")) json["Description"] = attributes["Description"];
    return json;
}

Outcome<Json> EventsService::describe_event_bus(const aws::Call& call, const Json& members) {
    const auto bus = bus_of(call, members, "Name", catalog::Action::read);
    if (!bus) return tl::unexpected(bus.error());
    return bus_json(*bus);
}

Outcome<Json> EventsService::list_event_buses(const aws::Call& call, const Json& members) {
    const std::string prefix = text_of(members, "NamePrefix");
    std::vector<Json> all;
    for (const event::Bus& bus : events_.buses())
        if (bus.name.starts_with(prefix) &&
            (bus.name == "default" || allow(call, catalog::Action::read, bus.name, bus.owner)))
            all.push_back(bus_json(bus));
    return page_of(members, "EventBuses", std::move(all));
}

Outcome<Json> EventsService::delete_event_bus(const aws::Call& call, const Json& members) {
    const auto name = name_of(members, "Name", 256);
    if (!name) return tl::unexpected(name.error());
    if (*name == "default") return validation("Cannot delete event bus default.");
    const auto bus = events_.find_bus(*name);
    if (!bus) return Json::object();  // as AWS: gone is gone
    if (auto done = allow(call, catalog::Action::remove, bus->name, bus->owner); !done)
        return tl::unexpected(done.error());
    if (const auto done = events_.remove_bus(*name); !done) return events_fault(done.error());
    return Json::object();
}

std::unique_ptr<aws::Service> make_service(event::Events& events, Access access) {
    return std::make_unique<EventsService>(events, std::move(access));
}

}  // namespace stroma::front::events
