#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

namespace stroma::expression {

/// With ASCII's letters in lower case.
inline std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

inline bool is_one_of(const std::string& name, std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace stroma::expression
