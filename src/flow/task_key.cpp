#include "flow/task_key.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/digest.h"
#include "base/json.h"

namespace stroma::flow {
namespace {

using Texts = std::map<std::string, std::string>;

std::string cut(const std::string& text) {
    constexpr std::size_t most = 60;
    return text.size() <= most ? text : text.substr(0, most) + "…";
}

void compare(std::string_view what, const Texts& before, const Texts& now, bool is_value,
             std::vector<std::string>& changes) {
    for (const auto& [name, value] : now) {
        const auto old = before.find(name);
        if (old == before.end())
            changes.push_back(
                is_value ? fmt::format("{} {}: {} now, not set before", what, name, cut(value))
                         : fmt::format("{} {}: new", what, name));
        else if (old->second != value)
            changes.push_back(is_value ? fmt::format("{} {}: {} before, {} now", what, name,
                                                     cut(old->second), cut(value))
                                       : fmt::format("{} {} has changed", what, name));
    }
    for (const auto& [name, value] : before)
        if (!now.contains(name))
            changes.push_back(fmt::format("{} {}: not there any more", what, name));
}

}  // namespace

std::string KeyParts::json() const {
    Json json{{"code", code}, {"parameters", parameters}, {"inputs", Json::object()}};
    for (const auto& [name, files] : inputs) {
        Json list = Json::array();
        for (const auto& [file, hash] : files) list.push_back(Json::array({file, hash}));
        json["inputs"][name] = std::move(list);
    }
    return json.dump();
}

KeyParts KeyParts::from_json(std::string_view text) {
    KeyParts parts;
    const auto json = parse_json(text, {.bytes_max = 256u << 20});
    if (!json || !json->is_object()) return parts;
    parts.code = json->value("code", Texts{});
    parts.parameters = json->value("parameters", Texts{});
    const Json inputs = json->value("inputs", Json::object());
    for (const auto& [name, list] : inputs.items())
        for (const Json& file : list)
            parts.inputs[name].emplace_back(file.at(0).get<std::string>(),
                                            file.at(1).get<std::string>());
    return parts;
}

std::string key_of(const KeyParts& parts) {
    Json json{{"code", parts.code}, {"parameters", parts.parameters}, {"inputs", Json::object()}};
    for (const auto& [name, files] : parts.inputs) {
        Json& list = json["inputs"][name] = Json::array();
        for (const auto& file : files) list.push_back(file.second);
    }
    return sha256_hex(json.dump());
}

std::vector<std::string> changes_between(const KeyParts& before, const KeyParts& now) {
    std::vector<std::string> changes;
    compare("code:", before.code, now.code, false, changes);
    compare("parameter", before.parameters, now.parameters, true, changes);
    static const std::vector<std::pair<std::string, std::string>> none;
    for (const auto& [name, files] : now.inputs) {
        const auto found = before.inputs.find(name);
        const auto& old = found == before.inputs.end() ? none : found->second;
        Texts then, later;
        for (const auto& [file, hash] : old) then[file] = hash;
        for (const auto& [file, hash] : files) later[file] = hash;
        const std::size_t known = changes.size();
        compare("input " + name + ":", then, later, false, changes);
        const auto same_hash = [](const auto& a, const auto& b) { return a.second == b.second; };
        if (known == changes.size() && !std::ranges::equal(old, files, same_hash))
            changes.push_back(fmt::format("input {}: its files are in another order", name));
    }
    for (const auto& input : before.inputs)
        if (!now.inputs.contains(input.first))
            changes.push_back(fmt::format("input {}: not there any more", input.first));
    return changes;
}

}  // namespace stroma::flow
