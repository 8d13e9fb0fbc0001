#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "bucket/object_version.h"
#include "sql/database.h"

namespace stroma::bucket {

/// Who is told of which changes of a bucket's keys.
struct NotificationRule {
    std::string id, arn;              ///< arn "" is the event bus
    std::vector<std::string> events;  ///< "s3:ObjectCreated:*"
    std::string prefix, suffix;
};

/// Under which name a bucket's rules are kept among its settings, as rules_text writes them.
inline constexpr const char* notification_rules = "notification-rules";
std::string rules_text(const std::vector<NotificationRule>& rules);
/// The rules as they are inside the transaction.
Result<std::vector<NotificationRule>> rules_of(sql::Connection& connection,
                                               std::string_view bucket);

/// "ObjectCreated:Put"
std::string_view event_name(ChangeKind kind);
bool is_told(const NotificationRule& rule, const ObjectChange& change);
/// The message that AWS sends: {"Records": [one]}; the key form-encoded in it.
std::string event_message(const NotificationRule& rule, const ObjectChange& change);
/// What the event bus is told: the detail, and its type ("Object Created").
nlohmann::ordered_json bus_detail(const ObjectChange& change);
std::string_view bus_detail_type(ChangeKind kind);
/// What a destination gets once, when it is named: an event without records.
std::string test_message(std::string_view bucket, std::int64_t unix_ms,
                         std::string_view request_id);

}  // namespace stroma::bucket
