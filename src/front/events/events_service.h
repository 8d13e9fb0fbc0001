#pragma once

#include "front/events/events_front.h"

// Private to this folder.

namespace stroma::front::events {

using aws::Fault;
using aws::Json;
using aws::Outcome;

class EventsService final : public aws::Service {
public:
    EventsService(event::Events& events, Access access)
        : events_(events), access_(std::move(access)) {}

    std::string_view name() const override { return "events"; }
    std::string_view target_prefix() const override { return "AWSEvents"; }
    std::uint64_t body_bytes_max() const override { return 4u << 20; }
    aws::Outcome<aws::Reply> call(aws::Call& call) override;

private:
    using Operation = Outcome<Json> (EventsService::*)(const aws::Call&, const Json&);
    static Operation operation_named(std::string_view name);

    // events_front.cpp
    Outcome<Json> put_events(const aws::Call& call, const Json& members);
    Outcome<Json> test_event_pattern(const aws::Call& call, const Json& members);
    Outcome<Json> create_event_bus(const aws::Call& call, const Json& members);
    Outcome<Json> describe_event_bus(const aws::Call& call, const Json& members);
    Outcome<Json> list_event_buses(const aws::Call& call, const Json& members);
    Outcome<Json> delete_event_bus(const aws::Call& call, const Json& members);

    // permission_operations.cpp
    Outcome<Json> put_permission(const aws::Call& call, const Json& members);
    Outcome<Json> remove_permission(const aws::Call& call, const Json& members);

    // rule_operations.cpp
    Outcome<Json> put_rule(const aws::Call& call, const Json& members);
    Outcome<Json> describe_rule(const aws::Call& call, const Json& members);
    Outcome<Json> list_rules(const aws::Call& call, const Json& members);
    Outcome<Json> delete_rule(const aws::Call& call, const Json& members);
    Outcome<Json> enable_rule(const aws::Call& call, const Json& members);
    Outcome<Json> disable_rule(const aws::Call& call, const Json& members);
    Outcome<Json> put_targets(const aws::Call& call, const Json& members);
    Outcome<Json> remove_targets(const aws::Call& call, const Json& members);
    Outcome<Json> list_targets_by_rule(const aws::Call& call, const Json& members);
    Outcome<Json> list_rule_names_by_target(const aws::Call& call, const Json& members);
    Outcome<Json> tag_resource(const aws::Call& call, const Json& members);
    Outcome<Json> untag_resource(const aws::Call& call, const Json& members);
    Outcome<Json> list_tags(const aws::Call& call, const Json& members);
    Outcome<Json> set_enabled(const aws::Call& call, const Json& members, bool enabled);
    Outcome<Json> change_tags(const aws::Call& call, const std::string& arn, const Json& put,
                              const Json& remove);

    // archive_operations.cpp
    Outcome<Json> create_archive(const aws::Call& call, const Json& members);
    Outcome<Json> update_archive(const aws::Call& call, const Json& members);
    Outcome<Json> describe_archive(const aws::Call& call, const Json& members);
    Outcome<Json> list_archives(const aws::Call& call, const Json& members);
    Outcome<Json> delete_archive(const aws::Call& call, const Json& members);
    Outcome<Json> start_replay(const aws::Call& call, const Json& members);
    Outcome<Json> describe_replay(const aws::Call& call, const Json& members);
    Outcome<Json> list_replays(const aws::Call& call, const Json& members);
    Outcome<Json> cancel_replay(const aws::Call& call, const Json& members);
    Outcome<Json> create_connection(const aws::Call& call, const Json& members);
    Outcome<Json> describe_connection(const aws::Call& call, const Json& members);
    Outcome<Json> list_connections(const aws::Call& call, const Json& members);
    Outcome<Json> delete_connection(const aws::Call& call, const Json& members);
    Outcome<Json> create_api_destination(const aws::Call& call, const Json& members);
    Outcome<Json> describe_api_destination(const aws::Call& call, const Json& members);
    Outcome<Json> list_api_destinations(const aws::Call& call, const Json& members);
    Outcome<Json> delete_api_destination(const aws::Call& call, const Json& members);
    Outcome<event::Endpoint> endpoint_of(const aws::Call& call, const Json& members,
                                         const std::string& kind, catalog::Action action);
    Outcome<event::Archive> archive_of(const aws::Call& call, const std::string& name,
                                       catalog::Action action);
    Outcome<event::Replay> replay_of(const aws::Call& call, const Json& members,
                                     catalog::Action action);

    /// Whether the caller may do that to what that principal owns on a bus.
    Outcome<void> allow(const aws::Call& call, catalog::Action action, const std::string& id,
                        const std::string& owner) const;
    Outcome<void> ask(const aws::Call& call, const Decide& decide, catalog::Action action,
                      const std::string& id, const std::string& owner) const;
    /// Whether the caller may have events sent to the ARN.
    Result<bool> may_send_to(const aws::Call& call, const std::string& arn) const;
    /// The bus that the member names (by name or ARN; the default one when absent).
    Outcome<event::Bus> bus_of(const aws::Call& call, const Json& members, const char* member,
                               catalog::Action action) const;
    /// The rule that `name_member` and EventBusName name.
    Outcome<event::RulePointer> rule_of(const aws::Call& call, const Json& members,
                                        const char* name_member, catalog::Action action) const;

    event::Events& events_;
    const Access access_;
};

tl::unexpected<Fault> events_fault(const Error& error);
tl::unexpected<Fault> validation(std::string message);
std::string text_of(const Json& members, const char* name);
/// A name of letters, digits, '.', '-' and '_', not too long.
Outcome<std::string> name_of(const Json& members, const char* member, std::size_t length_max = 64);
/// One page of `all`, with a NextToken when there are more.
Outcome<Json> page_of(const Json& members, const char* list, std::vector<Json> all);
/// The last part of a name or ARN of a bus.
std::string bus_name(const std::string& name_or_arn);

}  // namespace stroma::front::events
