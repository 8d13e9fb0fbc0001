#pragma once

#include <cstdint>

namespace stroma::redshift {

/// Redshift's types whose values are bytes to the engine, by the numbers that its drivers know.
namespace oid {
constexpr std::uint32_t varbyte = 6551, geometry = 3000, geography = 3001, hllsketch = 2935;
}

constexpr bool is_byte_type(std::uint32_t type) {
    return type == 17 || type == oid::varbyte || type == oid::geometry || type == oid::geography ||
           type == oid::hllsketch;
}

}  // namespace stroma::redshift
