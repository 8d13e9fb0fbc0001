#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "front/s3/attributes.h"
#include "front/s3/lifecycle.h"

// Lifecycle documents: read, checked, told.

namespace stroma::front::s3 {
namespace {

constexpr std::int64_t day_ms = 24LL * 3600 * 1000;
constexpr std::size_t rules_max = 1000;
constexpr std::size_t id_bytes_max = 255;
constexpr std::string_view classes[] = {"STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING",
                                        "GLACIER_IR",  "GLACIER",    "DEEP_ARCHIVE"};

Outcome<std::optional<std::int64_t>> number_in(const Element* element, std::string_view name,
                                               std::int64_t least) {
    const std::string text = element == nullptr ? "" : element->text_of(name);
    if (text.empty()) return std::optional<std::int64_t>();
    if (text.size() > 18 || text.find_first_not_of("-0123456789") != text.npos)
        return refuse("MalformedXML", fmt::format("'{}' must be a number", name));
    const std::int64_t number = std::strtoll(text.c_str(), nullptr, 10);
    if (number < least)
        return refuse("InvalidArgument", fmt::format("'{}' for an action must be a {} integer",
                                                     name, least > 0 ? "positive" : "nonnegative"));
    return std::optional(number);
}

/// "2026-11-22" or with a time, which must be midnight.
Outcome<std::optional<std::int64_t>> date_in(const Element* element) {
    const std::string text = element == nullptr ? "" : element->text_of("Date");
    if (text.empty()) return std::optional<std::int64_t>();
    std::tm time{};
    const char* const rest = strptime(text.c_str(), "%Y-%m-%d", &time);
    const std::string tail = rest == nullptr ? "?" : rest;
    const std::tm asked = time;
    const std::int64_t ms = static_cast<std::int64_t>(timegm(&time)) * 1000;
    const bool exists = asked.tm_mday == time.tm_mday && asked.tm_mon == time.tm_mon;
    if (rest == nullptr || !exists) return refuse("MalformedXML", "'Date' isn't one");
    if (!tail.empty() && !tail.starts_with("T00:00:00"))
        return refuse_about({{"ArgumentName", "Date"}, {"ArgumentValue", text}}, "InvalidArgument",
                            "'Date' must be at midnight GMT");
    return std::optional(ms);
}

Outcome<Due> due_in(const Element* element, std::int64_t least) {
    Due due{*S3_TRY(number_in(element, "Days", least)), *S3_TRY(date_in(element))};
    if (due.days && due.date_ms) return refuse("MalformedXML", "An action has either Days or Date");
    return due;
}

Outcome<std::string> class_in(const Element& element) {
    const std::string name = element.text_of("StorageClass");
    if (std::find(std::begin(classes), std::end(classes), name) == std::end(classes))
        return refuse("MalformedXML", fmt::format("there is no storage class '{}'", name));
    return name;
}

Outcome<void> read_filter(const Element& filter, LifecycleRule& rule) {
    const Element* const joined = filter.child("And");
    if (filter.children.size() > 1)
        return refuse("MalformedXML", "A filter has one condition, or And around several");
    const Element& conditions = joined != nullptr ? *joined : filter;
    for (const Element& one : conditions.children) {
        if (one.name == "Prefix") {
            rule.prefix = one.text;
        } else if (one.name == "Tag") {
            const std::string name = one.text_of("Key");
            if (std::any_of(rule.tags.begin(), rule.tags.end(),
                            [&](const auto& tag) { return tag.first == name; }))
                return refuse("InvalidRequest", "Duplicate Tag Keys are not allowed.");
            rule.tags.emplace_back(name, one.text_of("Value"));
        } else if (one.name == "ObjectSizeGreaterThan" || one.name == "ObjectSizeLessThan") {
            const auto bytes = *S3_TRY(number_in(&conditions, one.name, 0));
            (one.name == "ObjectSizeGreaterThan" ? rule.larger_than : rule.smaller_than) = bytes;
        } else {
            return refuse("MalformedXML", fmt::format("a filter has no '{}'", one.name));
        }
    }
    return {};
}

Outcome<void> read_transitions(const Element& element, LifecycleRule& rule) {
    for (const Element* const one : element.all("Transition")) {
        const Due due = *S3_TRY(due_in(one, 0));
        Transition transition{due, *S3_TRY(class_in(*one))};
        if (!transition.due.is_set())
            return refuse("MalformedXML", "A transition needs Days or Date");
        rule.transitions.push_back(std::move(transition));
    }
    for (const Element* const one : element.all("NoncurrentVersionTransition")) {
        Transition transition{{*S3_TRY(number_in(one, "NoncurrentDays", 0)), {}},
                              *S3_TRY(class_in(*one))};
        if (!transition.due.is_set())
            return refuse("MalformedXML", "A transition needs NoncurrentDays");
        rule.old_transitions.push_back(std::move(transition));
    }
    return {};
}

Outcome<LifecycleRule> read_rule(const Element& element) {
    LifecycleRule rule;
    rule.id = element.text_of("ID");
    if (rule.id.size() > id_bytes_max)
        return refuse("InvalidArgument", "ID length should not exceed allowed limit of 255");
    const std::string status = element.text_of("Status");
    if (status != "Enabled" && status != "Disabled")
        return refuse("MalformedXML", "A rule's Status must be Enabled or Disabled");
    rule.is_enabled = status == "Enabled";
    if (element.child("Prefix") == nullptr && element.child("Filter") == nullptr)
        return refuse("MalformedXML", "A rule needs a Filter or a Prefix");
    rule.prefix = element.text_of("Prefix");
    if (const Element* const filter = element.child("Filter")) S3_TRY(read_filter(*filter, rule));
    const Element* const expiry = element.child("Expiration");
    rule.expiry = *S3_TRY(due_in(expiry, 1));
    rule.ends_lone_markers =
        expiry != nullptr && expiry->text_of("ExpiredObjectDeleteMarker") == "true";
    if (rule.ends_lone_markers && rule.expiry.is_set())
        return refuse("MalformedXML", "ExpiredObjectDeleteMarker stands without Days and Date");
    const Element* const old = element.child("NoncurrentVersionExpiration");
    rule.old_days = *S3_TRY(number_in(old, "NoncurrentDays", 1));
    rule.old_kept = *S3_TRY(number_in(old, "NewerNoncurrentVersions", 1));
    if (old != nullptr && !rule.old_days && !rule.old_kept)
        return refuse("MalformedXML", "NoncurrentVersionExpiration says nothing");
    rule.upload_days = *S3_TRY(
        number_in(element.child("AbortIncompleteMultipartUpload"), "DaysAfterInitiation", 1));
    S3_TRY(read_transitions(element, rule));
    if (!rule.expiry.is_set() && expiry == nullptr && !rule.old_days && !rule.upload_days &&
        rule.transitions.empty() && rule.old_transitions.empty())
        return refuse("InvalidRequest", "At least one action needs to be specified in a rule");
    return rule;
}

void write(const Element& element, XmlWriter& xml) {
    if (element.children.empty()) {
        xml.put(element.name, element.text);
        return;
    }
    xml.open(element.name);
    for (const Element& child : element.children) write(child, xml);
    xml.close(element.name);
}

}  // namespace

std::int64_t Due::at(std::int64_t from_ms) const {
    if (date_ms) return *date_ms;
    const std::int64_t then = from_ms + days.value_or(0) * day_ms;
    return then % day_ms == 0 ? then : (then / day_ms + 1) * day_ms;
}

bool LifecycleRule::is_about(const bucket::ObjectVersion& object) const {
    if (!is_enabled || !object.key.starts_with(prefix)) return false;
    if (larger_than && object.size <= *larger_than) return false;
    if (smaller_than && object.size >= *smaller_than) return false;
    if (tags.empty()) return true;
    const auto has = tags_in(object.tags);
    return std::all_of(tags.begin(), tags.end(), [&](const auto& tag) {
        return std::find(has.begin(), has.end(), tag) != has.end();
    });
}

Outcome<std::vector<LifecycleRule>> read_lifecycle(const Element& document) {
    std::vector<LifecycleRule> rules;
    std::set<std::string> ids;
    for (const Element* const element : document.all("Rule")) {
        rules.push_back(*S3_TRY(read_rule(*element)));
        if (!rules.back().id.empty() && !ids.insert(rules.back().id).second)
            return refuse("InvalidArgument",
                          "Rule ID must be unique. Found same ID for more than "
                          "one rule");
    }
    if (rules.empty() || rules.size() > rules_max)
        return refuse("MalformedXML", "A lifecycle has 1 to 1000 rules");
    return rules;
}

std::string lifecycle_document(const Element& document) {
    XmlWriter xml;
    xml.open("LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"");
    std::size_t number = 0;
    for (const Element* const rule : document.all("Rule")) {
        ++number;
        xml.open("Rule");
        if (rule->text_of("ID").empty()) xml.put("ID", fmt::format("rule-{}", number));
        for (const Element& child : rule->children)
            if (child.name != "ID" || !child.text.empty()) write(child, xml);
        xml.close("Rule");
    }
    return std::move(xml.close("LifecycleConfiguration")).document();
}

std::string expiration_of(const std::string& document, const bucket::ObjectVersion& object) {
    if (document.empty() || !object.is_latest) return {};
    const auto parsed = read_xml(document);
    if (!parsed) return {};
    const auto rules = read_lifecycle(*parsed);
    if (!rules) return {};
    const LifecycleRule* first = nullptr;
    for (const LifecycleRule& rule : *rules)
        if (rule.expiry.is_set() && rule.is_about(object) &&
            (first == nullptr ||
             rule.expiry.at(object.modified_ms) < first->expiry.at(object.modified_ms)))
            first = &rule;
    if (first == nullptr) return {};
    return fmt::format("expiry-date=\"{}\", rule-id=\"{}\"",
                       http_date(first->expiry.at(object.modified_ms)), first->id);
}

}  // namespace stroma::front::s3
