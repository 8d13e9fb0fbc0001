#include "front/sqs/sqs_members.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <set>

#include "base/digest.h"

namespace stroma::front::sqs {
namespace {

constexpr std::string_view own_namespace = "com.amazonaws.sqs#";
constexpr std::string_view common_namespace = "com.amazon.coral.service#";
constexpr std::size_t attributes_max = 10;
constexpr std::size_t entries_max = 10;

/// A list that the query protocol calls by its singular.
struct ListName {
    std::string_view query, json;
};
constexpr std::array list_names = {
    ListName{"AttributeName", "AttributeNames"},
    ListName{"MessageAttributeName", "MessageAttributeNames"},
    ListName{"MessageSystemAttributeName", "MessageSystemAttributeNames"},
    ListName{"TagKey", "TagKeys"},
    ListName{"AWSAccountId", "AWSAccountIds"},
    ListName{"ActionName", "Actions"},
};
constexpr std::array map_names = {
    ListName{"Attribute", "Attributes"},
    ListName{"MessageAttribute", "MessageAttributes"},
    ListName{"MessageSystemAttribute", "MessageSystemAttributes"},
    ListName{"Tag", "Tags"},
};

Json as_list(const Json& value) { return value.is_array() ? value : Json::array({value}); }

Json as_map(const Json& value) {
    Json map = Json::object();
    for (const Json& pair : as_list(value)) {
        if (!pair.is_object()) continue;
        const char* name = pair.contains("Name") ? "Name" : "Key";
        if (!pair.contains(name) || !pair[name].is_string()) continue;
        map[pair[name].get<std::string>()] = pair.value("Value", Json(""));
    }
    return map;
}

Json json_names(const Json& query) {
    Json members = Json::object();
    for (const auto& [name, value] : query.items()) {
        const auto is = [&, key = std::string_view(name)](const ListName& known) {
            return known.query == key;
        };
        if (const auto list = std::find_if(list_names.begin(), list_names.end(), is);
            list != list_names.end())
            members[std::string(list->json)] = as_list(value);
        else if (const auto map = std::find_if(map_names.begin(), map_names.end(), is);
                 map != map_names.end())
            members[std::string(map->json)] = as_map(value);
        else if (name.ends_with("BatchRequestEntry")) {
            Json entries = Json::array();
            for (const Json& entry : as_list(value))
                if (entry.is_object()) entries.push_back(json_names(entry));
            members["Entries"] = std::move(entries);
        } else {
            members[name] = value;
        }
    }
    return members;
}

bool is_id_text(std::string_view text) {
    return !text.empty() && text.size() <= 128 &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 32 && c < 127; });
}

/// Whether the UTF-8 text is made of characters that XML can carry.
bool is_plain_text(std::string_view text) {
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto c = static_cast<unsigned char>(text[at]);
        if (c < 0x20 && c != '\t' && c != '\n' && c != '\r') return false;
        if (c == 0xef && at + 2 < text.size() && static_cast<unsigned char>(text[at + 1]) == 0xbf &&
            static_cast<unsigned char>(text[at + 2]) >= 0xbe)
            return false;
    }
    return true;
}

/// The next character of UTF-8 text, which the JSON or form it came in has proved to be.
char32_t next_character(std::string_view& text) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    char32_t character = length == 1 ? first : first & (0xffu >> (length + 1));
    for (std::size_t at = 1; at < std::min(length, text.size()); ++at)
        character = character << 6 | (static_cast<unsigned char>(text[at]) & 0x3fu);
    text.remove_prefix(std::min(length, text.size()));
    return character;
}

/// Letters of any script (SQS takes them, though its manual names those of ASCII), digits, '_',
/// '-' and '.'; not beginning as names of AWS do, nor with a dot at an end or two in a row.
bool is_attribute_name(std::string_view name) {
    std::string start;
    for (const char c : name.substr(0, 7))
        start += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (name.empty() || name.size() > 256 || start.starts_with("aws.") || start == "amazon." ||
        name.front() == '.' || name.back() == '.' || name.find("..") != name.npos)
        return false;
    for (std::string_view rest = name; !rest.empty();) {
        const char32_t c = next_character(rest);
        const bool is_ascii = c < 0x80 && (std::isalnum(static_cast<int>(c)) != 0 || c == '_' ||
                                           c == '-' || c == '.');
        const bool is_sign = c == 0xd7 || c == 0xf7 || (c >= 0x2000 && c < 0x2c00);
        if (!is_ascii && (c < 0xc0 || is_sign)) return false;
    }
    return true;
}

Outcome<message::MessageAttribute> read_attribute(const std::string& name, const Json& value) {
    message::MessageAttribute attribute{name, text_or_empty(value, "DataType"), {}};
    if (!is_attribute_name(name))
        return invalid_value(fmt::format("Message (user) attribute name '{}' is invalid.", name));
    if (attribute.type.size() > 256)
        return invalid_value(fmt::format(
            "Invalid length of the type of the message attribute '{}': at most 256.", name));
    const std::string base = attribute.type.substr(0, attribute.type.find('.'));
    if (base != "String" && base != "Number" && base != "Binary")
        return invalid_value(
            fmt::format("The message attribute '{}' has an invalid message attribute type, the set "
                        "of supported type prefixes is Binary, Number, and String.",
                        name));
    if (attribute.is_binary()) {
        const auto found = value.find("BinaryValue");
        if (found != value.end()) {
            auto bytes = aws::blob_bytes(*found);
            if (!bytes) return tl::unexpected(bytes.error());
            attribute.value = *std::move(bytes);
        }
    } else {
        attribute.value = text_or_empty(value, "StringValue");
    }
    if (attribute.value.empty())
        return invalid_value(
            fmt::format("Message (user) attribute '{}' must contain a non-empty value of type "
                        "'{}'.",
                        name, base));
    if (!attribute.is_binary() && !is_plain_text(attribute.value))
        return invalid_value(
            fmt::format("Invalid characters found. The value of the message attribute '{}' has "
                        "others than #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | "
                        "#x10000 to #x10FFFF",
                        name));
    return attribute;
}

Outcome<std::vector<message::MessageAttribute>> read_attributes(const Json& members) {
    std::vector<message::MessageAttribute> attributes;
    const auto found = members.find("MessageAttributes");
    if (found == members.end() || !found->is_object()) return attributes;
    if (found->size() > attributes_max)
        return invalid_value(
            fmt::format("Number of message attributes [{}] exceeds the allowed maximum [{}].",
                        found->size(), attributes_max));
    for (const auto& [name, value] : found->items()) {
        auto attribute = read_attribute(name, value);
        if (!attribute) return tl::unexpected(attribute.error());
        attributes.push_back(*std::move(attribute));
    }
    return attributes;
}

/// Delay, group and deduplication, which depend on the queue's kind.
Outcome<void> read_order(const message::Queue& queue, const Json& members, bool in_batch,
                         message::NewMessage& message) {
    const bool is_ordered = queue.behaviour.is_ordered;
    const auto delay = number_member(members, "DelaySeconds");
    if (!delay) return tl::unexpected(delay.error());
    const auto not_here = [](std::string_view value, std::string_view name) {
        return invalid_value(
            fmt::format("Value {} for parameter {} is invalid. Reason: The "
                        "request include parameter that is not valid for this "
                        "queue type.",
                        value, name));
    };
    const std::int64_t seconds = delay->value_or(0);
    if (seconds < 0 || seconds > 900)
        return invalid_value(
            fmt::format("Value {} for parameter DelaySeconds is invalid. Reason: "
                        "DelaySeconds must be >= 0 and <= 900.",
                        seconds));
    if (is_ordered && seconds != 0) return not_here(std::to_string(seconds), "DelaySeconds");
    if (*delay && !is_ordered) message.delay = Milliseconds{1000 * seconds};
    const auto bad = [](std::string_view value, std::string_view name) {
        return invalid_value(
            fmt::format("Value {} for parameter {} is invalid. Reason: {} can "
                        "only include alphanumeric and punctuation characters. 1 "
                        "to 128 in length.",
                        value, name, name));
    };
    const auto group = text_member(members, "MessageGroupId");
    const auto deduplication = text_member(members, "MessageDeduplicationId");
    if (is_ordered && !group) {
        if (!in_batch) return missing("MessageGroupId");
        return invalid_value("The request must contain the parameter MessageGroupId.");
    }
    if (group && !is_id_text(*group)) return bad(*group, "MessageGroupId");
    if (deduplication && !is_id_text(*deduplication))
        return bad(*deduplication, "MessageDeduplicationId");
    if (deduplication && !is_ordered) return not_here(*deduplication, "MessageDeduplicationId");
    if (is_ordered && !deduplication && !queue.behaviour.deduplicates_by_content)
        return invalid_value(
            "The queue should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly");
    message.group = group.value_or("");
    message.deduplication = deduplication.value_or("");
    return {};
}

}  // namespace

Outcome<Json> request_members(const aws::Call& call) {
    auto members = call.parameters();
    if (!members || call.wire != aws::Wire::query) return members;
    return json_names(*members);
}

std::optional<std::string> text_member(const Json& members, std::string_view name) {
    const auto found = members.find(std::string(name));
    if (found == members.end() || !found->is_string()) return std::nullopt;
    return found->get<std::string>();
}

std::string text_or_empty(const Json& members, std::string_view name) {
    return members.is_object() ? text_member(members, name).value_or("") : std::string();
}

Outcome<std::optional<std::int64_t>> number_member(const Json& members, std::string_view name) {
    const auto found = members.find(std::string(name));
    if (found == members.end() || found->is_null()) return std::nullopt;
    if (found->is_number_integer()) return found->get<std::int64_t>();
    if (found->is_string()) {
        const auto& text = found->get_ref<const std::string&>();
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error == std::errc() && end == text.data() + text.size()) return number;
    }
    return invalid_value(
        fmt::format("Value {} for parameter {} is invalid. Reason: Must be an "
                    "integer.",
                    found->is_string() ? found->get<std::string>() : found->dump(), name));
}

std::vector<std::string> texts_member(const Json& members, std::string_view name) {
    std::vector<std::string> texts;
    const auto found = members.find(std::string(name));
    if (found == members.end() || !found->is_array()) return texts;
    for (const Json& text : *found)
        if (text.is_string()) texts.push_back(text.get<std::string>());
    return texts;
}

message::TextMap map_member(const Json& members, std::string_view name) {
    message::TextMap map;
    const auto found = members.find(std::string(name));
    if (found == members.end() || !found->is_object()) return map;
    for (const auto& [key, value] : found->items())
        map[key] = value.is_string() ? value.get<std::string>() : value.dump();
    return map;
}

std::vector<const Json*> list_member(const Json& members, std::string_view name) {
    std::vector<const Json*> list;
    const auto found = members.find(std::string(name));
    if (found == members.end() || !found->is_array()) return list;
    for (const Json& entry : *found)
        if (entry.is_object()) list.push_back(&entry);
    return list;
}

tl::unexpected<Fault> invalid_value(std::string message) {
    return aws::refuse(Fault{"InvalidParameterValueException", std::move(message), 400,
                             "InvalidParameterValue", std::string(common_namespace)});
}

tl::unexpected<Fault> missing(std::string_view parameter) {
    return aws::refuse(Fault{"MissingRequiredParameterException",
                             fmt::format("The request must contain the parameter {}.", parameter),
                             400, "MissingParameter", std::string(common_namespace)});
}

tl::unexpected<Fault> sqs_fault(std::string type, std::string legacy, std::string message,
                                int status) {
    return aws::refuse(Fault{std::move(type), std::move(message), status, std::move(legacy),
                             std::string(own_namespace)});
}

tl::unexpected<Fault> no_such_queue(const aws::Call& call) {
    return sqs_fault("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue",
                     call.wire == aws::Wire::query
                         ? "The specified queue does not exist for this wsdl version."
                         : "The specified queue does not exist.");
}

tl::unexpected<Fault> queue_fault(const aws::Call& call, const Error& error) {
    switch (error.code) {
        case ErrorCode::not_found: return no_such_queue(call);
        case ErrorCode::already_exists:
            return sqs_fault("QueueNameExists", "QueueAlreadyExists", error.message);
        case ErrorCode::unsupported:
            return sqs_fault("InvalidAttributeName", "InvalidAttributeName", error.message);
        case ErrorCode::exhausted: return sqs_fault("OverLimit", "OverLimit", error.message, 403);
        case ErrorCode::invalid_input:
            if (error.message.starts_with("Invalid value for the parameter"))
                return sqs_fault("InvalidAttributeValue", "InvalidAttributeValue", error.message);
            if (error.message.starts_with("The input receipt handle"))
                return sqs_fault("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", error.message);
            return invalid_value(error.message);
        default: return aws::refuse(error);
    }
}

Outcome<ReadMessage> read_message(const message::Queue& queue, const Json& members, bool in_batch,
                                  const std::string& trace) {
    ReadMessage read;
    message::NewMessage& message = read.message;
    message.body = text_or_empty(members, "MessageBody");
    if (message.body.empty()) return missing("MessageBody");
    if (!is_plain_text(message.body))
        return sqs_fault("InvalidMessageContents", "InvalidMessageContents",
                         "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | "
                         "#x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF");
    auto attributes = read_attributes(members);
    if (!attributes) return tl::unexpected(attributes.error());
    message.attributes = *std::move(attributes);
    read.size_bytes = message.body.size();
    for (const auto& attribute : message.attributes)
        read.size_bytes += attribute.name.size() + attribute.type.size() + attribute.value.size();
    if (auto done = read_order(queue, members, in_batch, message); !done)
        return tl::unexpected(done.error());
    if (const auto found = members.find("MessageSystemAttributes");
        found != members.end() && found->is_object() && found->contains("AWSTraceHeader"))
        message.trace = text_or_empty((*found)["AWSTraceHeader"], "StringValue");
    read.names_trace = !message.trace.empty();
    if (message.trace.empty()) message.trace = trace;
    return read;
}

Outcome<std::vector<const Json*>> batch_entries(const Json& members) {
    auto entries = list_member(members, "Entries");
    const auto own = [](std::string type, std::string message) {
        std::string legacy = "AWS.SimpleQueueService." + type;
        return sqs_fault(std::move(type), std::move(legacy), std::move(message));
    };
    if (entries.empty())
        return own("EmptyBatchRequest",
                   "There should be at least one SendMessageBatchRequestEntry in the request.");
    if (entries.size() > entries_max)
        return own("TooManyEntriesInBatchRequest",
                   fmt::format("Maximum number of entries per request are 10. You have sent {}.",
                               entries.size()));
    std::set<std::string> ids;
    for (const Json* entry : entries) {
        const std::string id = text_or_empty(*entry, "Id");
        if (id.empty() || id.size() > 80 || !std::all_of(id.begin(), id.end(), [](unsigned char c) {
                return std::isalnum(c) != 0 || c == '-' || c == '_';
            }))
            return own("InvalidBatchEntryId",
                       "A batch entry id can only contain alphanumeric characters, hyphens and "
                       "underscores. It can be at most 80 letters long.");
        if (!ids.insert(id).second)
            return own("BatchEntryIdsNotDistinct", fmt::format("Id {} repeated.", id));
    }
    return entries;
}

Json attributes_json(const std::vector<message::MessageAttribute>& attributes) {
    Json json = Json::object();
    for (const auto& attribute : attributes) {
        Json value = Json::object();
        if (attribute.is_binary())
            value["BinaryValue"] = aws::base64(attribute.value);
        else
            value["StringValue"] = attribute.value;
        value["DataType"] = attribute.type;
        json[attribute.name] = std::move(value);
    }
    return json;
}

std::string attributes_md5(const std::string& laid_out) { return md5_hex(laid_out); }

}  // namespace stroma::front::sqs
