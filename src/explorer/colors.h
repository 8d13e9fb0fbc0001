#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "expression/frame.h"

namespace stroma::explorer {

/// "#rrggbb" of a CSS colour name or of "#rgb", "#rrggbb", "#rrggbbaa"; nothing for all else.
std::optional<std::string> hex_color(std::string_view text);
/// A list of colours as AnnData keeps one; nothing when one of them isn't a colour.
std::optional<std::vector<std::string>> colors_of(const expression::Element& element);
/// uns["title"], or "".
std::string title_of(const expression::Dict& uns);

}  // namespace stroma::explorer
