#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "base/json.h"
#include "portal/own_profiles.h"
#include "portal/validation.h"

// Profiles: the program's own and a site's.

namespace stroma::portal {
namespace {

constexpr std::uint64_t profile_bytes_max = 1u << 20;
constexpr std::size_t profiles_max = 100;

Result<std::string> text_in(const Json& json, const char* name) {
    const auto found = json.find(name);
    if (found != json.end() && found->is_string() && !found->get<std::string>().empty())
        return found->get<std::string>();
    return fail(ErrorCode::invalid_input, fmt::format("'{}' must be a text", name));
}

Result<Profile> profile_in(std::string_view text) {
    const Json json = TRY(parse_json(text));
    if (!json.is_object()) return fail(ErrorCode::invalid_input, "this is no JSON object");
    Profile profile;
    profile.name = TRY(text_in(json, "name"));
    profile.title = TRY(text_in(json, "title"));
    profile.version = TRY(text_in(json, "version"));
    profile.about = json.contains("about") ? TRY(text_in(json, "about")) : "";
    static const std::regex plain("[A-Za-z0-9][A-Za-z0-9_.-]{0,63}");
    if (!std::regex_match(profile.name, plain))
        return fail(ErrorCode::invalid_input,
                    "'name' may have letters, digits, '_', '.' and '-', 64 at most");
    const auto rules = json.find("rules");
    if (rules == json.end() || !rules->is_array() || rules->empty())
        return fail(ErrorCode::invalid_input, "'rules' must be a list with at least one rule");
    for (std::size_t at = 0; at < rules->size(); ++at)
        TRY_WITH(check_rule((*rules)[at]), fmt::format("rule {}", at + 1));
    profile.rule_count = rules->size();
    profile.rules = text;
    return profile;
}

void put_in(std::vector<Profile>& profiles, Profile profile) {
    const auto same = std::find_if(profiles.begin(), profiles.end(),
                                   [&](const Profile& one) { return one.name == profile.name; });
    if (same == profiles.end())
        profiles.push_back(std::move(profile));
    else
        *same = std::move(profile);
}

Result<Profile> profile_of_file(const fs::path& path) {
    const std::string text = TRY(read_file(path, profile_bytes_max));
    return profile_in(text);
}

}  // namespace

Result<std::vector<Profile>> read_profiles(const fs::path& folder) {
    std::vector<Profile> profiles;
    for (const std::string_view own : own_profiles()) profiles.push_back(TRY(profile_in(own)));
    if (folder.empty()) return profiles;
    std::error_code error;
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder, error))
        if (entry.path().extension() == ".json") files.push_back(entry.path());
    if (error)
        return fail(ErrorCode::invalid_input,
                    fmt::format("portal.profiles: the folder {} can't be read: {}", folder.string(),
                                error.message()));
    if (files.size() > profiles_max)
        return fail(ErrorCode::invalid_input,
                    fmt::format("portal.profiles: {} has more than {} profiles", folder.string(),
                                profiles_max));
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files)
        put_in(profiles, TRY_WITH(profile_of_file(file), "portal.profiles: " + file.string()));
    return profiles;
}

Result<std::reference_wrapper<const Profile>> profile_named(const std::vector<Profile>& profiles,
                                                            std::string_view name) {
    std::string names;
    for (const Profile& one : profiles) {
        if (one.name == name) return std::cref(one);
        names += (names.empty() ? "" : ", ") + one.name;
    }
    return fail(ErrorCode::not_found,
                fmt::format("there is no profile '{}'; there are {}", name, names));
}

}  // namespace stroma::portal
