#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/file.h"
#include "base/result.h"

namespace stroma::app {

enum class SettingKind {
    text,
    path,
    address,   ///< "127.0.0.1:8080"; port 0 picks one
    number,    ///< a whole number
    bytes,     ///< "512MiB", "50 GiB", "1000"
    duration,  ///< "250ms", "30s", "5min", "24h", "7d"
    boolean,   ///< "true" or "false"
    choice,    ///< one of the words in `limit`
};

/// One line of the table of settings: the one place where a setting is spelled.
struct Setting {
    std::string_view name;  ///< "section.name", as in stroma.toml
    SettingKind kind;
    std::string_view default_value;  ///< in the notation of the kind
    std::string_view limit;          ///< "1 … 1024" for numbers, words for a choice, "" for none
    std::string_view meaning;        ///< one or two sentences
};

/// Every setting there is, in the order in which it is explained.
std::span<const Setting> setting_table();

/// The value of each setting. Asking for a name that isn't in the table, or as another kind, is a
/// bug and asserts. Values are within their limits.
class Settings {
public:
    Settings();  ///< the defaults

    std::string text(std::string_view name) const;
    std::int64_t number(std::string_view name) const;
    std::uint64_t bytes(std::string_view name) const;
    Milliseconds duration(std::string_view name) const;
    bool boolean(std::string_view name) const;

    /// Sets a value in the notation of its kind. `origin` says who set it, for people:
    /// "STROMA_HTTP_ADDRESS", "stroma.toml:3".
    /// errors  invalid_input  an unknown name (with the nearest known one), a value that isn't of
    ///                        the kind, one outside the limit: names the origin and what is right
    Result<void> set(std::string_view name, std::string_view value, std::string_view origin);
    /// Who set it; "default" when nobody did.
    std::string origin(std::string_view name) const;

private:
    struct Value {
        std::string text;
        std::int64_t number = 0;  ///< bytes, milliseconds, 0 or 1
        std::string origin;
    };
    const Value& value(std::string_view name, std::initializer_list<SettingKind> kinds) const;
    std::map<std::string, Value, std::less<>> values_;
};

/// Where the settings of a run come from; the later ones win.
struct SettingSources {
    std::string config_file;  ///< "": stroma.toml in the data directory, if it is there
    std::string data;         ///< "": none
    std::function<std::optional<std::string>(const std::string&)> environment;  ///< STROMA_<NAME>
    std::vector<std::string> assignments;  ///< "name=value", from --set
};
Result<Settings> read_settings(const SettingSources& sources);

/// "http.address" → "STROMA_HTTP_ADDRESS"
std::string environment_name(std::string_view setting);

/// The reference page of all settings (docs/configuration.md), as Markdown.
std::string explain_settings();

}  // namespace stroma::app
