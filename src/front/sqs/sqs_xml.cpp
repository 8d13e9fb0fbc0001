#include <fmt/format.h>

#include "front/sqs/sqs_members.h"

namespace stroma::front::sqs {
namespace {

std::string value_text(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

void put_members(std::string& xml, std::string_view operation, const Json& members);

void put(std::string& xml, std::string_view operation, std::string_view name, const Json& value) {
    xml += fmt::format("<{}>", name);
    if (value.is_object())
        put_members(xml, operation, value);
    else
        xml += aws::xml_escape(value_text(value));
    xml += fmt::format("</{}>", name);
}

/// What the query protocol calls one of a list or map; "" when it is neither.
std::string singular(std::string_view operation, std::string_view name) {
    if (name == "Successful") return std::string(operation) + "ResultEntry";
    if (name == "Failed") return "BatchResultErrorEntry";
    if (name == "Results") return "ListMessageMoveTasksResultEntry";
    if (name == "queueUrls" || name == "QueueUrls") return "QueueUrl";
    if (name == "Messages" || name == "Attributes" || name == "MessageAttributes" || name == "Tags")
        return std::string(name.substr(0, name.size() - 1));
    return {};
}

void put_members(std::string& xml, std::string_view operation, const Json& members) {
    for (const auto& [name, value] : members.items()) {
        const std::string one = singular(operation, name);
        if (one.empty()) {
            put(xml, operation, name, value);
        } else if (value.is_array()) {
            for (const Json& each : value) put(xml, operation, one, each);
        } else {
            const char* key = one == "Tag" ? "Key" : "Name";
            for (const auto& [each, of] : value.items())
                put(xml, operation, one, Json{{key, each}, {"Value", of}});
        }
    }
}

}  // namespace

std::string result_xml(std::string_view operation, const Json& members) {
    std::string xml;
    put_members(xml, operation, members);
    return xml;
}

}  // namespace stroma::front::sqs
