#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stroma::stream {

/// Where a record belongs: 0 … 2^128 - 1.
__extension__ typedef unsigned __int128 HashKey;
constexpr HashKey hash_key_max = ~HashKey{0};

/// The MD5 of the key's bytes as a big-endian number, as RFC 1321 has it.
HashKey hash_of(std::string_view partition_key);
std::string decimal(HashKey key);
/// nothing when it isn't decimal digits or is 2^128 and above.
std::optional<HashKey> parse_hash_key(std::string_view text);

}  // namespace stroma::stream
