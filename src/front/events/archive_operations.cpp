#include <fmt/format.h>

#include <algorithm>

#include "base/digest.h"
#include "front/events/events_service.h"

namespace stroma::front::events {
namespace {

double seconds(std::int64_t unix_ms) { return static_cast<double>(unix_ms) / 1000; }

std::int64_t time_of(const Json& members, const char* name) {
    const auto found = members.find(name);
    return found != members.end() && found->is_number()
               ? static_cast<std::int64_t>(found->get<double>() * 1000)
               : -1;
}

/// Without what is secret.
Json connection_json(const event::Endpoint& connection) {
    Json json{{"ConnectionArn", connection.arn},
              {"Name", connection.name},
              {"ConnectionState", "AUTHORIZED"},
              {"AuthorizationType", text_of(connection.attributes, "AuthorizationType")}};
    Json shown = Json::object();
    const Json parameters = connection.attributes.value("AuthParameters", Json::object());
    if (parameters.contains("ApiKeyAuthParameters"))
        shown["ApiKeyAuthParameters"]["ApiKeyName"] =
            text_of(parameters["ApiKeyAuthParameters"], "ApiKeyName");
    if (parameters.contains("BasicAuthParameters"))
        shown["BasicAuthParameters"]["Username"] =
            text_of(parameters["BasicAuthParameters"], "Username");
    if (!parameters.contains("InvocationHttpParameters"))
        shown["InvocationHttpParameters"] = Json::object();
    json["AuthParameters"] = std::move(shown);
    for (const char* time : {"CreationTime", "LastModifiedTime", "LastAuthorizedTime"})
        json[time] = seconds(connection.created_ms);
    return json;
}

Json destination_json(const event::Endpoint& destination) {
    Json json{{"ApiDestinationArn", destination.arn},
              {"Name", destination.name},
              {"ApiDestinationState", "ACTIVE"}};
    for (const char* member : {"ConnectionArn", "InvocationEndpoint", "HttpMethod", "Description",
                               "InvocationRateLimitPerSecond"})
        if (destination.attributes.contains(member)) json[member] = destination.attributes[member];
    json["CreationTime"] = json["LastModifiedTime"] = seconds(destination.created_ms);
    return json;
}

Json replay_json(const event::Replay& replay, const std::string& archive_arn) {
    Json json{{"ReplayName", replay.name},
              {"EventSourceArn", archive_arn},
              {"State", replay.state},
              {"EventStartTime", seconds(replay.from_ms)},
              {"EventEndTime", seconds(replay.to_ms)},
              {"ReplayStartTime", seconds(replay.started_ms)}};
    if (replay.reached_ms > replay.from_ms)
        json["EventLastReplayedTime"] = seconds(replay.reached_ms);
    if (replay.ended_ms > 0) json["ReplayEndTime"] = seconds(replay.ended_ms);
    return json;
}

std::string id_of(const std::string& name, std::int64_t time) {
    const std::string hash = sha256_hex(name + std::to_string(time));
    return fmt::format("{}-{}-4{}-8{}-{}", hash.substr(0, 8), hash.substr(8, 4), hash.substr(12, 3),
                       hash.substr(15, 3), hash.substr(18, 12));
}

}  // namespace

Outcome<event::Archive> EventsService::archive_of(const aws::Call& call, const std::string& name,
                                                  catalog::Action action) {
    auto archive = events_.find_archive(name);
    if (!archive)
        return aws::refuse("ResourceNotFoundException",
                           fmt::format("Archive {} does not exist.", name));
    if (auto done = allow(call, action, archive->arn, archive->owner); !done)
        return tl::unexpected(done.error());
    return *std::move(archive);
}

Outcome<Json> EventsService::create_archive(const aws::Call& call, const Json& members) {
    const auto name = name_of(members, "ArchiveName", 48);
    if (!name) return tl::unexpected(name.error());
    const auto bus = bus_of(call, members, "EventSourceArn", catalog::Action::change);
    if (!bus) return tl::unexpected(bus.error());
    Json attributes = Json::object();
    for (const char* member : {"EventPattern", "Description", "RetentionDays"})
        if (members.contains(member)) attributes[member] = members[member];
    if (const std::string pattern = text_of(members, "EventPattern"); !pattern.empty())
        if (const auto read = event::Pattern::read(pattern); !read)
            return aws::refuse("InvalidEventPatternException",
                               "Event pattern is not valid. Reason: " + read.error().message);
    if (const auto done =
            events_.put_archive(*name, bus->name, call.principal.id, std::move(attributes), true);
        !done)
        return events_fault(done.error());
    const auto made = events_.find_archive(*name);
    return Json{{"ArchiveArn", made->arn},
                {"State", "ENABLED"},
                {"CreationTime", seconds(made->created_ms)}};
}

Outcome<Json> EventsService::update_archive(const aws::Call& call, const Json& members) {
    const auto archive = archive_of(call, text_of(members, "ArchiveName"), catalog::Action::change);
    if (!archive) return tl::unexpected(archive.error());
    Json attributes = archive->attributes;
    bool any = false;
    for (const char* member : {"EventPattern", "Description", "RetentionDays"})
        if (members.contains(member)) {
            attributes[member] = members[member];
            any = true;
        }
    if (!any)
        return validation(
            "At least one of EventPattern, RetentionDays or Description must be provided.");
    if (const auto done = events_.put_archive(archive->name, archive->bus, archive->owner,
                                              std::move(attributes), false);
        !done)
        return events_fault(done.error());
    return Json{{"ArchiveArn", archive->arn},
                {"State", "ENABLED"},
                {"CreationTime", seconds(archive->created_ms)}};
}

Outcome<Json> EventsService::describe_archive(const aws::Call& call, const Json& members) {
    const auto archive = archive_of(call, text_of(members, "ArchiveName"), catalog::Action::read);
    if (!archive) return tl::unexpected(archive.error());
    const auto archived = events_.archived(archive->name);
    if (!archived) return events_fault(archived.error());
    const auto bus = events_.find_bus(archive->bus);
    Json json{{"ArchiveArn", archive->arn},
              {"ArchiveName", archive->name},
              {"EventSourceArn", bus ? bus->arn : ""},
              {"State", "ENABLED"},
              {"RetentionDays", 0},
              {"EventCount", archived->events},
              {"SizeBytes", archived->bytes},
              {"CreationTime", seconds(archive->created_ms)}};
    json.update(archive->attributes);
    return json;
}

Outcome<Json> EventsService::list_archives(const aws::Call& call, const Json& members) {
    const std::string prefix = text_of(members, "NamePrefix"), state = text_of(members, "State");
    std::string source = text_of(members, "EventSourceArn");
    if (!source.empty()) {
        const auto bus = bus_of(call, members, "EventSourceArn", catalog::Action::read);
        if (!bus) return tl::unexpected(bus.error());
        source = bus->name;
    }
    std::vector<Json> all;
    for (const event::Archive& archive : events_.archives()) {
        if (!archive.name.starts_with(prefix) || (!source.empty() && archive.bus != source) ||
            (!state.empty() && state != "ENABLED"))
            continue;
        if (auto json = describe_archive(call, {{"ArchiveName", archive.name}}))
            all.push_back(*std::move(json));
    }
    return page_of(members, "Archives", std::move(all));
}

Outcome<Json> EventsService::delete_archive(const aws::Call& call, const Json& members) {
    const auto archive = archive_of(call, text_of(members, "ArchiveName"), catalog::Action::remove);
    if (!archive) return tl::unexpected(archive.error());
    if (const auto done = events_.remove_archive(archive->name); !done)
        return events_fault(done.error());
    return Json::object();
}

Outcome<Json> EventsService::start_replay(const aws::Call& call, const Json& members) {
    const auto name = name_of(members, "ReplayName");
    if (!name) return tl::unexpected(name.error());
    const std::string source = bus_name(text_of(members, "EventSourceArn"));
    if (!events_.find_archive(source))
        return validation(
            fmt::format("Parameter EventSourceArn is not valid. Reason: Archive {} "
                        "does not exist.",
                        source));
    const auto archive = archive_of(call, source, catalog::Action::change);
    if (!archive) return tl::unexpected(archive.error());
    const Json destination = members.value("Destination", Json::object());
    event::Replay replay;
    replay.name = *name;
    replay.archive = archive->name;
    replay.bus = archive->bus;
    replay.owner = call.principal.id;
    replay.from_ms = time_of(members, "EventStartTime");
    replay.to_ms = time_of(members, "EventEndTime");
    if (replay.from_ms < 0 || replay.from_ms >= replay.to_ms)
        return validation(
            "Parameter EventEndTime is not valid. Reason: EventStartTime must be "
            "before EventEndTime.");
    if (const std::string to = bus_name(text_of(destination, "Arn")); to != archive->bus) {
        if (!events_.find_bus(to))
            return aws::refuse("ResourceNotFoundException",
                               fmt::format("Event bus {} does not exist.", to));
        return validation(
            "Parameter Destination.Arn is not valid. Reason: Cross event bus replay "
            "is not permitted.");
    }
    replay.attributes = {{"FilterArns", destination.value("FilterArns", Json::array())},
                         {"Description", text_of(members, "Description")}};
    if (const auto done = events_.start_replay(replay); !done) return events_fault(done.error());
    return Json{{"ReplayArn", events_.arn_of(call.region, "replay/" + *name)},
                {"State", "STARTING"}};
}

Outcome<event::Replay> EventsService::replay_of(const aws::Call& call, const Json& members,
                                                catalog::Action action) {
    const std::string name = text_of(members, "ReplayName");
    auto all = events_.replays();
    if (!all) return events_fault(all.error());
    const auto found = std::find_if(all->begin(), all->end(),
                                    [&](const auto& replay) { return replay.name == name; });
    if (found == all->end())
        return aws::refuse("ResourceNotFoundException",
                           fmt::format("Replay {} does not exist.", name));
    if (auto done = allow(call, action, name, found->owner); !done)
        return tl::unexpected(done.error());
    return *found;
}

Outcome<Json> EventsService::describe_replay(const aws::Call& call, const Json& members) {
    const auto replay = replay_of(call, members, catalog::Action::read);
    if (!replay) return tl::unexpected(replay.error());
    Json json = replay_json(*replay, events_.arn_of(call.region, "archive/" + replay->archive));
    json["ReplayArn"] = events_.arn_of(call.region, "replay/" + replay->name);
    const auto bus = events_.find_bus(replay->bus);
    json["Destination"] = {{"Arn", bus ? bus->arn : ""},
                           {"FilterArns", replay->attributes.value("FilterArns", Json::array())}};
    return json;
}

Outcome<Json> EventsService::list_replays(const aws::Call& call, const Json& members) {
    const std::string prefix = text_of(members, "NamePrefix"), state = text_of(members, "State");
    const std::string source = bus_name(text_of(members, "EventSourceArn"));
    const auto replays = events_.replays();
    if (!replays) return events_fault(replays.error());
    std::vector<Json> all;
    for (const event::Replay& replay : *replays)
        if (replay.name.starts_with(prefix) && (state.empty() || state == replay.state) &&
            (source.empty() || source == replay.archive) &&
            allow(call, catalog::Action::read, replay.name, replay.owner))
            all.push_back(
                replay_json(replay, events_.arn_of(call.region, "archive/" + replay.archive)));
    return page_of(members, "Replays", std::move(all));
}

Outcome<Json> EventsService::cancel_replay(const aws::Call& call, const Json& members) {
    const auto replay = replay_of(call, members, catalog::Action::change);
    if (!replay) return tl::unexpected(replay.error());
    if (const auto done = events_.cancel_replay(replay->name); !done) {
        if (done.error().code == ErrorCode::conflict)
            return aws::refuse("IllegalStatusException", done.error().message);
        return events_fault(done.error());
    }
    return Json{{"ReplayArn", events_.arn_of(call.region, "replay/" + replay->name)},
                {"State", "CANCELLING"}};
}

Outcome<event::Endpoint> EventsService::endpoint_of(const aws::Call& call, const Json& members,
                                                    const std::string& kind,
                                                    catalog::Action action) {
    const std::string name = text_of(members, "Name");
    auto endpoint = events_.find_endpoint(kind, name);
    if (!endpoint)
        return aws::refuse("ResourceNotFoundException",
                           kind == "connection"
                               ? fmt::format("Failed to describe the connection(s). Connection "
                                             "'{}' does not exist.",
                                             name)
                               : fmt::format("Failed to describe the api-destination(s). An "
                                             "api-destination '{}' does not exist.",
                                             name));
    if (auto done = allow(call, action, endpoint->arn, endpoint->owner); !done)
        return tl::unexpected(done.error());
    return *std::move(endpoint);
}

Outcome<Json> EventsService::create_connection(const aws::Call& call, const Json& members) {
    const auto name = name_of(members, "Name");
    if (!name) return tl::unexpected(name.error());
    if (auto done = allow(call, catalog::Action::create, "", ""); !done)
        return tl::unexpected(done.error());
    const std::string type = text_of(members, "AuthorizationType");
    if (type == "OAUTH_CLIENT_CREDENTIALS")
        return validation(
            "Parameter AuthorizationType is not valid. Reason: OAUTH_CLIENT_CREDENTIALS isn't "
            "there "
            "on this server; BASIC and API_KEY are.");
    if (type != "BASIC" && type != "API_KEY")
        return validation(
            fmt::format("1 validation error detected: Value '{}' at "
                        "'authorizationType' failed to satisfy constraint: Member "
                        "must satisfy enum value set: [BASIC, OAUTH_CLIENT_CREDENTIALS, API_KEY]",
                        type));
    if (events_.find_endpoint("connection", *name))
        return aws::refuse("ResourceAlreadyExistsException",
                           fmt::format("Connection {} already exists.", *name));
    const std::string arn =
        events_.arn_of(call.region, fmt::format("connection/{}/{}", *name, id_of(*name, 1)));
    if (const auto done = events_.put_endpoint(
            "connection", *name, call.principal.id,
            {{"Arn", arn},
             {"AuthorizationType", type},
             {"AuthParameters", members.value("AuthParameters", Json::object())}});
        !done)
        return events_fault(done.error());
    return connection_json(*events_.find_endpoint("connection", *name));
}

Outcome<Json> EventsService::describe_connection(const aws::Call& call, const Json& members) {
    const auto one = endpoint_of(call, members, "connection", catalog::Action::read);
    if (!one) return tl::unexpected(one.error());
    return connection_json(*one);
}

Outcome<Json> EventsService::list_connections(const aws::Call& call, const Json& members) {
    std::vector<Json> all;
    for (const auto& one : events_.endpoints("connection"))
        if (allow(call, catalog::Action::read, one.arn, one.owner))
            all.push_back(connection_json(one));
    return page_of(members, "Connections", std::move(all));
}

Outcome<Json> EventsService::delete_connection(const aws::Call& call, const Json& members) {
    const auto one = endpoint_of(call, members, "connection", catalog::Action::remove);
    if (!one) return tl::unexpected(one.error());
    if (const auto done = events_.remove_endpoint("connection", one->name); !done)
        return events_fault(done.error());
    return connection_json(*one);
}

Outcome<Json> EventsService::create_api_destination(const aws::Call& call, const Json& members) {
    const auto name = name_of(members, "Name");
    if (!name) return tl::unexpected(name.error());
    if (auto done = allow(call, catalog::Action::create, "", ""); !done)
        return tl::unexpected(done.error());
    const std::string url = text_of(members, "InvocationEndpoint");
    if (!url.starts_with("http://") && !url.starts_with("https://"))
        return validation("Parameter InvocationEndpoint is not valid.");
    if (const std::string method = text_of(members, "HttpMethod"); method != "POST")
        return validation(
            fmt::format("1 validation error detected: Value '{}' at 'httpMethod' "
                        "failed to satisfy constraint: Member must satisfy enum "
                        "value set: [POST]",
                        method));
    if (events_.find_endpoint("api-destination", *name))
        return aws::refuse("ResourceAlreadyExistsException",
                           fmt::format("An api-destination {} already exists.", *name));
    Json attributes{{"Arn", events_.arn_of(call.region, fmt::format("api-destination/{}/{}", *name,
                                                                    id_of(*name, 2)))}};
    for (const char* member : {"ConnectionArn", "InvocationEndpoint", "HttpMethod", "Description",
                               "InvocationRateLimitPerSecond"})
        if (members.contains(member)) attributes[member] = members[member];
    if (const auto done = events_.put_endpoint("api-destination", *name, call.principal.id,
                                               std::move(attributes));
        !done)
        return events_fault(done.error());
    return destination_json(*events_.find_endpoint("api-destination", *name));
}

Outcome<Json> EventsService::describe_api_destination(const aws::Call& call, const Json& members) {
    const auto one = endpoint_of(call, members, "api-destination", catalog::Action::read);
    if (!one) return tl::unexpected(one.error());
    return destination_json(*one);
}

Outcome<Json> EventsService::list_api_destinations(const aws::Call& call, const Json& members) {
    std::vector<Json> all;
    for (const auto& one : events_.endpoints("api-destination"))
        if (allow(call, catalog::Action::read, one.arn, one.owner))
            all.push_back(destination_json(one));
    return page_of(members, "ApiDestinations", std::move(all));
}

Outcome<Json> EventsService::delete_api_destination(const aws::Call& call, const Json& members) {
    const auto one = endpoint_of(call, members, "api-destination", catalog::Action::remove);
    if (!one) return tl::unexpected(one.error());
    if (const auto done = events_.remove_endpoint("api-destination", one->name); !done)
        return events_fault(done.error());
    return Json::object();
}

}  // namespace stroma::front::events
