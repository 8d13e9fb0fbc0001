#include <fmt/format.h>

#include <toml++/toml.h>

#include "app/settings.h"

namespace stroma::app {
namespace {

constexpr std::uint64_t file_bytes_max = 1u << 20;

/// A TOML value in a setting's own notation.
Result<std::string> notation_of(const toml::node& node, std::string_view place) {
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* number = node.as_integer()) return std::to_string(number->get());
    if (const auto* boolean = node.as_boolean())
        return std::string(boolean->get() ? "true" : "false");
    return fail(ErrorCode::invalid_input,
                fmt::format("{}: write the value as a text, a whole number, true or false", place));
}

std::string place_of(const toml::node& node, std::string_view file) {
    return fmt::format("{}:{}", file, node.source().begin.line);
}

Result<void> apply_table(Settings& settings, const toml::table& table, std::string_view file) {
    for (const auto& [section_key, section] : table) {
        const auto* values = section.as_table();
        if (values == nullptr)
            return fail(ErrorCode::invalid_input,
                        fmt::format("{}: '{}' stands outside a [section]", place_of(section, file),
                                    section_key.str()));
        for (const auto& [key, node] : *values) {
            const std::string place = place_of(node, file);
            const std::string value = TRY(notation_of(node, place));
            TRY(settings.set(fmt::format("{}.{}", section_key.str(), key.str()), value, place));
        }
    }
    return {};
}

Result<void> apply_file(Settings& settings, const fs::path& path) {
    const std::string text = TRY(read_file(path, file_bytes_max));
    try {
        const toml::table table = toml::parse(text, path.string());
        return apply_table(settings, table, path.string());
    } catch (const toml::parse_error& error) {
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}:{}: {}", path.string(), error.source().begin.line,
                                error.description()));
    }
}

Result<void> apply_assignment(Settings& settings, const std::string& assignment) {
    const std::size_t equals = assignment.find('=');
    if (equals == assignment.npos)
        return fail(ErrorCode::invalid_input,
                    "--set " + assignment + ": write it as name=value, like query.time=60s");
    return settings.set(assignment.substr(0, equals), assignment.substr(equals + 1), "--set");
}

}  // namespace

Result<Settings> read_settings(const SettingSources& sources) {
    Settings settings;
    if (!sources.config_file.empty()) {
        TRY(apply_file(settings, sources.config_file));
    } else if (!sources.data.empty()) {
        const fs::path path = fs::path(sources.data) / "stroma.toml";
        std::error_code ignored;
        if (fs::exists(path, ignored)) TRY(apply_file(settings, path));
    }
    for (const auto& setting : setting_table()) {
        const std::string name = environment_name(setting.name);
        const auto value = sources.environment ? sources.environment(name) : std::nullopt;
        if (value) TRY(settings.set(setting.name, *value, name));
    }
    for (const auto& assignment : sources.assignments) TRY(apply_assignment(settings, assignment));
    return settings;
}

}  // namespace stroma::app
