#include <fmt/format.h>

#include <algorithm>

#include "bucket/notification.h"
#include "front/http/url.h"
#include "front/s3/acl.h"
#include "front/s3/attributes.h"
#include "front/s3/intake.h"
#include "front/s3/lifecycle.h"
#include "front/s3/xml.h"

// Sub-resources of a bucket: documents that its clients write and read, each checked as far as it
// has an effect here.

namespace stroma::front::s3 {
namespace {

/// One sub-resource.
struct BucketSetting {
    std::string_view name;                         ///< in the query, and in the store
    std::string_view action;                       ///< "Get" or "Put" is put before it
    std::string_view absent_code, absent_message;  ///< "" code: `absent` is the answer
    std::string_view absent;
    std::string_view root;  ///< of the document; "" isn't XML
};

constexpr std::size_t policy_bytes_max = 20u << 10, cors_rules_max = 100, bucket_tags_max = 50;
constexpr std::string_view empty_notification =
    "<NotificationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>";

constexpr BucketSetting bucket_settings[] = {
    {"versioning", "BucketVersioning", "", "", "", "VersioningConfiguration"},
    {"location", "BucketLocation", "", "", "", ""},
    {"policy", "BucketPolicy", "NoSuchBucketPolicy", "The bucket policy does not exist", "", ""},
    {"policyStatus", "BucketPolicyStatus", "NoSuchBucketPolicy", "The bucket policy does not exist",
     "", ""},
    {"cors", "BucketCORS", "NoSuchCORSConfiguration", "The CORS configuration does not exist", "",
     "CORSConfiguration"},
    {"lifecycle", "LifecycleConfiguration", "NoSuchLifecycleConfiguration",
     "The lifecycle configuration does not exist", "", "LifecycleConfiguration"},
    {"notification", "BucketNotification", "", "", empty_notification, "NotificationConfiguration"},
    {"tagging", "BucketTagging", "NoSuchTagSet", "The TagSet does not exist", "", "Tagging"},
    {"ownershipControls", "BucketOwnershipControls", "OwnershipControlsNotFoundError",
     "The bucket ownership controls were not found", "", "OwnershipControls"},
    {"publicAccessBlock", "BucketPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration",
     "The public access block configuration was not found", "", "PublicAccessBlockConfiguration"},
    {"encryption", "EncryptionConfiguration", "ServerSideEncryptionConfigurationNotFoundError",
     "The server side encryption configuration was not found", "", ""},
    {"website", "BucketWebsite", "NoSuchWebsiteConfiguration",
     "The specified bucket does not have a website configuration", "", ""},
    {"replication", "ReplicationConfiguration", "ReplicationConfigurationNotFoundError",
     "The replication configuration was not found", "", ""},
    {"object-lock", "BucketObjectLockConfiguration", "ObjectLockConfigurationNotFoundError",
     "Object Lock configuration does not exist for this bucket", "", ""},
    {"logging", "BucketLogging", "", "",
     "<BucketLoggingStatus xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>", ""},
    {"requestPayment", "BucketRequestPayment", "", "",
     "<RequestPaymentConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Payer>"
     "BucketOwner</Payer></RequestPaymentConfiguration>",
     "RequestPaymentConfiguration"},
    {"accelerate", "AccelerateConfiguration", "", "",
     "<AccelerateConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>", ""},
};

const BucketSetting* setting_asked(const Operation& operation) {
    for (const BucketSetting& one : bucket_settings)
        if (operation.has(one.name)) return &one;
    return nullptr;
}

tl::unexpected<Fault> malformed_xml() {
    return refuse("MalformedXML",
                  "The XML you provided was not well-formed or did not validate against our "
                  "published schema");
}

std::string versioning_document(const std::string& versioning) {
    XmlWriter xml;
    xml.open("VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"");
    if (!versioning.empty()) xml.put("Status", versioning);
    return std::move(xml.close("VersioningConfiguration")).document();
}

std::string location_document(const std::string& region) {
    constexpr std::string_view head =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LocationConstraint xmlns=";
    // us-east-1 is known by saying nothing.
    if (region == "us-east-1") return fmt::format("{}\"{}\"/>", head, s3_namespace);
    return fmt::format("{}\"{}\">{}</LocationConstraint>", head, s3_namespace,
                       aws::xml_escape(region));
}

/// The rules of a notification document. errors  InvalidArgument, MalformedXML
Outcome<std::vector<bucket::NotificationRule>> read_rules(const Element& document) {
    std::vector<bucket::NotificationRule> rules;
    for (const Element& one : document.children) {
        bucket::NotificationRule rule;
        rule.id = one.text_of("Id");
        if (rule.id.empty()) rule.id = fmt::format("notification-{}", rules.size() + 1);
        rules.push_back(rule);
        if (one.name == "EventBridgeConfiguration") continue;
        bucket::NotificationRule& made = rules.back();
        made.arn = one.name == "QueueConfiguration"           ? one.text_of("Queue")
                   : one.name == "TopicConfiguration"         ? one.text_of("Topic")
                   : one.name == "CloudFunctionConfiguration" ? one.text_of("CloudFunction")
                                                              : "";
        for (const Element* const event : one.all("Event")) {
            if (!event->text.starts_with("s3:"))
                return refuse("InvalidArgument",
                              "The event '" + event->text + "' is not supported for notifications");
            made.events.push_back(event->text);
        }
        if (made.arn.empty() || made.events.empty()) return malformed_xml();
        const Element* const filter = one.child("Filter");
        const Element* const keys = filter == nullptr ? nullptr : filter->child("S3Key");
        if (keys == nullptr) continue;
        for (const Element* const part : keys->all("FilterRule")) {
            const std::string name = http::lower_case(part->text_of("Name"));
            if (name != "prefix" && name != "suffix")
                return refuse("InvalidArgument",
                              "filter rule name must be either prefix or suffix");
            (name == "prefix" ? made.prefix : made.suffix) = part->text_of("Value");
        }
    }
    return rules;
}

/// Every destination must be one that events can go to: each is sent a test message.
Outcome<void> keep_rules(Operation& operation, const std::string& text) {
    const auto document = read_xml(text);
    const auto rules = *S3_TRY(read_rules(*document));
    const std::string test =
        bucket::test_message(operation.bucket, operation.clock.unix_ms(), operation.request.id);
    for (const bucket::NotificationRule& rule : rules) {
        if (rule.arn.empty()) continue;
        if (!operation.options.send_test ||
            !*S3_TRY(operation.options.send_test(operation.signature.principal, rule.arn, test)))
            return refuse("InvalidArgument",
                          "Unable to validate the following destination configurations");
    }
    S3_TRY(operation.buckets.set_setting(operation.bucket, bucket::notification_rules,
                                         rules.empty() ? "" : bucket::rules_text(rules)));
    return {};
}

constexpr const char* minimum_header = "x-amz-transition-default-minimum-object-size";

Outcome<std::string> asked_minimum(const Operation& operation) {
    std::string asked = operation.header(minimum_header);
    if (asked.empty()) return std::string(transition_minimum_all);
    if (asked == transition_minimum_all || asked == transition_minimum_varies) return asked;
    return refuse("InvalidRequest",
                  "Invalid TransitionDefaultMinimumObjectSize found: " + std::move(asked));
}

Outcome<void> keep_minimum(Operation& operation) {
    const std::string minimum = *S3_TRY(asked_minimum(operation));
    S3_TRY(operation.buckets.set_setting(operation.bucket, transition_minimum_setting, minimum));
    return {};
}

Outcome<void> add_minimum(Operation& operation, http::Response& response) {
    std::string minimum =
        *S3_TRY(operation.buckets.setting(operation.bucket, transition_minimum_setting));
    if (!minimum.empty()) response.headers.emplace_back(minimum_header, std::move(minimum));
    return {};
}

Answer put_versioning(Operation& operation, const Element& document) {
    const std::string status = document.text_of("Status");
    if (status != "Enabled" && status != "Suspended")
        return refuse("IllegalVersioningConfigurationException",
                      "The Versioning element must be specified");
    S3_TRY(operation.buckets.set_versioning(operation.bucket, status));
    return http::Response();
}

Outcome<void> check_setting(Operation& operation, const BucketSetting& setting,
                            const std::string& text) {
    if (setting.name == "policy") {
        if (text.size() > policy_bytes_max)
            return refuse("PolicyTooLarge", "Policy exceeds the maximum allowed document size.");
        S3_TRY(check_policy(text, operation.bucket));
        if (policy_is_public(text) &&
            S3_TRY(public_access_block(operation, operation.bucket))->blocks_policy)
            return refuse("AccessDenied", "Access Denied", 403);
        return {};
    }
    if (setting.root.empty()) return {};
    const auto document = read_xml(text);
    if (!document || document->name != setting.root) return malformed_xml();
    if (setting.name == "lifecycle") S3_TRY(read_lifecycle(*document));
    if (setting.name == "requestPayment") {
        const std::string payer = document->text_of("Payer");
        if (payer != "BucketOwner" && payer != "Requester") return malformed_xml();
    }
    if (setting.name == "cors") {
        const std::size_t rules = document->all("CORSRule").size();
        if (rules == 0) return malformed_xml();
        if (rules > cors_rules_max)
            return refuse("InvalidRequest",
                          "The number of CORS rules should not exceed allowed limit of 100 rules.");
    }
    if (setting.name == "tagging") {
        const Element* const tags = document->child("TagSet");
        if (tags == nullptr) return malformed_xml();
        if (tags->all("Tag").size() > bucket_tags_max)
            return refuse("BadRequest", "Bucket tag count cannot be greater than 50");
    }
    return {};
}

/// "*" once in a pattern, as rules of CORS have it.
bool fits(const std::string& pattern, const std::string& text) {
    const std::size_t star = pattern.find('*');
    if (star == pattern.npos) return pattern == text;
    const std::string head = pattern.substr(0, star), tail = pattern.substr(star + 1);
    return text.size() >= head.size() + tail.size() && text.starts_with(head) &&
           text.ends_with(tail);
}

bool any_fits(const std::vector<const Element*>& patterns, const std::string& text) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const Element* one) { return fits(one->text, text); });
}

/// The first rule that lets the origin use the method and headers; the headers that say so.
std::optional<std::vector<std::pair<std::string, std::string>>> cors_headers(
    const std::string& document, const std::string& origin, const std::string& method,
    const std::string& asked_headers) {
    const auto rules = read_xml(document);
    if (!rules) return std::nullopt;
    for (const Element* const rule : rules->all("CORSRule")) {
        const auto origins = rule->all("AllowedOrigin"), methods = rule->all("AllowedMethod");
        if (!any_fits(origins, origin) || !any_fits(methods, method)) continue;
        const auto allowed = rule->all("AllowedHeader");
        bool all_fit = true;
        std::size_t from = 0;
        while (from < asked_headers.size()) {
            const std::size_t end = std::min(asked_headers.find(',', from), asked_headers.size());
            const std::string one = http::lower_case(
                http::trimmed(std::string_view(asked_headers).substr(from, end - from)));
            all_fit = all_fit && std::any_of(allowed.begin(), allowed.end(), [&](const Element* p) {
                          return fits(http::lower_case(p->text), one);
                      });
            from = end + 1;
        }
        if (!all_fit) continue;
        const bool is_any = std::any_of(origins.begin(), origins.end(),
                                        [](const Element* one) { return one->text == "*"; });
        std::vector<std::pair<std::string, std::string>> headers = {
            {"Access-Control-Allow-Origin", is_any ? "*" : origin}};
        if (!is_any) headers.emplace_back("Access-Control-Allow-Credentials", "true");
        const auto joined = [](const std::vector<const Element*>& elements) {
            std::string text;
            for (const Element* const one : elements)
                text += (text.empty() ? "" : ", ") + one->text;
            return text;
        };
        headers.emplace_back("Access-Control-Allow-Methods", joined(methods));
        if (!asked_headers.empty())
            headers.emplace_back("Access-Control-Allow-Headers", asked_headers);
        if (const auto exposed = rule->all("ExposeHeader"); !exposed.empty())
            headers.emplace_back("Access-Control-Expose-Headers", joined(exposed));
        if (const std::string age = rule->text_of("MaxAgeSeconds"); !age.empty())
            headers.emplace_back("Access-Control-Max-Age", age);
        headers.emplace_back(
            "Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
        return headers;
    }
    return std::nullopt;
}

}  // namespace

bool names_setting(const Operation& operation) { return setting_asked(operation) != nullptr; }

Answer get_setting(Operation& operation) {
    const BucketSetting* const setting = setting_asked(operation);
    S3_TRY(enter(operation, fmt::format("s3:Get{}", setting->action)));
    const bucket::Bucket& about = operation.about;
    if (setting->name == "versioning") return xml_response(versioning_document(about.versioning));
    if (setting->name == "location") {
        const std::string asked = *S3_TRY(operation.buckets.setting(operation.bucket, "location"));
        return xml_response(location_document(asked.empty() ? about.region : asked));
    }
    const std::string_view kept_as = setting->name == "policyStatus" ? "policy" : setting->name;
    const std::string document = *S3_TRY(operation.buckets.setting(operation.bucket, kept_as));
    if (setting->name == "policy" && !document.empty()) {
        http::Response response;
        response.headers = {{"Content-Type", "application/json"}};
        response.body = document;
        return response;
    }
    if (setting->name == "policyStatus") {
        const std::string acl = *S3_TRY(operation.buckets.setting(operation.bucket, "acl"));
        const bool everybody = policy_is_public(document) || is_public(acl_in(acl));
        return xml_response(
            fmt::format("<PolicyStatus xmlns=\"{}\"><IsPublic>{}</IsPublic></PolicyStatus>",
                        s3_namespace, everybody ? "true" : "false"));
    }
    if (!document.empty()) {
        http::Response response = xml_response(document);
        if (setting->name == "lifecycle") S3_TRY(add_minimum(operation, response));
        return response;
    }
    if (setting->absent_code.empty())
        return xml_response("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" +
                            std::string(setting->absent));
    return refuse(std::string(setting->absent_code), std::string(setting->absent_message), 404);
}

Answer put_setting(Operation& operation) {
    const BucketSetting& setting = *setting_asked(operation);
    S3_TRY(enter(operation, fmt::format("s3:Put{}", setting.action)));
    const catalog::Thing thing{
        .kind = catalog::ThingKind::bucket, .id = operation.bucket, .owner = operation.about.owner};
    S3_TRY(operation.catalog.decide(operation.signature.principal, catalog::Action::change, thing));
    const std::string text = *S3_TRY(document_body(operation));
    S3_TRY(check_setting(operation, setting, text));
    http::Response response;
    if (setting.name == "versioning") {
        const auto document = read_xml(text);
        return put_versioning(operation, *document);
    }
    const bool has_effect = !setting.root.empty() || setting.name == "policy";
    if (!has_effect)
        return refuse("NotImplemented",
                      "A header you provided implies functionality that is not implemented", 501);
    if (setting.name == "notification") S3_TRY(keep_rules(operation, text));
    const std::string kept =
        setting.name == "lifecycle" ? lifecycle_document(*S3_TRY(read_xml(text))) : text;
    if (setting.name == "lifecycle") S3_TRY(keep_minimum(operation));
    S3_TRY(operation.buckets.set_setting(operation.bucket, setting.name, kept));
    if (setting.name == "lifecycle") S3_TRY(add_minimum(operation, response));
    if (setting.name == "policy" || setting.name == "tagging") response.status = 204;
    return response;
}

Answer delete_setting(Operation& operation) {
    const BucketSetting& setting = *setting_asked(operation);
    S3_TRY(enter(operation, setting.name == "policy" ? std::string("s3:DeleteBucketPolicy")
                                                     : fmt::format("s3:Put{}", setting.action)));
    S3_TRY(operation.buckets.set_setting(operation.bucket, setting.name, ""));
    http::Response response;
    response.status = 204;
    return response;
}

Answer preflight(Operation& operation) {
    const std::string origin = operation.header("origin");
    const std::string method = operation.header("access-control-request-method");
    if (origin.empty() || method.empty())
        return refuse("BadRequest", "Insufficient information. Origin request header needed.");
    const std::string document = *S3_TRY(operation.buckets.setting(operation.bucket, "cors"));
    const auto headers = document.empty()
                             ? std::nullopt
                             : cors_headers(document, origin, method,
                                            operation.header("access-control-request-headers"));
    if (!headers)
        return refuse("AccessForbidden",
                      document.empty() ? "CORSResponse: CORS is not enabled for this bucket."
                                       : "CORSResponse: This CORS request is not allowed.",
                      403);
    return http::Response();  // the headers are added to every answer
}

void add_cors(Operation& operation, http::Response& response) {
    const auto document = operation.buckets.setting(operation.bucket, "cors");
    if (!document || document->empty()) return;
    const bool asks = operation.request.method == "OPTIONS";
    const std::string method = operation.request.header("access-control-request-method")
                                   .value_or(operation.request.method);
    const auto headers =
        cors_headers(*document, operation.header("origin"), method,
                     asks ? operation.header("access-control-request-headers") : std::string());
    if (!headers) return;
    response.headers.insert(response.headers.end(), headers->begin(), headers->end());
}

}  // namespace stroma::front::s3
