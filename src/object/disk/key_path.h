#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"

namespace stroma::object {

// A key's place below keys/. The key is cut at '/' into components, each component into pieces of
// 64 bytes, the last piece shorter (perhaps empty). Each piece is one name: its bytes, all but
// a-z 0-9 . _ - as %xx, and a suffix: "+" the component goes on below, "=" the next component is
// below, "~" the object's file. So no name is special, none differs from another by case alone,
// none is longer than 193 bytes, and each folder holds exactly the keys with one prefix.
constexpr std::size_t piece_bytes = 64;

/// Relative; of a valid key.
fs::path path_of_key(std::string_view key);

struct KeyPiece {
    enum class Kind { component_goes_on, component_ends, object } kind = Kind::object;
    std::string bytes;  ///< what it adds to the key of its folder, '/' included
    std::string name;   ///< of the file or folder
};
/// What a name in a folder means; nothing for a name that no key has.
std::optional<KeyPiece> piece_of_name(std::string_view name);

}  // namespace stroma::object
