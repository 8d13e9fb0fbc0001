#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Arrays of one dimension as PostgreSQL writes them. Private to this folder.

namespace stroma::front::postgres {

/// Elements of "{a,\"b c\",NULL}"; nothing when it isn't such a text, or has more dimensions.
std::optional<std::vector<std::optional<std::string>>> elements_in(std::string_view text);

/// The elements as the engine reads a list: ["a", NULL].
std::string engine_list(const std::vector<std::optional<std::string>>& elements);

}  // namespace stroma::front::postgres
