#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "event/pattern.h"

/// A pattern, a line break, and an event: reading and matching end, whatever they say.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t end = text.find('\n');
    const auto pattern = stroma::event::Pattern::read(text.substr(0, end));
    if (!pattern || end == std::string_view::npos) return 0;
    const auto event = stroma::parse_json(text.substr(end + 1));
    if (event) (void)pattern->matches(stroma::event::FlatEvent(*event));
    return 0;
}
