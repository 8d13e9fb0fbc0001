#include "message/queue_attributes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "base/ascii.h"
#include "base/json.h"

namespace stroma::message {
namespace {

struct NumberAttribute {
    std::string_view name;
    std::int64_t least, most, usual;
};
constexpr std::array number_attributes = {
    NumberAttribute{"DelaySeconds", 0, 900, 0},
    NumberAttribute{"MaximumMessageSize", 1024, 1'048'576, 1'048'576},
    NumberAttribute{"MessageRetentionPeriod", 60, 1'209'600, 345'600},
    NumberAttribute{"ReceiveMessageWaitTimeSeconds", 0, 20, 0},
    NumberAttribute{"VisibilityTimeout", 0, 43'200, 30},
    NumberAttribute{"KmsDataKeyReusePeriodSeconds", 60, 86'400, 300},
};

Error invalid(std::string_view name) {
    return {ErrorCode::invalid_input, fmt::format("Invalid value for the parameter {}.", name)};
}

std::int64_t number_of(const std::string& text) {
    std::int64_t number = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? number : -1;
}

Error bad_redrive(const std::string& value, std::string_view reason) {
    return {
        ErrorCode::invalid_input,
        fmt::format("Value {} for parameter RedrivePolicy is invalid. Reason: {}", value, reason)};
}

/// Checks a redrive policy's form; whether its queue is there isn't known here.
Result<void> check_redrive(const std::string& value) {
    const auto policy = parse_json(value);
    if (!policy || !policy->is_object())
        return fail(bad_redrive(value, "Redrive policy is not a valid JSON map."));
    for (const char* member : {"maxReceiveCount", "deadLetterTargetArn"})
        if (!policy->contains(member))
            return fail(bad_redrive(
                value,
                fmt::format("Redrive policy does not contain mandatory attribute: {}.", member)));
    const Json& count = (*policy)["maxReceiveCount"];
    const std::int64_t most = count.is_number_integer() ? count.get<std::int64_t>()
                              : count.is_string()       ? number_of(count.get<std::string>())
                                                        : -1;
    if (most < 1 || most > 1000)
        return fail(bad_redrive(
            value, fmt::format("Invalid value for maxReceiveCount: {}, valid values are from 1 to "
                               "1000 both inclusive.",
                               count.is_string() ? count.get<std::string>() : count.dump())));
    if (!(*policy)["deadLetterTargetArn"].is_string())
        return fail(bad_redrive(value, "Invalid value for deadLetterTargetArn."));
    return {};
}

/// What an ordered queue alone has.
Result<void> check_ordering(const std::string& name, const std::string& value, bool is_ordered) {
    if (name == "FifoQueue" || name == "ContentBasedDeduplication") {
        if (!is_ordered)
            return fail(ErrorCode::unsupported, fmt::format("Unknown Attribute {}.", name));
        const std::string flag = ascii_lower(value);
        if (flag != "true" && (flag != "false" || name == "FifoQueue")) return fail(invalid(name));
        return {};
    }
    if (!is_ordered)
        return fail(
            ErrorCode::unsupported,
            fmt::format("You can specify the {} only when FifoQueue is set to true.", name));
    const bool known = name == "DeduplicationScope"
                           ? value == "queue" || value == "messageGroup"
                           : value == "perQueue" || value == "perMessageGroupId";
    if (!known) return fail(invalid(name));
    return {};
}

Result<void> check_one(const std::string& name, const std::string& value, bool is_ordered) {
    for (const NumberAttribute& attribute : number_attributes) {
        if (attribute.name != name) continue;
        const std::int64_t number = number_of(value);
        if (number < attribute.least || number > attribute.most) return fail(invalid(name));
        return {};
    }
    if (name == "RedrivePolicy") return check_redrive(value);
    if (name == "SqsManagedSseEnabled") {
        const std::string flag = ascii_lower(value);
        if (flag != "true" && flag != "false") return fail(invalid(name));
        return {};
    }
    if (name == "Policy" || name == "RedriveAllowPolicy") {
        if (const auto json = parse_json(value); !json || !json->is_object())
            return fail(invalid(name));
        return {};
    }
    if (name == "KmsMasterKeyId") return {};
    if (name == "FifoQueue" || name == "ContentBasedDeduplication" ||
        name == "DeduplicationScope" || name == "FifoThroughputLimit")
        return check_ordering(name, value, is_ordered);
    return fail(ErrorCode::unsupported, fmt::format("Unknown Attribute {}.", name));
}

}  // namespace

Result<TextMap> changed_attributes(std::string_view queue, const TextMap& now,
                                   const TextMap& given) {
    const bool is_ordered = queue.ends_with(".fifo");
    TextMap changed = now;
    for (const auto& [name, value] : given) {
        if (value.empty() && name != "FifoQueue") {
            changed.erase(name);
            continue;
        }
        if (!now.empty() && name == "FifoQueue" && is_ordered && ascii_lower(value) != "true")
            return fail(ErrorCode::invalid_input,
                        "Invalid value for the parameter FifoQueue. Reason: Modifying queue type "
                        "is not supported.");
        TRY(check_one(name, value, is_ordered));
        const bool is_flag = name == "FifoQueue" || name == "ContentBasedDeduplication" ||
                             name == "SqsManagedSseEnabled";
        changed[name] = is_flag ? ascii_lower(value) : value;
        if (name == "KmsMasterKeyId") changed["SqsManagedSseEnabled"] = "false";
        if (name == "SqsManagedSseEnabled" && ascii_lower(value) == "true") {
            changed.erase("KmsMasterKeyId");
            changed.erase("KmsDataKeyReusePeriodSeconds");
        }
    }
    return changed;
}

TextMap with_defaults(TextMap attributes) {
    for (const NumberAttribute& attribute : number_attributes)
        if (attribute.name != "KmsDataKeyReusePeriodSeconds")
            attributes.emplace(attribute.name, std::to_string(attribute.usual));
    if (attributes.contains("KmsMasterKeyId"))
        attributes.emplace("KmsDataKeyReusePeriodSeconds", "300");
    else
        attributes.erase("KmsDataKeyReusePeriodSeconds");  // of no meaning without a key
    attributes.emplace("SqsManagedSseEnabled", "true");
    if (attributes.contains("FifoQueue")) {
        attributes.emplace("ContentBasedDeduplication", "false");
        attributes.emplace("DeduplicationScope", "queue");
        attributes.emplace("FifoThroughputLimit", "perQueue");
    }
    return attributes;
}

QueueBehaviour behaviour_of(const TextMap& attributes) {
    const auto seconds = [&](const char* name) {
        return Milliseconds{1000 * number_of(attributes.at(name))};
    };
    const auto is = [&](const char* name, std::string_view value) {
        const auto found = attributes.find(name);
        return found != attributes.end() && found->second == value;
    };
    QueueBehaviour behaviour;
    behaviour.visibility = seconds("VisibilityTimeout");
    behaviour.delay = seconds("DelaySeconds");
    behaviour.wait = seconds("ReceiveMessageWaitTimeSeconds");
    behaviour.retention = seconds("MessageRetentionPeriod");
    behaviour.body_bytes_max =
        static_cast<std::size_t>(number_of(attributes.at("MaximumMessageSize")));
    behaviour.is_ordered = is("FifoQueue", "true");
    behaviour.deduplicates_by_content = is("ContentBasedDeduplication", "true");
    behaviour.deduplicates_in_group = is("DeduplicationScope", "messageGroup");
    const auto redrive = attributes.find("RedrivePolicy");
    if (redrive == attributes.end()) return behaviour;
    if (const auto policy = parse_json(redrive->second); policy && check_redrive(redrive->second)) {
        const Json& count = (*policy)["maxReceiveCount"];
        const std::string arn = (*policy)["deadLetterTargetArn"].get<std::string>();
        behaviour.redrive =
            Redrive{arn.substr(arn.rfind(':') + 1),
                    static_cast<int>(count.is_string() ? number_of(count.get<std::string>())
                                                       : count.get<std::int64_t>())};
    }
    return behaviour;
}

Result<void> check_queue_name(std::string_view name, bool is_ordered) {
    std::string_view stem = name;
    if (is_ordered && name.ends_with(".fifo")) stem.remove_suffix(5);
    const bool plain = std::all_of(stem.begin(), stem.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_';
    });
    if (is_ordered && !name.ends_with(".fifo"))
        return fail(ErrorCode::invalid_input,
                    "The name of a FIFO queue can only include "
                    "alphanumeric characters, hyphens, or underscores, "
                    "must end with .fifo suffix and be 1 to 80 in "
                    "length.");
    if (stem.empty() || name.size() > 80 || !plain)
        return fail(ErrorCode::invalid_input,
                    "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 "
                    "in length");
    return {};
}

std::string queue_of_arn(std::string_view arn, std::string_view account) {
    const std::size_t end = arn.rfind(':');
    if (end == std::string_view::npos || !arn.starts_with("arn:aws:sqs:")) return {};
    const std::string_view before = arn.substr(0, end);
    const std::size_t at = before.rfind(':');
    if (before.substr(at + 1) != account) return {};
    return std::string(arn.substr(end + 1));
}

}  // namespace stroma::message
