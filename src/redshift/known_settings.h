#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace stroma::redshift {

/// A setting that SET, SHOW, set_config and current_setting know.
struct KnownSetting {
    std::string_view name;   ///< in lower case
    std::string_view value;  ///< until somebody sets it
    bool is_told = false;    ///< clients are told when it changes
    bool is_fixed = false;   ///< nobody changes it
};

std::span<const KnownSetting> known_settings();
/// Null for one that isn't known.
const KnownSetting* known_setting(std::string_view name);
/// What SHOW and ParameterStatus call it: "DateStyle".
std::string spelled_setting(std::string_view name);

/// How a setting keeps what a client asked for: "on" of a switch that is set to 1, "ISO, DMY" of a
/// date style. `before` is what it was: a date style may be told in parts. Nothing where it can't
/// have that value. Settings that are no names of something take anything.
std::optional<std::string> setting_value(std::string_view name, std::string_view asked,
                                         std::string_view before);

/// The engine's name of a time zone. POSIX's forms ("UTC", "+02:00", "EST5": hours to the west)
/// are whole hours here; all else goes as it is written, and the engine says whether it knows it.
std::string engine_time_zone(std::string_view asked);

/// A client's encoding: its name as PostgreSQL spells it, and iconv's. Null for one that isn't
/// known. Letters of either case, digits; signs between them don't count.
struct KnownEncoding {
    std::string_view name;
    std::string_view iconv;  ///< "" for bytes as they are: UTF8, SQL_ASCII
};
const KnownEncoding* known_encoding(std::string_view asked);

}  // namespace stroma::redshift
