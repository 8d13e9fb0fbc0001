#include <cstddef>
#include <cstdint>
#include <string_view>

#include "delivery/delivery_state.h"
#include "delivery/destination.h"

/// A destination as clients give it, and a delivery's state as it lies on the disk: one that is
/// read says the same when it is written and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto destination = stroma::delivery::parse_destination(text);
    if (destination && (destination->buffer_bytes == 0 || destination->bucket.empty()))
        __builtin_trap();
    if (const auto state = stroma::delivery::parse_state(text)) {
        const std::string written = stroma::delivery::state_json(*state);
        const auto again = stroma::delivery::parse_state(written);
        if (!again || stroma::delivery::state_json(*again) != written) __builtin_trap();
    }
    return 0;
}
