#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace stroma::explorer {

/// How a body is packed as a whole (RFC 9110, 8.4.1).
enum class Coding { identity, gzip, zstd };
std::string_view name_of(Coding coding);  ///< "", "gzip", "zstd"

/// The bytes packed; the same bytes give the same answer. Not for identity.
Result<std::string> encode(std::string_view bytes, Coding coding);
/// Bytes from outside that were deflated with zlib's frame.
/// errors  invalid_input  not such bytes     exhausted  more than bytes_max come out
Result<std::string> inflated(std::string_view packed, std::size_t bytes_max);

}  // namespace stroma::explorer
