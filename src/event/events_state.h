#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <thread>

#include "event/events.h"
#include "sql/connection_pool.h"

// Private to this folder.

namespace stroma::event {

/// A bus with what hangs on it; never changed, replaced by the next.
struct BusState {
    Bus bus;
    std::map<std::string, RulePointer, std::less<>> rules;
};
using BusPointer = std::shared_ptr<const BusState>;

/// What led to an event: the rules whose targets passed it on, oldest first. Of a replay, the rules
/// that it is for; all when null.
struct Trail {
    std::vector<std::string> rules = {};
    const std::set<std::string>* only = nullptr;
};

/// By bus and name, since the start.
struct RuleTraffic {
    std::uint64_t matched = 0, handed = 0, failed = 0;
};

struct Events::State {
    State(sql::WriteGroup& writes, message::Queues& message_queues, Sinks the_sinks,
          const Clock& time, IdSource& id_source, EventsOptions the_options)
        : group(writes),
          queues(message_queues),
          sinks(std::move(the_sinks)),
          clock(time),
          ids(id_source),
          options(std::move(the_options)),
          readers(writes.database()) {}

    Result<void> load();
    Result<void> load_archives();  ///< and endpoints
    BusPointer find(std::string_view bus) const;
    void put(BusPointer bus);
    Result<void> write_rule(const Rule& rule);
    /// Writes the rule, then lets it be found.
    Result<void> replace_rule(Rule rule);

    // publishing.cpp
    Result<void> route(sql::Connection& connection, const std::string& bus, const Json& event,
                       const Trail& trail);
    Result<void> trigger(sql::Connection& connection, const Rule& rule, const Json& event,
                         const Trail& trail);
    Result<void> deliver(sql::Connection& connection, const Rule& rule, const Target& target,
                         const Json& event, const Trail& trail);
    Result<void> archive(sql::Connection& connection, const std::string& bus, const Json& event,
                         const FlatEvent& flat);
    Result<void> bury(sql::Connection& connection, const Rule& rule, const Target& target,
                      const std::string& payload, const Error& error, std::int64_t attempts);
    Result<void> suspend(sql::Connection& connection, const Rule& rule, const Trail& trail);

    /// denied when the rule's owner may not use the target, whose owner may be another by now.
    Result<void> check_reach(const Rule& rule, const Target& target) const;
    /// Counts what became of an event at a target.
    void count(const Rule& rule, std::string_view outcome);

    // working.cpp
    Result<bool> fire_schedules();
    Result<bool> replay_some();
    Result<bool> make_deliveries();
    Result<void> make_delivery(std::int64_t id);
    Result<void> hand_over(const Target& target, const std::string& payload);
    Result<void> call_webhook(const Target& target, const std::string& payload);
    Result<void> drop_old_archived();
    Milliseconds until_due();
    void run(bool of_deliveries);
    void wake();

    sql::WriteGroup& group;
    message::Queues& queues;
    const Sinks sinks;
    const Clock& clock;
    IdSource& ids;
    const EventsOptions options;
    sql::ConnectionPool readers;
    std::mutex changing;  ///< one change of buses, rules and archives at a time
    mutable std::shared_mutex mutex;
    std::map<std::string, BusPointer, std::less<>> buses;
    std::map<std::string, std::shared_ptr<const Archive>, std::less<>> archives;
    std::map<std::pair<std::string, std::string>, Endpoint> endpoints;  ///< by kind and name
    std::int64_t dropped_old_ms = 0;

    std::mutex traffic_mutex;
    std::map<std::pair<std::string, std::string>, RuleTraffic> traffic;

    std::mutex waking;
    std::condition_variable woken;
    std::uint64_t wakes = 0;
    bool is_stopping = false;
    std::thread timekeeper, deliverer;
};

std::string text_of(const Json& json);
/// The text of that member; "" when there is none.
std::string text_in(const Json& json, const char* name);
/// The part of an ARN behind the last '/' or ':'.
std::string last_part(std::string_view arn);
Replay replay_of(const sql::Rows& rows);
inline constexpr const char* replay_columns =
    "name, archive, bus, owner, attributes, from_ms, to_ms, reached_ms, reached_position, state, "
    "started_ms, ended_ms";

}  // namespace stroma::event
