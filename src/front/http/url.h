#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stroma::front::http {

/// Percent-decodes; nothing when a percent sign isn't followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);
/// Encodes every byte but letters, digits and "-._~".
std::string percent_encode(std::string_view text);
/// "a=1&b=%20" in order; a part without "=" has an empty value. Nothing when it isn't decodable.
std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view text);
/// Whether the text is UTF-8 without control characters (RFC 3629; no overlong forms).
bool is_clean_utf8(std::string_view text);

bool equal_ignoring_case(std::string_view a, std::string_view b);
std::string lower_case(std::string_view text);
/// Without spaces and tabs at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace stroma::front::http
