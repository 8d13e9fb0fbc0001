#include "event/target_input.h"

#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <functional>

#include "base/json.h"

namespace stroma::event {
namespace {

std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The value at "$.detail.list[0]"; null when there is none.
const Json* at_path(const Json& event, std::string_view path) {
    if (!path.starts_with('$')) return nullptr;
    path.remove_prefix(1);
    const Json* at = &event;
    while (!path.empty()) {
        if (path[0] == '[') {
            const std::size_t end = path.find(']');
            if (end == std::string_view::npos || !at->is_array()) return nullptr;
            std::size_t place = 0;
            const auto read = std::from_chars(path.data() + 1, path.data() + end, place);
            if (read.ec != std::errc() || place >= at->size()) return nullptr;
            at = &(*at)[place];
            path.remove_prefix(end + 1);
            continue;
        }
        if (path[0] != '.') return nullptr;
        path.remove_prefix(1);
        const std::string name(path.substr(0, path.find_first_of(".[")));
        if (!at->is_object()) return nullptr;
        const auto found = at->find(name);
        if (found == at->end()) return nullptr;
        at = &*found;
        path.remove_prefix(name.size());
    }
    return at;
}

bool is_name_character(unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
}

/// Calls `fill` for each <placeholder> with whether it stands in a JSON text; gives what they made.
std::string filled(std::string_view pattern,
                   const std::function<std::string(std::string_view name, bool in_text)>& fill) {
    std::string made;
    bool in_text = false;
    for (std::size_t at = 0; at < pattern.size(); ++at) {
        const char c = pattern[at];
        if (c == '\\' && at + 1 < pattern.size()) {
            made += c;
            made += pattern[++at];
            continue;
        }
        if (c == '"') in_text = !in_text;
        if (c == '<') {
            std::size_t end = at + 1;
            while (end < pattern.size() &&
                   is_name_character(static_cast<unsigned char>(pattern[end])))
                ++end;
            if (end > at + 1 && end < pattern.size() && pattern[end] == '>') {
                made += fill(pattern.substr(at + 1, end - at - 1), in_text);
                at = end;
                continue;
            }
        }
        made += c;
    }
    return made;
}

/// A value as it stands within a JSON text: without any quotes.
std::string inside_text(const Json& value) {
    if (value.is_string()) {
        const std::string quoted = dump(value);
        return quoted.substr(1, quoted.size() - 2);
    }
    std::string plain = dump(value);
    std::erase(plain, '"');
    return plain;
}

Json predefined(std::string_view name, const Json& event, const RuleName& rule) {
    if (name == "aws.events.rule-arn") return rule.arn;
    if (name == "aws.events.rule-name") return rule.name;
    if (name == "aws.events.event.ingestion-time") return rule.now;
    if (name == "aws.events.event.json") return event;
    if (name != "aws.events.event") return nullptr;
    // Without its detail, and as recorded of AWS: here the type's name is written another way.
    Json head = Json::object();
    for (const auto& [member, value] : event.items())
        if (member != "detail") head[member == "detail-type" ? "detailType" : member] = value;
    return head;
}

}  // namespace

std::string target_input(const Json& target, const Json& event, const RuleName& rule) {
    if (const auto input = target.find("Input"); input != target.end() && input->is_string())
        return input->get<std::string>();
    if (const auto path = target.find("InputPath"); path != target.end() && path->is_string()) {
        const Json* value = at_path(event, path->get<std::string>());
        return value == nullptr ? "null" : dump(*value);
    }
    const auto transformer = target.find("InputTransformer");
    if (transformer == target.end()) return dump(event);
    const Json paths = transformer->value("InputPathsMap", Json::object());
    const auto fill = [&](std::string_view name, bool in_text) -> std::string {
        Json value = predefined(name, event, rule);
        if (const auto path = paths.find(std::string(name)); path != paths.end()) {
            const Json* const found = at_path(event, path->get<std::string>());
            if (found == nullptr) return in_text ? "" : "\"\"";
            value = *found;
        }
        return in_text ? inside_text(value) : dump(value);
    };
    return filled(transformer->value("InputTemplate", std::string()), fill);
}

Result<void> check_target_input(const Json& target) {
    const std::string id = target.value("Id", std::string());
    int ways = 0;
    for (const char* name : {"Input", "InputPath", "InputTransformer"})
        ways += target.contains(name) && !target[name].is_null() ? 1 : 0;
    if (ways > 1)
        return fail(ErrorCode::invalid_input,
                    fmt::format("Only one of Input, InputPath, or InputTransformer must be "
                                "provided for target {}.",
                                id));
    const auto transformer = target.find("InputTransformer");
    if (transformer == target.end()) return {};
    if (!transformer->is_object() || !transformer->contains("InputTemplate") ||
        !(*transformer)["InputTemplate"].is_string())
        return fail(ErrorCode::invalid_input,
                    fmt::format("InputTemplate of target {} is missing.", id));
    const Json paths = transformer->value("InputPathsMap", Json::object());
    for (const auto& [name, path] : paths.items())
        if (!path.is_string() || !path.get<std::string>().starts_with('$'))
            return fail(
                ErrorCode::invalid_input,
                fmt::format("InputPathsMap of target {} has an invalid path for {}.", id, name));
    std::string unknown;
    (void)filled((*transformer)["InputTemplate"].get<std::string>(),
                 [&](std::string_view name, bool) -> std::string {
                     const bool known =
                         paths.contains(std::string(name)) ||
                         !predefined(name, Json::object(), {"-", "-", "-"}).is_null();
                     if (!known && unknown.empty()) unknown = name;
                     return {};
                 });
    if (!unknown.empty())
        return fail(ErrorCode::invalid_input,
                    fmt::format("InputTemplate for target {} contains invalid placeholder {}.", id,
                                unknown));
    return {};
}

}  // namespace stroma::event
