#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "delivery/prefix.h"

// Milliseconds, a time zone, a prefix: a line each. What comes of it fits into a key, is the same
// each time, and is refused as it was taken, whatever moment it is.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stroma::delivery;
    constexpr std::size_t key_bytes_max = 1024;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const std::size_t first = text.find('\n'), second = text.find('\n', first + 1);
    if (first == text.npos || second == text.npos) return 0;
    const std::string zone = text.substr(first + 1, second - first - 1);
    const std::string prefix = text.substr(second + 1);
    const PrefixValues values{.unix_ms = std::strtoll(text.c_str(), nullptr, 10),
                              .zone = zone,
                              .error_type = size % 2 == 0 ? "" : "processing-failed",
                              .from_query = {{"c", "a b"}, {"none", ""}},
                              .from_transform = {{"t", "x/y"}},
                              .random = [] { return std::string(11, 'x'); }};
    const auto once = evaluate_prefix(prefix, values), again = evaluate_prefix(prefix, values);
    if (once.has_value() != again.has_value() || (once && *once != *again)) std::abort();
    if (once && once->size() > key_bytes_max) std::abort();
    return 0;
}
