#include "bucket/notification.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/context.h"
#include "base/json.h"

namespace stroma::bucket {
namespace {

/// As HTML forms do, but for slashes.
std::string form_encoded(std::string_view key) {
    std::string text;
    for (const char c : key) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                           (c >= 'A' && c <= 'Z') ||
                           std::string_view("-_.*/").find(c) != std::string_view::npos;
        if (plain)
            text += c;
        else if (c == ' ')
            text += '+';
        else
            text += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return text;
}

/// Rises with each change of a key; compared as text of one length.
std::string sequencer(const ObjectVersion& object) {
    return fmt::format("{:016X}", object.sequence);
}

bool is_removal(ChangeKind kind) {
    return kind == ChangeKind::removed || kind == ChangeKind::marked ||
           kind == ChangeKind::expired || kind == ChangeKind::expired_marked;
}

/// What a record says beside the object itself, of tiers.
void add_tier(const ObjectChange& change, Json& record) {
    const ObjectVersion& object = change.object;
    if (change.kind == ChangeKind::transitioned)
        record["lifecycleEventData"] = {
            {"transitionEventData", {{"destinationStorageClass", object.storage_class}}}};
    if (change.kind == ChangeKind::restored)
        record["glacierEventData"] = {
            {"restoreEventData",
             {{"lifecycleRestorationExpiryTime", iso_time(object.restored_until_ms)},
              {"lifecycleRestoreStorageClass", object.storage_class}}}};
}

Json object_json(const ObjectChange& change) {
    const ObjectVersion& object = change.object;
    Json json = {{"key", form_encoded(object.key)}};
    if (!is_removal(change.kind)) {
        json["size"] = object.size;
        json["eTag"] = object.etag;
    }
    if (!change.bucket.versioning.empty()) json["versionId"] = object.version;
    json["sequencer"] = sequencer(object);
    return json;
}

}  // namespace

std::string rules_text(const std::vector<NotificationRule>& rules) {
    Json list = Json::array();
    for (const NotificationRule& rule : rules)
        list.push_back({{"id", rule.id},
                        {"arn", rule.arn},
                        {"events", rule.events},
                        {"prefix", rule.prefix},
                        {"suffix", rule.suffix}});
    return list.dump();
}

Result<std::vector<NotificationRule>> rules_of(sql::Connection& connection,
                                               std::string_view bucket) {
    const auto rows =
        TRY(connection.execute("SELECT document FROM bucket_settings WHERE bucket = ? AND name = ?",
                               {std::string(bucket), std::string(notification_rules)}));
    std::vector<NotificationRule> rules;
    if (!TRY(rows->next())) return rules;
    const std::string text = rows->text(0);
    for (const Json& one : TRY(parse_json(text))) {
        NotificationRule rule{one.value("id", ""),
                              one.value("arn", ""),
                              {},
                              one.value("prefix", ""),
                              one.value("suffix", "")};
        for (const Json& event : one["events"]) rule.events.push_back(event.get<std::string>());
        rules.push_back(std::move(rule));
    }
    return rules;
}

std::string_view event_name(ChangeKind kind) {
    switch (kind) {
        case ChangeKind::put: return "ObjectCreated:Put";
        case ChangeKind::posted: return "ObjectCreated:Post";
        case ChangeKind::copied: return "ObjectCreated:Copy";
        case ChangeKind::completed: return "ObjectCreated:CompleteMultipartUpload";
        case ChangeKind::removed: return "ObjectRemoved:Delete";
        case ChangeKind::marked: return "ObjectRemoved:DeleteMarkerCreated";
        case ChangeKind::expired: return "LifecycleExpiration:Delete";
        case ChangeKind::expired_marked: return "LifecycleExpiration:DeleteMarkerCreated";
        case ChangeKind::transitioned: return "LifecycleTransition";
        case ChangeKind::restore_asked: return "ObjectRestore:Post";
        case ChangeKind::restored: return "ObjectRestore:Completed";
        case ChangeKind::restore_over: return "ObjectRestore:Delete";
        case ChangeKind::tagged: return "ObjectTagging:Put";
        case ChangeKind::untagged: return "ObjectTagging:Delete";
    }
    return "";
}

bool is_told(const NotificationRule& rule, const ObjectChange& change) {
    const std::string& key = change.object.key;
    if (!key.starts_with(rule.prefix) || !key.ends_with(rule.suffix)) return false;
    if (rule.arn.empty()) return true;
    const std::string name = "s3:" + std::string(event_name(change.kind));
    return std::any_of(rule.events.begin(), rule.events.end(), [&](const std::string& event) {
        if (!event.ends_with('*')) return event == name;
        return name.starts_with(std::string_view(event).substr(0, event.size() - 1));
    });
}

std::string event_message(const NotificationRule& rule, const ObjectChange& change) {
    const Bucket& bucket = change.bucket;
    // As AWS numbers them: what came later has a later version.
    const bool is_later = change.kind > ChangeKind::marked;
    Json record = {{"eventVersion", is_later ? "2.3" : "2.1"},
                   {"eventSource", "aws:s3"},
                   {"awsRegion", bucket.region},
                   {"eventTime", iso_time(change.object.modified_ms)},
                   {"eventName", event_name(change.kind)},
                   {"userIdentity", {{"principalId", change.cause.principal}}},
                   {"requestParameters", {{"sourceIPAddress", change.cause.address}}},
                   {"responseElements",
                    {{"x-amz-request-id", change.cause.request_id}, {"x-amz-id-2", "stroma"}}},
                   {"s3",
                    {{"s3SchemaVersion", "1.0"},
                     {"configurationId", rule.id},
                     {"bucket",
                      {{"name", bucket.name},
                       {"ownerIdentity", {{"principalId", bucket.owner}}},
                       {"arn", "arn:aws:s3:::" + bucket.name}}},
                     {"object", object_json(change)}}}};
    add_tier(change, record);
    return Json{{"Records", Json::array({record})}}.dump(-1, ' ', false,
                                                         Json::error_handler_t::replace);
}

std::string_view bus_detail_type(ChangeKind kind) {
    if (is_removal(kind)) return "Object Deleted";
    switch (kind) {
        case ChangeKind::transitioned: return "Object Storage Class Changed";
        case ChangeKind::restore_asked: return "Object Restore Initiated";
        case ChangeKind::restored: return "Object Restore Completed";
        case ChangeKind::restore_over: return "Object Restore Expired";
        case ChangeKind::tagged: return "Object Tags Added";
        case ChangeKind::untagged: return "Object Tags Deleted";
        default: return "Object Created";
    }
}

/// "" where AWS gives none.
static std::string_view bus_reason(ChangeKind kind) {
    switch (kind) {
        case ChangeKind::put: return "PutObject";
        case ChangeKind::posted: return "POST Object";
        case ChangeKind::copied: return "CopyObject";
        case ChangeKind::completed: return "CompleteMultipartUpload";
        case ChangeKind::removed:
        case ChangeKind::marked: return "DeleteObject";
        case ChangeKind::expired:
        case ChangeKind::expired_marked: return "Lifecycle Expiration";
        default: return "";
    }
}

Json bus_detail(const ObjectChange& change) {
    const ObjectVersion& object = change.object;
    Json about = {{"key", object.key}};
    if (!is_removal(change.kind)) {
        about["size"] = object.size;
        about["etag"] = object.etag;
    }
    if (!change.bucket.versioning.empty()) about["version-id"] = object.version;
    about["sequencer"] = sequencer(object);
    Json detail = {{"version", "0"},
                   {"bucket", {{"name", change.bucket.name}}},
                   {"object", about},
                   {"request-id", change.cause.request_id},
                   {"requester", change.cause.principal},
                   {"source-ip-address", change.cause.address}};
    if (const std::string_view reason = bus_reason(change.kind); !reason.empty())
        detail["reason"] = reason;
    const bool is_marked =
        change.kind == ChangeKind::marked || change.kind == ChangeKind::expired_marked;
    if (is_removal(change.kind))
        detail["deletion-type"] = is_marked ? "Delete Marker Created" : "Permanently Deleted";
    if (change.kind == ChangeKind::transitioned)
        detail["destination-storage-class"] = object.storage_class;
    if (change.kind == ChangeKind::restored)
        detail["restore-expiry-time"] = iso_time(object.restored_until_ms);
    if (change.kind == ChangeKind::restored || change.kind == ChangeKind::restore_asked)
        detail["source-storage-class"] = object.storage_class;
    return detail;
}

std::string test_message(std::string_view bucket, std::int64_t unix_ms,
                         std::string_view request_id) {
    const Json json = {{"Service", "Amazon S3"},    {"Event", "s3:TestEvent"},
                       {"Time", iso_time(unix_ms)}, {"Bucket", bucket},
                       {"RequestId", request_id},   {"HostId", "stroma"}};
    return json.dump();
}

}  // namespace stroma::bucket
