#include <fmt/format.h>

#include "base/json.h"
#include "front/events/events_service.h"

// Who may put events on a bus, as clients of AWS write it down: kept and shown. What a principal
// may do here is decided by who owns the bus.

namespace stroma::front::events {
namespace {

constexpr std::size_t policy_bytes_max = 10'240;

Json policy_of(const event::Bus& bus) {
    auto read = parse_json(text_of(bus.attributes, "Policy"));
    const bool is_policy =
        read && read->is_object() && read->contains("Statement") && (*read)["Statement"].is_array();
    return is_policy ? *std::move(read)
                     : Json{{"Version", "2012-10-17"}, {"Statement", Json::array()}};
}

/// The policy's statements without the one of that name.
Json statements_without(const Json& policy, const std::string& sid) {
    Json rest = Json::array();
    for (const Json& statement : policy["Statement"])
        if (text_of(statement, "Sid") != sid) rest.push_back(statement);
    return rest;
}

}  // namespace

Outcome<Json> EventsService::put_permission(const aws::Call& call, const Json& members) {
    const auto bus = bus_of(call, members, "EventBusName", catalog::Action::change);
    if (!bus) return tl::unexpected(bus.error());
    Json policy = policy_of(*bus);
    if (const std::string whole = text_of(members, "Policy"); !whole.empty()) {
        auto read = parse_json(whole);
        if (!read || !read->is_object() || !read->contains("Statement"))
            return validation("Parameter Policy is not valid. Reason: it is not a policy.");
        policy = *std::move(read);
    } else {
        const auto sid = name_of(members, "StatementId");
        if (!sid) return tl::unexpected(sid.error());
        if (text_of(members, "Action") != "events:PutEvents")
            return validation("Provided value in parameter 'action' is not supported.");
        const std::string principal = text_of(members, "Principal");
        if (principal.empty())
            return validation("Parameter Principal is not valid. Reason: it is not given.");
        Json statement{{"Sid", *sid}, {"Effect", "Allow"}, {"Principal", principal}};
        if (principal != "*")
            statement["Principal"] = {{"AWS", fmt::format("arn:aws:iam::{}:root", principal)}};
        statement["Action"] = "events:PutEvents";
        statement["Resource"] = bus->arn;
        policy["Statement"] = statements_without(policy, *sid);
        policy["Statement"].push_back(std::move(statement));
    }
    Json attributes = bus->attributes;
    attributes["Policy"] = policy.dump();
    if (attributes["Policy"].get_ref<const std::string&>().size() > policy_bytes_max)
        return aws::refuse("PolicyLengthExceededException",
                           fmt::format("The policy of event bus {} would be longer than {} bytes.",
                                       bus->name, policy_bytes_max));
    if (const auto done = events_.set_bus_attributes(bus->name, std::move(attributes)); !done)
        return events_fault(done.error());
    return Json::object();
}

Outcome<Json> EventsService::remove_permission(const aws::Call& call, const Json& members) {
    const auto bus = bus_of(call, members, "EventBusName", catalog::Action::change);
    if (!bus) return tl::unexpected(bus.error());
    const Json policy = policy_of(*bus);
    const auto all = members.find("RemoveAllPermissions");
    const bool removes_all = all != members.end() && all->is_boolean() && all->get<bool>();
    Json rest =
        removes_all ? Json::array() : statements_without(policy, text_of(members, "StatementId"));
    if (rest.size() == policy["Statement"].size())
        return aws::refuse("ResourceNotFoundException",
                           removes_all ? "EventBus does not have a policy."
                                       : "Statement with the provided id does not exist.");
    Json attributes = bus->attributes;
    attributes.erase("Policy");
    if (!rest.empty()) {
        Json left = policy;
        left["Statement"] = std::move(rest);
        attributes["Policy"] = left.dump();
    }
    if (const auto done = events_.set_bus_attributes(bus->name, std::move(attributes)); !done)
        return events_fault(done.error());
    return Json::object();
}

}  // namespace stroma::front::events
