#pragma once

#include <span>
#include <string>
#include <string_view>

namespace stroma::app {

/// "; did you mean 'import'?" for the known word nearest to a mistyped one, "" when none is near.
std::string did_you_mean(std::string_view word, std::span<const std::string> known);

}  // namespace stroma::app
