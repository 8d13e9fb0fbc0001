#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "delivery/prefix.h"

/// A time zone, a line break, and a prefix: what comes of it is no longer than prefixes may be.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return 0;
    stroma::delivery::PrefixValues values{.unix_ms = 1'700'000'000'123,
                                          .zone = text.substr(0, end),
                                          .error_type = size % 2 == 0 ? "" : "processing-failed",
                                          .from_query = {{"c", "a"}},
                                          .from_transform = {{"d", "b"}},
                                          .random = [] { return std::string(11, 'x'); }};
    const auto prefix = stroma::delivery::evaluate_prefix(text.substr(end + 1), values);
    if (prefix && prefix->size() > 1024) __builtin_trap();
    return 0;
}
