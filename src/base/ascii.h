#pragma once

#include <string>
#include <string_view>

namespace stroma {

/// `text` with A to Z turned to a to z and every other byte left as it is, whatever the locale: for
/// names and keywords, where other letters have no case.
inline std::string ascii_lower(std::string_view text) {
    std::string lower(text);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return lower;
}

}  // namespace stroma
