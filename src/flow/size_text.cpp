#include "flow/size_text.h"

#include <fmt/format.h>

#include <array>

namespace stroma::flow {

std::string size_text(std::uint64_t bytes) {
    constexpr std::array<const char*, 5> units = {"B", "KiB", "MiB", "GiB", "TiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    return fmt::format("{:.{}g} {}", value, value >= 100 ? 4 : 3, units[unit]);
}

}  // namespace stroma::flow
