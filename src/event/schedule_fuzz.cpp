#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "event/schedule.h"

/// A schedule's text: what is taken fires later and later, on whole minutes, or never again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::int64_t start_ms = 1'700'000'040'000;  // a whole minute
    constexpr std::int64_t minute_ms = 60'000, end_of_2199_ms = 7'258'118'400'000;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto schedule = stroma::event::Schedule::read(text);
    if (!schedule) return 0;
    std::int64_t now = start_ms;
    for (int turn = 0; turn < 4; ++turn) {
        const auto next = schedule->next_after(now, start_ms);
        if (!next) return 0;
        if (*next <= now || *next % minute_ms != 0) std::abort();
        if (text.starts_with("cron") && *next >= end_of_2199_ms) std::abort();
        now = *next;
    }
    return 0;
}
