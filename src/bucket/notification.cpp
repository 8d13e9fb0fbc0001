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
    return kind == ChangeKind::removed || kind == ChangeKind::marked;
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
        case ChangeKind::copied: return "ObjectCreated:Copy";
        case ChangeKind::completed: return "ObjectCreated:CompleteMultipartUpload";
        case ChangeKind::removed: return "ObjectRemoved:Delete";
        case ChangeKind::marked: return "ObjectRemoved:DeleteMarkerCreated";
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
    const Json record = {
        {"eventVersion", "2.1"},
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
    return Json{{"Records", Json::array({record})}}.dump(-1, ' ', false,
                                                         Json::error_handler_t::replace);
}

std::string_view bus_detail_type(ChangeKind kind) {
    return is_removal(kind) ? "Object Deleted" : "Object Created";
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
    const std::string_view reason = change.kind == ChangeKind::put      ? "PutObject"
                                    : change.kind == ChangeKind::copied ? "CopyObject"
                                    : change.kind == ChangeKind::completed
                                        ? "CompleteMultipartUpload"
                                        : "DeleteObject";
    Json detail = {{"version", "0"},
                   {"bucket", {{"name", change.bucket.name}}},
                   {"object", about},
                   {"request-id", change.cause.request_id},
                   {"requester", change.cause.principal},
                   {"source-ip-address", change.cause.address},
                   {"reason", reason}};
    if (change.kind == ChangeKind::removed) detail["deletion-type"] = "Permanently Deleted";
    if (change.kind == ChangeKind::marked) detail["deletion-type"] = "Delete Marker Created";
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
