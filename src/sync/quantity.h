#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

// Amounts as people write them in settings.

namespace stroma::sync {

/// "15TB", "5 MiB", "800kB", "12": bytes. Units of 1000 (kB, MB, GB, TB, PB) and 1024 (KiB, …).
/// errors  invalid_input
Result<std::uint64_t> read_bytes(std::string_view text);

/// "20MB/s", "1Gbit/s", "100 Mbit/s": bytes a second. `0` stands still.
/// errors  invalid_input
Result<double> read_rate(std::string_view text);

/// "60s", "15m", "2h", "1d", "500ms": milliseconds. errors  invalid_input
Result<std::int64_t> read_duration(std::string_view text);

}  // namespace stroma::sync
