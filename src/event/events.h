#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "base/text_sealer.h"
#include "event/event.h"
#include "message/queues.h"
#include "sql/write_group.h"

namespace stroma::event {

struct EventsOptions {
    std::string account = "000000000000";
    std::string region = "us-east-1";
    /// Encrypts connections on disk: they hold keys and passwords. Without it they lie there plain.
    TextSealer* sealer = nullptr;
};

/// Buses, their rules and where those lead, with the semantics of EventBridge. What an event causes
/// within the database (messages in queues, events on other buses, archived events, deliveries to
/// be made) is committed with the event itself. Deliveries to anything else are made by threads of
/// its own, with retries, at least once. Any thread, one process.
class Events {
public:
    /// Makes the bus "default". The references must outlive it.
    static Result<std::unique_ptr<Events>> open(sql::WriteGroup& group, message::Queues& queues,
                                                Sinks sinks, const Clock& clock, IdSource& ids,
                                                EventsOptions options);
    ~Events();
    /// Lets schedules, replays and deliveries run by themselves.
    void start();
    void stop();
    /// Does once what is due by now; false when nothing was. For tests, in place of start().
    Result<bool> work_once();

    /// All in one commit; gives their ids. errors  not_found  the bus
    std::vector<Result<std::string>> publish(std::span<const Event> events);
    /// Inside a work of the write group: what the event causes is there when that commits.
    /// An event for a bus that isn't there, or with no rule, is no failure.
    Result<std::string> publish_in(sql::Connection& connection, const Event& event);
    /// The event as patterns see it and targets get it.
    Json envelope_of(const Event& event, const std::string& id) const;

    /// errors  already_exists, invalid_input  each in the words of the AWS API
    Result<Bus> create_bus(const std::string& name, const std::string& region,
                           const std::string& owner, Json attributes);
    std::optional<Bus> find_bus(std::string_view name) const;
    std::vector<Bus> buses() const;
    Result<void> set_bus_attributes(std::string_view name, Json attributes);
    /// With its rules. errors  invalid_input  the default bus
    Result<void> remove_bus(std::string_view name);

    /// Makes the rule, or gives it these attributes. errors  invalid_input, not_found (the bus)
    Result<RulePointer> put_rule(const std::string& bus, const std::string& name,
                                 const std::string& owner, Json attributes);
    RulePointer find_rule(std::string_view bus, std::string_view name) const;
    std::vector<RulePointer> rules(std::string_view bus) const;
    /// errors  not_found; conflict  it has targets
    Result<void> remove_rule(std::string_view bus, std::string_view name);
    Result<void> put_targets(std::string_view bus, std::string_view rule,
                             const std::vector<Json>& targets);
    Result<void> remove_targets(std::string_view bus, std::string_view rule,
                                const std::vector<std::string>& ids);

    Result<void> put_endpoint(const std::string& kind, const std::string& name,
                              const std::string& owner, Json attributes);
    std::optional<Endpoint> find_endpoint(std::string_view kind, std::string_view name) const;
    std::vector<Endpoint> endpoints(std::string_view kind) const;
    Result<void> remove_endpoint(std::string_view kind, std::string_view name);

    /// Makes the archive or, where `is_new` is false, gives it these attributes.
    Result<void> put_archive(const std::string& name, const std::string& bus,
                             const std::string& owner, Json attributes, bool is_new);
    std::optional<Archive> find_archive(std::string_view name) const;
    std::vector<Archive> archives() const;
    /// What lies in an archive; its bytes are those of the events' JSON.
    struct Archived {
        std::int64_t events = 0, bytes = 0;
    };
    Result<Archived> archived(std::string_view archive);
    Result<void> remove_archive(std::string_view name);
    Result<void> start_replay(const Replay& replay);
    Result<std::vector<Replay>> replays();
    Result<void> cancel_replay(std::string_view name);

    Result<EventCounts> counts();
    /// Of every rule of every bus.
    Result<std::vector<RuleLoad>> rule_loads();
    std::string arn_of(std::string_view region, std::string_view what) const;

    struct State;

private:
    explicit Events(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace stroma::event
