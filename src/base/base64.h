#pragma once

#include <string>
#include <string_view>

namespace stroma {

std::string base64(std::string_view bytes);
/// False when `text` isn't base64 with its padding; line breaks aren't taken.
bool base64_decode(std::string_view text, std::string& bytes);

}  // namespace stroma
