#include <algorithm>
#include <functional>

#include "front/s3/attributes.h"
#include "front/s3/lifecycle.h"

// What a bucket's lifecycle rules have done.

namespace stroma::front::s3 {
namespace {

constexpr std::int64_t day_ms = 24LL * 3600 * 1000;
constexpr std::size_t expiry_page = 1000;

std::optional<std::int64_t> days_in(const Element* element, std::string_view name) {
    if (element == nullptr) return std::nullopt;
    const std::string text = element->text_of(name);
    if (text.empty()) return std::nullopt;
    return std::strtoll(text.c_str(), nullptr, 10);
}

Outcome<LifecycleRule> read_rule(const Element& element) {
    LifecycleRule rule;
    rule.is_enabled = element.text_of("Status") == "Enabled";
    rule.prefix = element.text_of("Prefix");
    for (const char* const unbuilt : {"Transition", "NoncurrentVersionTransition"})
        if (element.child(unbuilt) != nullptr)
            return refuse("NotImplemented", "There is no other storage class to move objects to",
                          501);
    if (const Element* const filter = element.child("Filter")) {
        const Element* const joined = filter->child("And");
        const Element& conditions = joined != nullptr ? *joined : *filter;
        for (const Element& condition : conditions.children)
            if (condition.name != "Prefix")
                return refuse("NotImplemented", "A rule's filter can name a prefix only", 501);
        rule.prefix = conditions.text_of("Prefix");
    }
    const Element* const expiry = element.child("Expiration");
    rule.days = days_in(expiry, "Days");
    if (expiry != nullptr) rule.date_ms = parse_http_date(expiry->text_of("Date"));
    rule.old_days = days_in(element.child("NoncurrentVersionExpiration"), "NoncurrentDays");
    rule.upload_days =
        days_in(element.child("AbortIncompleteMultipartUpload"), "DaysAfterInitiation");
    for (const auto& days : {rule.days, rule.old_days, rule.upload_days})
        if (days && *days <= 0)
            return refuse("InvalidArgument", "Days of an action must be a positive integer");
    if (!rule.days && !rule.date_ms && !rule.old_days && !rule.upload_days && expiry == nullptr)
        return refuse("InvalidRequest", "At least one action needs to be specified in a rule");
    return rule;
}

bool is_over(const LifecycleRule& rule, std::int64_t modified_ms, std::int64_t now) {
    return (rule.days && modified_ms + *rule.days * day_ms <= now) ||
           (rule.date_ms && *rule.date_ms <= now);
}

const bucket::Cause lifecycle_cause{"lifecycle", "", "lifecycle"};

Outcome<void> expire_keys(bucket::Buckets& buckets, const std::string& name,
                          const LifecycleRule& rule, std::int64_t now, std::size_t& done) {
    if (!rule.days && !rule.date_ms) return {};
    bucket::ListQuery query{name, rule.prefix, "", "", "", expiry_page};
    for (bool more = true; more;) {
        const auto page = *S3_TRY(buckets.list(query));
        for (const auto& object : page.objects) {
            if (!is_over(rule, object.modified_ms, now)) continue;
            bucket::Condition unchanged;
            unchanged.if_etag = object.etag;
            done += buckets.remove_object(name, object.key, "", unchanged, lifecycle_cause) ? 1 : 0;
        }
        query.after = page.next_key;
        more = page.is_cut;
    }
    return {};
}

/// Versions that another one has taken the place of, counted from when it did.
Outcome<void> expire_old(bucket::Buckets& buckets, const std::string& name,
                         const LifecycleRule& rule, std::int64_t now, std::size_t& done) {
    if (!rule.old_days) return {};
    bucket::ListQuery query{name, rule.prefix, "", "", "", expiry_page};
    std::string key;
    std::int64_t newer_ms = now;
    for (bool more = true; more;) {
        const auto page = *S3_TRY(buckets.list_versions(query));
        for (const auto& object : page.objects) {
            const bool is_old = object.key == key && !object.is_latest;
            if (is_old && newer_ms + *rule.old_days * day_ms <= now)
                done += buckets.remove_object(name, object.key, object.version, {}, lifecycle_cause)
                            ? 1
                            : 0;
            key = object.key;
            newer_ms = object.modified_ms;
        }
        query.after = page.next_key;
        query.after_version = page.next_version;
        more = page.is_cut;
    }
    return {};
}

Outcome<void> expire_uploads(bucket::Buckets& buckets, const std::string& name,
                             const LifecycleRule& rule, std::int64_t now, std::size_t& done) {
    if (!rule.upload_days) return {};
    const auto uploads = *S3_TRY(buckets.uploads(name, rule.prefix, "", "", expiry_page));
    for (const bucket::Upload& upload : uploads)
        if (upload.started_ms + *rule.upload_days * day_ms <= now)
            done += buckets.abort_upload(upload) ? 1 : 0;
    return {};
}

}  // namespace

Outcome<std::vector<LifecycleRule>> read_lifecycle(const Element& document) {
    std::vector<LifecycleRule> rules;
    for (const Element* const element : document.all("Rule")) {
        const std::string status = element->text_of("Status");
        if (status != "Enabled" && status != "Disabled")
            return refuse("MalformedXML", "A rule's Status must be Enabled or Disabled");
        rules.push_back(*S3_TRY(read_rule(*element)));
    }
    if (rules.empty()) return refuse("MalformedXML", "A lifecycle needs a rule");
    return rules;
}

Result<std::size_t> expire_objects(bucket::Buckets& buckets, const Clock& clock) {
    std::size_t done = 0;
    const std::int64_t now = clock.unix_ms();
    for (const auto& [name, text] : TRY(buckets.settings_named("lifecycle"))) {
        const Element document = TRY(read_xml(text));
        const auto rules = read_lifecycle(document);
        if (!rules) continue;  // only what was checked is kept
        for (const LifecycleRule& rule : *rules) {
            if (!rule.is_enabled) continue;
            for (const auto& expire : {expire_keys, expire_old, expire_uploads})
                if (const auto expired = expire(buckets, name, rule, now, done); !expired)
                    return fail(ErrorCode::unavailable, expired.error().message);
        }
    }
    return done;
}

}  // namespace stroma::front::s3
