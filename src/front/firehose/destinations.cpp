#include "front/firehose/destinations.h"

#include <fmt/format.h>

#include <algorithm>

namespace stroma::front::firehose {
namespace {

constexpr std::string_view http = "HttpEndpointDestination", redshift = "RedshiftDestination";

std::string member(std::string_view destination, std::string_view suffix) {
    return fmt::format("{}{}", destination, suffix);
}

/// The one destination that the request has, and its name.
aws::Outcome<std::pair<std::string, Json>> asked_destination(const Json& parameters,
                                                             std::string_view suffix) {
    for (const std::string_view name : {std::string_view("ExtendedS3Destination"),
                                        std::string_view("S3Destination"), http, redshift}) {
        const auto found = parameters.find(member(name, suffix));
        if (found != parameters.end() && found->is_object())
            return std::pair(std::string(name), *found);
    }
    return aws::refuse(
        "InvalidArgumentException",
        "Exactly one destination configuration is supported for a Firehose, and here it is "
        "ExtendedS3DestinationConfiguration, HttpEndpointDestinationConfiguration or "
        "RedshiftDestinationConfiguration");
}

bool is_other(const std::string& name) { return name == http || name == redshift; }

void move_member(Json& of, const char* from, const char* to) {
    if (!of.contains(from)) return;
    of[to] = of[from];
    of.erase(from);
}

void usual(Json& of, const char* name, Json value) {
    if (!of.contains(name)) of[name] = std::move(value);
}

void show_bucket(Json& s3) {
    usual(s3, "BufferingHints", {{"SizeInMBs", 5}, {"IntervalInSeconds", 300}});
    usual(s3, "CompressionFormat", "UNCOMPRESSED");
    usual(s3, "EncryptionConfiguration", {{"NoEncryptionConfig", "NoEncryption"}});
    usual(s3, "CloudWatchLoggingOptions", {{"Enabled", false}});
}

/// Of an HTTP endpoint or a table: what names the bucket, and no secret.
Json shown_other(Json config, int retry_seconds) {
    if (config.contains("EndpointConfiguration")) {
        config["EndpointConfiguration"].erase("AccessKey");
        usual(config, "BufferingHints", {{"SizeInMBs", 5}, {"IntervalInSeconds", 300}});
        usual(config, "S3BackupMode", "FailedDataOnly");
    } else {
        usual(config, "S3BackupMode", "Disabled");
    }
    config.erase("Password");
    move_member(config, "S3Configuration", "S3DestinationDescription");
    move_member(config, "S3BackupConfiguration", "S3BackupDescription");
    usual(config, "RetryOptions", {{"DurationInSeconds", retry_seconds}});
    usual(config, "CloudWatchLoggingOptions", {{"Enabled", false}});
    show_bucket(config["S3DestinationDescription"]);
    return config;
}

}  // namespace

aws::Outcome<Json> stored_destination(const Json& parameters) {
    auto asked = asked_destination(parameters, "Configuration");
    if (!asked) return aws::refuse(std::move(asked.error()));
    if (!is_other(asked->first)) return std::move(asked->second);
    return Json{{member(asked->first, "Configuration"), std::move(asked->second)}};
}

aws::Outcome<Json> changed_destination(const Json& parameters, Json stored) {
    auto asked = asked_destination(parameters, "Update");
    if (!asked) return aws::refuse(std::move(asked.error()));
    const std::string wrapped = member(asked->first, "Configuration");
    const bool was_other = stored.contains(member(http, "Configuration")) ||
                           stored.contains(member(redshift, "Configuration"));
    if (is_other(asked->first) ? !stored.contains(wrapped) : was_other)
        return aws::refuse("InvalidArgumentException",
                           "The type of a destination can't be changed");
    Json& config = is_other(asked->first) ? stored[wrapped] : stored;
    for (const auto& [name, value] : asked->second.items()) {
        if (name == "S3Update")
            for (const auto& [inner, changed] : value.items())
                config["S3Configuration"][inner] = changed;
        else
            config[name == "S3BackupUpdate" ? "S3BackupConfiguration" : name] = value;
    }
    return stored;
}

Json shown_destination(const delivery::DeliveryState& state) {
    const auto read = parse_json(state.config);
    Json config = read ? *read : Json(Json::object());
    Json shown = {{"DestinationId", "destinationId-000000000001"}};
    for (const std::string_view name : {http, redshift})
        if (const std::string wrapped = member(name, "Configuration"); config.contains(wrapped)) {
            shown[member(name, "Description")] =
                shown_other(config[wrapped], name == http ? 300 : 3600);
            return shown;
        }
    show_bucket(config);
    usual(config, "S3BackupMode", "Disabled");
    move_member(config, "S3BackupConfiguration", "S3BackupDescription");
    Json plain = Json::object();
    for (const char* name :
         {"RoleARN", "BucketARN", "Prefix", "ErrorOutputPrefix", "BufferingHints",
          "CompressionFormat", "EncryptionConfiguration", "CloudWatchLoggingOptions"})
        if (config.contains(name)) plain[name] = config[name];
    shown["S3DestinationDescription"] = std::move(plain);
    shown["ExtendedS3DestinationDescription"] = std::move(config);
    return shown;
}

}  // namespace stroma::front::firehose
