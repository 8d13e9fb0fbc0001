#pragma once

#include <string_view>

namespace stroma {

/// Whether the bytes are UTF-8 (RFC 3629: no overlong forms, no surrogates), as JSON wants its
/// texts. Names of files need not be.
bool is_utf8(std::string_view text);

}  // namespace stroma
