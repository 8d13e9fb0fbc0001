#pragma once

#include <cstdint>

namespace stroma::expression {

/// std::popcount, which where the program may not use its instruction is a call.
inline unsigned count_ones(std::uint64_t bits) {
    bits -= bits >> 1 & 0x5555555555555555u;
    bits = (bits & 0x3333333333333333u) + (bits >> 2 & 0x3333333333333333u);
    bits = (bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
    return static_cast<unsigned>(bits * 0x0101010101010101u >> 56);
}

}  // namespace stroma::expression
