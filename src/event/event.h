#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "event/pattern.h"
#include "event/schedule.h"

namespace stroma::event {

/// Something that happened, on its way to a bus.
struct Event {
    std::string source, detail_type;
    Json detail = Json::object();
    std::vector<std::string> resources;
    std::string bus = "default";
    std::string region;                   ///< "" is the site's
    std::optional<std::int64_t> time_ms;  ///< now, when not given
};

struct Bus {
    std::string name, region, owner, arn;
    Json attributes = Json::object();  ///< Description, Policy, Tags
    std::int64_t created_ms = 0;
};

struct Target {
    std::string id, arn;
    Json attributes;  ///< as PutTargets has them
};

/// Never changed; replaced by the next.
struct Rule {
    std::string bus, name, owner, arn;
    /// EventPattern, ScheduleExpression, State, Description, RoleArn, Tags; SuspendedBecause
    Json attributes = Json::object();
    std::int64_t created_ms = 0, fired_ms = 0;
    std::optional<Pattern> pattern;
    std::optional<Schedule> schedule;
    std::vector<Target> targets;
    bool is_enabled() const;
};
using RulePointer = std::shared_ptr<const Rule>;

struct Archive {
    std::string name, bus, owner, arn;
    Json attributes = Json::object();  ///< EventPattern, Description, RetentionDays
    std::int64_t created_ms = 0;
    std::optional<Pattern> pattern;
};

struct Replay {
    std::string name, archive, bus, owner;
    Json attributes = Json::object();  ///< Description, FilterArns
    std::int64_t from_ms = 0, to_ms = 0, reached_ms = 0, reached_position = 0;
    std::string state;  ///< STARTING RUNNING COMPLETED CANCELLED FAILED
    std::int64_t started_ms = 0, ended_ms = 0;
};

/// An API destination or a connection.
struct Endpoint {
    std::string kind;  ///< "connection" or "api-destination"
    std::string name, owner, arn;
    Json attributes = Json::object();
    std::int64_t created_ms = 0;
};

/// A delivery to something beyond the database. A failure with unavailable or conflict is tried
/// again; any other ends at the target's dead letters at once.
struct Webhook {
    std::string url, method, body;
    std::vector<std::pair<std::string, std::string>> headers;
};
struct Sinks {
    std::function<Result<void>(const Webhook&)> webhook;
    /// Puts a record on the stream, or into the delivery, of that ARN.
    std::function<Result<void>(const std::string& arn, const std::string& key,
                               const std::string& data)>
        record;
    /// Whether a rule of that owner may still send to that queue, stream or delivery; all may when
    /// it isn't set.
    std::function<bool(const std::string& owner, const std::string& arn)> may_reach;
};

/// What a rule has come to since the start, and what it has yet to hand over.
struct RuleLoad {
    RulePointer rule;
    std::uint64_t matched = 0, handed = 0, failed = 0;  ///< events; to targets
    std::int64_t waiting = 0;
    std::int64_t oldest_age_ms = 0;
};

struct EventCounts {
    std::int64_t deliveries = 0, archived = 0;
    std::int64_t oldest_delivery_age_ms = 0;
};

}  // namespace stroma::event
