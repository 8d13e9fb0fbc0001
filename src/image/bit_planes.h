#pragma once

#include <array>
#include <cstddef>

namespace stroma::image {

/// Of each of a value's bytes eight rows of bits, lowest first: where Blosc's bit-shuffle has them.
using BitPlanes = std::array<const std::byte*, 4>;

/// Whether this processor has what unite_planes() is made of (GFNI and AVX-512 VBMI).
bool can_unite_planes();

/// Puts the bits of `count` values of 1, 2 or 4 bytes together again; `count` is a multiple of 64.
/// planes  of each byte of a value count bytes: bit k of value i is bit i % 8 of byte
///         k * count / 8 + i / 8
void unite_planes(const BitPlanes& planes, std::size_t value_size, std::size_t count,
                  std::byte* out);

}  // namespace stroma::image
