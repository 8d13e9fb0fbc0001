#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "front/events/events_service.h"

namespace stroma::front::events {
namespace {

Json rule_json(const event::Rule& rule) {
    Json json{{"Name", rule.name}, {"Arn", rule.arn}};
    for (const char* member :
         {"EventPattern", "ScheduleExpression", "State", "Description", "RoleArn"})
        if (rule.attributes.contains(member)) json[member] = rule.attributes[member];
    if (rule.attributes.contains("SuspendedBecause"))
        json["Description"] = "suspended: " + text_of(rule.attributes, "SuspendedBecause");
    json["EventBusName"] = rule.bus;
    return json;
}

Json tags_json(const Json& attributes) {
    return attributes.contains("Tags") ? attributes["Tags"] : Json::array();
}

/// The tags with `put` put and those named in `remove` gone.
Json changed_tags(const Json& tags, const Json& put, const Json& remove) {
    std::set<std::string> gone;
    for (const Json& key : remove)
        if (key.is_string()) gone.insert(key.get<std::string>());
    for (const Json& tag : put)
        if (tag.is_object()) gone.insert(text_of(tag, "Key"));
    Json changed = Json::array();
    for (const Json& tag : tags)
        if (!gone.contains(text_of(tag, "Key"))) changed.push_back(tag);
    for (const Json& tag : put)
        if (tag.is_object()) changed.push_back(tag);
    return changed;
}

/// "bus/name" or "name" of a rule's ARN; "" when it is no rule's.
std::string rule_path(const std::string& arn) {
    const std::size_t at = arn.find(":rule/");
    return at == std::string::npos ? std::string() : arn.substr(at + 6);
}

}  // namespace

Outcome<event::RulePointer> EventsService::rule_of(const aws::Call& call, const Json& members,
                                                   const char* name_member,
                                                   catalog::Action action) const {
    const auto name = name_of(members, name_member);
    if (!name) return tl::unexpected(name.error());
    const bool removes = action == catalog::Action::remove;  // the rule, not the bus
    const auto bus =
        bus_of(call, members, "EventBusName", removes ? catalog::Action::change : action);
    if (!bus) return tl::unexpected(bus.error());
    event::RulePointer rule = events_.find_rule(bus->name, *name);
    if (!rule)
        return aws::refuse("ResourceNotFoundException",
                           fmt::format("Rule {} does not exist on EventBus {}.", *name, bus->name));
    if (auto done = allow(call, action, rule->arn, rule->owner); !done)
        return tl::unexpected(done.error());
    return rule;
}

Outcome<Json> EventsService::put_rule(const aws::Call& call, const Json& members) {
    const auto name = name_of(members, "Name");
    if (!name) return tl::unexpected(name.error());
    const auto bus = bus_of(call, members, "EventBusName", catalog::Action::change);
    if (!bus) return tl::unexpected(bus.error());
    if (const auto known = events_.find_rule(bus->name, *name))
        if (auto done = allow(call, catalog::Action::change, known->arn, known->owner); !done)
            return tl::unexpected(done.error());
    Json attributes = Json::object();
    for (const char* member :
         {"EventPattern", "ScheduleExpression", "State", "Description", "RoleArn", "Tags"})
        if (members.contains(member) && !members[member].is_null())
            attributes[member] = members[member];
    if (const std::string pattern = text_of(members, "EventPattern"); !pattern.empty())
        if (const auto read = event::Pattern::read(pattern); !read)
            return aws::refuse("InvalidEventPatternException",
                               "Event pattern is not valid. Reason: " + read.error().message);
    if (const std::string state = text_of(members, "State");
        members.contains("State") && state != "ENABLED" && state != "DISABLED" &&
        state != "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")
        return validation(
            fmt::format("1 validation error detected: Value '{}' at 'state' failed to satisfy "
                        "constraint: Member must satisfy enum value set: [ENABLED, DISABLED, "
                        "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS]",
                        state));
    const auto rule = events_.put_rule(bus->name, *name, call.principal.id, std::move(attributes));
    if (!rule) return events_fault(rule.error());
    return Json{{"RuleArn", (*rule)->arn}};
}

Outcome<Json> EventsService::describe_rule(const aws::Call& call, const Json& members) {
    const auto rule = rule_of(call, members, "Name", catalog::Action::read);
    if (!rule) return tl::unexpected(rule.error());
    Json json = rule_json(**rule);
    json["CreatedBy"] = call.account;
    return json;
}

Outcome<Json> EventsService::list_rules(const aws::Call& call, const Json& members) {
    const auto bus = bus_of(call, members, "EventBusName", catalog::Action::read);
    if (!bus) return tl::unexpected(bus.error());
    const std::string prefix = text_of(members, "NamePrefix");
    std::vector<Json> all;
    for (const auto& rule : events_.rules(bus->name))
        if (rule->name.starts_with(prefix) &&
            allow(call, catalog::Action::read, rule->arn, rule->owner))
            all.push_back(rule_json(*rule));
    return page_of(members, "Rules", std::move(all));
}

Outcome<Json> EventsService::delete_rule(const aws::Call& call, const Json& members) {
    const auto rule = rule_of(call, members, "Name", catalog::Action::remove);
    if (!rule)  // as AWS: what isn't there needn't be deleted
        return rule.error().message.starts_with("Rule ") ? Outcome<Json>(Json::object())
                                                         : tl::unexpected(rule.error());
    if (const auto done = events_.remove_rule((*rule)->bus, (*rule)->name); !done)
        return events_fault(done.error());
    return Json::object();
}

Outcome<Json> EventsService::set_enabled(const aws::Call& call, const Json& members, bool enabled) {
    const auto rule = rule_of(call, members, "Name", catalog::Action::change);
    if (!rule) return tl::unexpected(rule.error());
    Json attributes = (*rule)->attributes;
    attributes["State"] = enabled ? "ENABLED" : "DISABLED";
    attributes.erase("SuspendedBecause");
    const auto put =
        events_.put_rule((*rule)->bus, (*rule)->name, (*rule)->owner, std::move(attributes));
    if (!put) return events_fault(put.error());
    return Json::object();
}

Outcome<Json> EventsService::enable_rule(const aws::Call& call, const Json& members) {
    return set_enabled(call, members, true);
}

Outcome<Json> EventsService::disable_rule(const aws::Call& call, const Json& members) {
    return set_enabled(call, members, false);
}

Outcome<Json> EventsService::put_targets(const aws::Call& call, const Json& members) {
    const auto rule = rule_of(call, members, "Rule", catalog::Action::change);
    if (!rule) return tl::unexpected(rule.error());
    const auto list = members.find("Targets");
    if (list == members.end() || !list->is_array() || list->empty())
        return validation("Parameter Targets is not valid.");
    std::vector<Json> targets, failed;
    for (std::size_t t = 0; t < list->size(); ++t) {
        const Json& target = (*list)[t];
        const std::string at = fmt::format("targets.{}.member", t + 1);
        const auto id = name_of(target, "Id");
        if (!id) {
            std::string message = id.error().message;
            if (const std::size_t place = message.find("'id'"); place != std::string::npos)
                message.replace(place, 4, "'" + at + ".id'");
            return validation(std::move(message));
        }
        const std::string arn = text_of(target, "Arn");
        if (!arn.starts_with("arn:")) {
            failed.push_back({{"TargetId", *id},
                              {"ErrorCode", "ValidationException"},
                              {"ErrorMessage",
                               fmt::format("Parameter {} is not valid. Reason: Provided Arn is not "
                                           "in correct format.",
                                           arn)}});
            continue;
        }
        std::vector<std::string> goes_to{arn};
        if (const auto letters = target.find("DeadLetterConfig"); letters != target.end())
            goes_to.push_back(text_of(*letters, "Arn"));
        for (const std::string& place : goes_to) {
            const auto allowed = may_send_to(call, place);
            if (!allowed) return aws::refuse(allowed.error());
            if (*allowed) continue;
            return aws::refuse("AccessDeniedException",
                               fmt::format("User: {} is not authorized to have events sent to {}",
                                           call.principal.name, place),
                               400);
        }
        targets.push_back(target);
    }
    if (const auto done = events_.put_targets((*rule)->bus, (*rule)->name, targets); !done)
        return events_fault(done.error());
    const auto count = failed.size();
    return Json{{"FailedEntryCount", count}, {"FailedEntries", Json(std::move(failed))}};
}

Outcome<Json> EventsService::remove_targets(const aws::Call& call, const Json& members) {
    const auto rule = rule_of(call, members, "Rule", catalog::Action::change);
    if (!rule) return tl::unexpected(rule.error());
    std::vector<std::string> ids;
    Json failed = Json::array();
    for (const Json& id : members.value("Ids", Json::array())) {
        if (!id.is_string()) continue;
        ids.push_back(id.get<std::string>());
        const auto& targets = (*rule)->targets;
        if (std::none_of(targets.begin(), targets.end(),
                         [&](const auto& target) { return target.id == ids.back(); }))
            failed.push_back({{"TargetId", ids.back()},
                              {"ErrorCode", "ResourceNotFoundException"},
                              {"ErrorMessage", fmt::format("Rule {} does not have a target with "
                                                           "the Id {}.",
                                                           (*rule)->name, ids.back())}});
    }
    if (const auto done = events_.remove_targets((*rule)->bus, (*rule)->name, ids); !done)
        return events_fault(done.error());
    const auto count = failed.size();
    return Json{{"FailedEntryCount", count}, {"FailedEntries", std::move(failed)}};
}

Outcome<Json> EventsService::list_targets_by_rule(const aws::Call& call, const Json& members) {
    const auto rule = rule_of(call, members, "Rule", catalog::Action::read);
    if (!rule) return tl::unexpected(rule.error());
    std::vector<Json> all;
    for (const auto& target : (*rule)->targets) all.push_back(target.attributes);
    return page_of(members, "Targets", std::move(all));
}

Outcome<Json> EventsService::list_rule_names_by_target(const aws::Call& call, const Json& members) {
    const auto bus = bus_of(call, members, "EventBusName", catalog::Action::read);
    if (!bus) return tl::unexpected(bus.error());
    const std::string arn = text_of(members, "TargetArn");
    std::vector<Json> all;
    for (const auto& rule : events_.rules(bus->name))
        if (std::any_of(rule->targets.begin(), rule->targets.end(),
                        [&](const auto& target) { return target.arn == arn; }) &&
            allow(call, catalog::Action::read, rule->arn, rule->owner))
            all.emplace_back(rule->name);
    return page_of(members, "RuleNames", std::move(all));
}

static tl::unexpected<Fault> no_tagged(const std::string& arn) {
    const std::size_t bus = arn.find(":event-bus/");
    return aws::refuse("ResourceNotFoundException",
                       bus == arn.npos ? fmt::format("{} does not exist.", arn)
                                       : fmt::format("Event bus {} does not exist.",
                                                     arn.substr(arn.find('/', bus) + 1)));
}

Outcome<Json> EventsService::change_tags(const aws::Call& call, const std::string& arn,
                                         const Json& put, const Json& remove) {
    const std::string path = rule_path(arn);
    if (path.empty()) {
        const auto bus = events_.find_bus(bus_name(arn));
        if (!bus || arn.find(":event-bus/") == std::string::npos) return no_tagged(arn);
        if (auto done = allow(call, catalog::Action::change, bus->name, bus->owner); !done)
            return tl::unexpected(done.error());
        Json attributes = bus->attributes;
        attributes["Tags"] = changed_tags(tags_json(attributes), put, remove);
        if (const auto done = events_.set_bus_attributes(bus->name, std::move(attributes)); !done)
            return events_fault(done.error());
        return Json::object();
    }
    const std::size_t slash = path.rfind('/');
    Json named{{"Name", path.substr(slash + 1)}};
    if (slash != std::string::npos) named["EventBusName"] = path.substr(0, slash);
    const auto rule = rule_of(call, named, "Name", catalog::Action::change);
    if (!rule) return tl::unexpected(rule.error());
    Json attributes = (*rule)->attributes;
    attributes["Tags"] = changed_tags(tags_json(attributes), put, remove);
    const auto done =
        events_.put_rule((*rule)->bus, (*rule)->name, (*rule)->owner, std::move(attributes));
    if (!done) return events_fault(done.error());
    return Json::object();
}

Outcome<Json> EventsService::tag_resource(const aws::Call& call, const Json& members) {
    return change_tags(call, text_of(members, "ResourceARN"), members.value("Tags", Json::array()),
                       Json::array());
}

Outcome<Json> EventsService::untag_resource(const aws::Call& call, const Json& members) {
    return change_tags(call, text_of(members, "ResourceARN"), Json::array(),
                       members.value("TagKeys", Json::array()));
}

Outcome<Json> EventsService::list_tags(const aws::Call& call, const Json& members) {
    const std::string arn = text_of(members, "ResourceARN"), path = rule_path(arn);
    if (path.empty()) {
        const auto bus = events_.find_bus(bus_name(arn));
        if (!bus) return no_tagged(arn);
        return Json{{"Tags", tags_json(bus->attributes)}};
    }
    const std::size_t slash = path.rfind('/');
    Json named{{"Name", path.substr(slash + 1)}};
    if (slash != std::string::npos) named["EventBusName"] = path.substr(0, slash);
    const auto rule = rule_of(call, named, "Name", catalog::Action::read);
    if (!rule) return tl::unexpected(rule.error());
    return Json{{"Tags", tags_json((*rule)->attributes)}};
}

}  // namespace stroma::front::events
