#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "base/result.h"

// Include this from .cpp files; headers name Json by <nlohmann/json_fwd.hpp>.

namespace stroma {

using Json = nlohmann::ordered_json;

struct JsonLimits {
    std::size_t bytes_max = 8u << 20;
    std::size_t depth_max = 64;
    std::size_t string_bytes_max = 1u << 20;
};

/// Parses one JSON value from outside. Members keep their order.
/// errors  invalid_input  not JSON, a duplicate member, a number past double, invalid UTF-8,
///                        nested deeper than depth_max, a string past string_bytes_max
///         exhausted      more than bytes_max bytes
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

/// null for none.
inline Json text_json(const std::optional<std::string>& text) {
    return text ? Json(*text) : Json(nullptr);
}

}  // namespace stroma
