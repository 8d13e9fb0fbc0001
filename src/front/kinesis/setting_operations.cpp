#include <fmt/format.h>

#include <algorithm>

#include "front/kinesis/operation.h"

// Tags, retention, mode, encryption and metrics: what is recorded of a stream.

namespace stroma::front::kinesis {
namespace {

using stream::StreamInfo;

constexpr std::size_t tags_max = 50;

aws::Outcome<aws::Reply> change(const Request& request,
                                const std::function<Result<void>(StreamInfo&)>& edit) {
    const auto changed = request.streams.change(request.stream(), edit);
    if (!changed) return refuse_for(request.call, request.stream(), changed.error());
    return nothing();
}

// ---- tags ---------------------------------------------------------------------------------------

/// What AWS takes in a tag, a percent sign included, which it refuses afterwards.
bool is_tag_text(std::string_view utf8) {
    for (std::size_t i = 0; i < utf8.size();) {
        const auto byte = static_cast<unsigned char>(utf8[i]);
        unsigned code = byte, more = 0;
        if (byte >= 0xf0) return false;
        if (byte >= 0xe0) {
            code = byte & 15;
            more = 2;
        } else if (byte >= 0xc0) {
            code = byte & 31;
            more = 1;
        }
        for (unsigned m = 1; m <= more && i + m < utf8.size(); ++m)
            code = code << 6 | (static_cast<unsigned char>(utf8[i + m]) & 63);
        i += more + 1;
        const bool letter = (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') ||
                            (code >= '0' && code <= '9');
        const bool sign =
            code < 128 &&
            std::string_view("./-=+_ @%:").find(static_cast<char>(code)) != std::string_view::npos;
        const bool foreign = (code >= 0xc0 && code <= 0x1fff) || (code >= 0x2c00 && code <= 0xd7ff);
        if (!letter && !sign && !foreign) return false;
    }
    return true;
}

aws::Outcome<void> check_tags(const Request& request, std::string_view doing,
                              const std::vector<std::string>& texts) {
    if (!std::ranges::all_of(texts, [](const std::string& text) { return is_tag_text(text); }))
        return invalid_argument(
            "Some tags contain invalid characters. Valid characters: Unicode letters, digits, "
            "white space, _ . / = + - % @.");
    if (std::ranges::any_of(
            texts, [](const std::string& text) { return text.find('%') != std::string::npos; }))
        return invalid_argument(fmt::format(
            "Failed to {} stream {} under account {} because some tags contained illegal "
            "characters. The allowed characters are Unicode letters, white-spaces, "
            "'_',',','/','=','+','-','@'.",
            doing, request.stream(), request.call.account));
    return {};
}

aws::Outcome<aws::Reply> add_tags(const Request& request) {
    const auto info = request.find();
    if (!info) return aws::refuse(info.error());
    std::map<std::string, std::string> merged = (*info)->tags;
    std::vector<std::string> texts;
    for (const auto& [key, value] : request.parameters["Tags"].items()) {
        texts.push_back(key);
        texts.push_back(value.get<std::string>());
        merged[key] = texts.back();
    }
    if (auto fine = check_tags(request, "add tags to", texts); !fine)
        return aws::refuse(std::move(fine.error()));
    if (merged.size() > tags_max)
        return invalid_argument(fmt::format(
            // AWS allows 50 and says 10.
            "Failed to add tags to stream {} under account {} because a given stream cannot have "
            "more than 10 tags associated with it.",
            request.stream(), request.call.account));
    return change(request, [&](StreamInfo& stream) -> Result<void> {
        for (const auto& [key, value] : request.parameters["Tags"].items())
            stream.tags[key] = value.get<std::string>();
        return {};
    });
}

aws::Outcome<aws::Reply> remove_tags(const Request& request) {
    if (const auto info = request.find(); !info) return aws::refuse(info.error());
    std::vector<std::string> keys;
    for (const Json& key : request.parameters["TagKeys"])
        if (key.is_string()) keys.push_back(key.get<std::string>());
    if (auto fine = check_tags(request, "remove tags from", keys); !fine)
        return aws::refuse(std::move(fine.error()));
    return change(request, [&](StreamInfo& stream) -> Result<void> {
        for (const std::string& key : keys) stream.tags.erase(key);
        return {};
    });
}

Json tags_json(const StreamInfo& stream, std::string_view after, std::size_t limit, bool& more) {
    Json tags = Json::array();
    more = false;
    for (const auto& [key, value] : stream.tags) {
        if (!after.empty() && key <= after) continue;
        more = tags.size() == limit;
        if (more) break;
        tags.push_back({{"Key", key}, {"Value", value}});
    }
    return tags;
}

aws::Outcome<aws::Reply> list_tags(const Request& request) {
    const auto info = request.find();
    if (!info) return aws::refuse(info.error());
    bool more = false;
    Json tags = tags_json(**info, request.text("ExclusiveStartTagKey"),
                          static_cast<std::size_t>(request.integer("Limit", 100)), more);
    return aws::reply({{"Tags", std::move(tags)}, {"HasMoreTags", more}});
}

aws::Outcome<aws::Reply> list_resource_tags(const Request& request) {
    const auto info = request.find();
    if (!info) return aws::refuse(info.error());
    bool more = false;
    return aws::reply({{"Tags", tags_json(**info, "", tags_max, more)}});
}

// ---- retention ----------------------------------------------------------------------------------

aws::Outcome<aws::Reply> change_retention(const Request& request, bool longer) {
    const auto info = request.find();
    if (!info) return aws::refuse(info.error());
    const auto hours = static_cast<int>(request.integer("RetentionPeriodHours", 24));
    if (hours < 24)
        return invalid_argument(
            fmt::format("Minimum allowed retention period is 24 hours. Requested retention period "
                        "({} hours) is too short.",
                        hours));
    const int now = (*info)->retention_hours;
    if (longer ? hours < now : hours > now)
        return invalid_argument(
            fmt::format("Requested retention period ({} hours) for stream {} can not be {} than "
                        "existing retention period ({} hours). Use {}RetentionPeriod API.",
                        hours, request.stream(), longer ? "shorter" : "longer", now,
                        longer ? "Decrease" : "Increase"));
    auto changed = change(request, [&](StreamInfo& stream) -> Result<void> {
        stream.retention_hours = hours;
        return {};
    });
    if (changed && !longer) request.streams.tidy();
    return changed;
}
aws::Outcome<aws::Reply> increase_retention(const Request& request) {
    return change_retention(request, true);
}
aws::Outcome<aws::Reply> decrease_retention(const Request& request) {
    return change_retention(request, false);
}

// ---- what is recorded ---------------------------------------------------------------------------

aws::Outcome<aws::Reply> update_mode(const Request& request) {
    return change(request, [&](StreamInfo& stream) -> Result<void> {
        stream.on_demand =
            request.parameters["StreamModeDetails"].value("StreamMode", Json("")) == "ON_DEMAND";
        return {};
    });
}

aws::Outcome<aws::Reply> start_encryption(const Request& request) {
    return change(request, [&](StreamInfo& stream) -> Result<void> {
        stream.key_id = request.text("KeyId");
        return {};
    });
}

aws::Outcome<aws::Reply> stop_encryption(const Request& request) {
    return change(request, [](StreamInfo& stream) -> Result<void> {
        stream.key_id.clear();
        return {};
    });
}

aws::Outcome<aws::Reply> change_metrics(const Request& request, bool enable) {
    static const std::set<std::string> all = {"IncomingBytes",
                                              "IncomingRecords",
                                              "OutgoingBytes",
                                              "OutgoingRecords",
                                              "WriteProvisionedThroughputExceeded",
                                              "ReadProvisionedThroughputExceeded",
                                              "IteratorAgeMilliseconds"};
    std::set<std::string> named;
    for (const Json& metric : request.parameters["ShardLevelMetrics"])
        if (metric.is_string()) named.insert(metric.get<std::string>());
    if (named.contains("ALL")) named = all;
    Json before = Json::array(), after = Json::array();
    const auto changed = change(request, [&](StreamInfo& stream) -> Result<void> {
        for (const std::string& metric : stream.shard_metrics) before.push_back(metric);
        for (const std::string& metric : named) {
            if (enable)
                stream.shard_metrics.insert(metric);
            else
                stream.shard_metrics.erase(metric);
        }
        for (const std::string& metric : stream.shard_metrics) after.push_back(metric);
        return {};
    });
    if (!changed) return changed;
    return aws::reply({{"StreamName", request.stream()},
                       {"StreamARN", request.arn(request.stream())},
                       {"CurrentShardLevelMetrics", std::move(before)},
                       {"DesiredShardLevelMetrics", std::move(after)}});
}
aws::Outcome<aws::Reply> enable_metrics(const Request& request) {
    return change_metrics(request, true);
}
aws::Outcome<aws::Reply> disable_metrics(const Request& request) {
    return change_metrics(request, false);
}

aws::Outcome<aws::Reply> update_record_size(const Request& request) {
    return change(request, [&](StreamInfo& stream) -> Result<void> {
        stream.record_kib_max = static_cast<int>(request.integer("MaxRecordSizeInKiB", 1024));
        return {};
    });
}

aws::Outcome<aws::Reply> put_policy(const Request& request) {
    return change(request, [&](StreamInfo& stream) -> Result<void> {
        stream.policy = request.text("Policy");
        return {};
    });
}
aws::Outcome<aws::Reply> get_policy(const Request& request) {
    const auto info = request.find();
    if (!info) return aws::refuse(info.error());
    return aws::reply({{"Policy", (*info)->policy.empty() ? "{}" : (*info)->policy}});
}
aws::Outcome<aws::Reply> delete_policy(const Request& request) {
    return change(request, [](StreamInfo& stream) -> Result<void> {
        stream.policy.clear();
        return {};
    });
}

}  // namespace

std::vector<Operation> setting_operations() {
    using aws::Type;
    const aws::Member tags = {"Tags",
                              {.type = Type::map,
                               .needed = true,
                               .length_min = 1,
                               .length_max = 10,
                               .key_lengths = std::pair<std::size_t, std::size_t>{1, 128},
                               .value_lengths = std::pair<std::size_t, std::size_t>{0, 256},
                               .child = Type::text}};
    const aws::Member tag_keys = {"TagKeys",
                                  {.type = Type::list,
                                   .needed = true,
                                   .length_min = 1,
                                   .length_max = 10,
                                   .child_lengths = std::pair<std::size_t, std::size_t>{1, 128},
                                   .child = Type::text}};
    const aws::Member hours = whole_number("RetentionPeriodHours", true, 1, 8760);
    const aws::Member mode = {
        "StreamModeDetails",
        {.type = Type::structure,
         .needed = true,
         .members = {{"StreamMode", {.needed = true, .values = {"PROVISIONED", "ON_DEMAND"}}}}}};
    const aws::Member metrics = {"ShardLevelMetrics",
                                 {.type = Type::list,
                                  .needed = true,
                                  .length_min = 1,
                                  .length_max = 7,
                                  .child = Type::text}};
    const aws::Member tag_key = {"ExclusiveStartTagKey", {.length_min = 1, .length_max = 128}};
    return {{"AddTagsToStream", {tags, stream_name()}, add_tags},
            {"TagResource", {tags, stream_name()}, add_tags},
            {"RemoveTagsFromStream", {tag_keys, stream_name()}, remove_tags},
            {"UntagResource", {tag_keys, stream_name()}, remove_tags},
            {"ListTagsForStream",
             {whole_number("Limit", false, 1, 10), tag_key, stream_name()},
             list_tags},
            {"ListTagsForResource", {stream_name()}, list_resource_tags},
            {"IncreaseStreamRetentionPeriod", {hours, stream_name()}, increase_retention},
            {"DecreaseStreamRetentionPeriod", {hours, stream_name()}, decrease_retention},
            {"UpdateStreamMode", {mode, stream_name()}, update_mode},
            {"StartStreamEncryption",
             {stream_name(), {"KeyId", {.needed = true}}, any_text("EncryptionType")},
             start_encryption},
            {"StopStreamEncryption",
             {stream_name(), any_text("KeyId"), any_text("EncryptionType")},
             stop_encryption},
            {"EnableEnhancedMonitoring", {stream_name(), metrics}, enable_metrics},
            {"DisableEnhancedMonitoring", {stream_name(), metrics}, disable_metrics},
            {"UpdateMaxRecordSize",
             {whole_number("MaxRecordSizeInKiB", true, 1024, 10240), stream_name()},
             update_record_size},
            {"PutResourcePolicy", {stream_name(), {"Policy", {.needed = true}}}, put_policy},
            {"GetResourcePolicy", {stream_name()}, get_policy},
            {"DeleteResourcePolicy", {stream_name()}, delete_policy}};
}

}  // namespace stroma::front::kinesis
