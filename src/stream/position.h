#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stroma::stream {

/// What an iterator says: where in which stream, and when that was said.
struct Position {
    std::string stream;
    std::string id;  ///< the stream's creation
    std::uint32_t shard = 0;
    std::uint64_t from = 0;
    std::int64_t created_ms = 0;
};

/// Bytes that only who knows the secret can make: 8 fixed ones, the position filled up to a
/// multiple of 16, 32 of HMAC-SHA256.
std::string seal(const Position& position, std::string_view secret);
/// nothing when it isn't whole, or was made by somebody else.
std::optional<Position> unseal(std::string_view sealed, std::string_view secret);

/// The same for any text, such as what the next page begins with.
std::string seal_text(std::string_view text, std::string_view secret);
std::optional<std::string> unseal_text(std::string_view sealed, std::string_view secret);

}  // namespace stroma::stream
