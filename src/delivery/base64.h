#pragma once

#include <string>
#include <string_view>

namespace stroma::delivery {

std::string to_base64(std::string_view bytes);
/// False when `text` isn't base64 with its padding.
bool from_base64(std::string_view text, std::string& bytes);

}  // namespace stroma::delivery
