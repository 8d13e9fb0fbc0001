#include <cstddef>
#include <cstdint>
#include <string_view>

#include "event/schedule.h"

/// Reading ends, and so does looking for the next times, each behind the one before.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto schedule =
        stroma::event::Schedule::read(std::string_view(reinterpret_cast<const char*>(data), size));
    if (!schedule) return 0;
    std::int64_t at = 1'700'000'000'000;
    for (int n = 0; n < 3; ++n) {
        const auto next = schedule->next_after(at, 1'600'000'000'000);
        if (!next) break;
        if (*next <= at) __builtin_trap();
        at = *next;
    }
    return 0;
}
