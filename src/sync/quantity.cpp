#include "sync/quantity.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace stroma::sync {
namespace {

using Unit = std::pair<std::string_view, double>;

constexpr std::array byte_units = {
    Unit{"", 1},       Unit{"B", 1},         Unit{"kB", 1e3},      Unit{"KB", 1e3},
    Unit{"MB", 1e6},   Unit{"GB", 1e9},      Unit{"TB", 1e12},     Unit{"PB", 1e15},
    Unit{"KiB", 1024}, Unit{"MiB", 1 << 20}, Unit{"GiB", 1 << 30}, Unit{"TiB", 1099511627776.0}};
constexpr std::array rate_units = {
    Unit{"", 1},         Unit{"B/s", 1},      Unit{"kB/s", 1e3},      Unit{"MB/s", 1e6},
    Unit{"GB/s", 1e9},   Unit{"KiB/s", 1024}, Unit{"MiB/s", 1 << 20}, Unit{"GiB/s", 1 << 30},
    Unit{"bit/s", .125}, Unit{"kbit/s", 125}, Unit{"Mbit/s", 125e3},  Unit{"Gbit/s", 125e6}};
constexpr std::array time_units = {Unit{"ms", 1},     Unit{"s", 1e3},    Unit{"m", 60e3},
                                   Unit{"min", 60e3}, Unit{"h", 3600e3}, Unit{"d", 86400e3}};

/// A number and one of the units; spaces may stand between.
template <std::size_t count>
Result<double> read_amount(std::string_view text, const std::array<Unit, count>& units,
                           std::string_view what) {
    double number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    while (unit.starts_with(' ')) unit.remove_prefix(1);
    if (problem == std::errc() && std::isfinite(number) && number >= 0)
        for (const auto& [name, factor] : units)
            if (unit == name) return number * factor;
    return fail(ErrorCode::invalid_input, fmt::format("'{}' is not {}", text, what));
}

}  // namespace

Result<std::uint64_t> read_bytes(std::string_view text) {
    const double bytes =
        TRY(read_amount(text, byte_units, "a number of bytes such as 15TB or 5 MiB"));
    if (bytes > 9e18)
        return fail(ErrorCode::invalid_input, fmt::format("'{}' is over 9 exabytes", text));
    return static_cast<std::uint64_t>(bytes);
}

Result<double> read_rate(std::string_view text) {
    return read_amount(text, rate_units, "a rate such as 20MB/s or 1Gbit/s");
}

Result<std::int64_t> read_duration(std::string_view text) {
    const double time = TRY(read_amount(text, time_units, "a time such as 60s, 15m or 2h"));
    if (time > 1e13)
        return fail(ErrorCode::invalid_input, fmt::format("'{}' is over 300 years", text));
    return static_cast<std::int64_t>(time);
}

}  // namespace stroma::sync
