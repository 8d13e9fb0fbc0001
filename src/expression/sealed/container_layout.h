#pragma once

#include <cstddef>
#include <cstdint>

// Constants of the container's bytes: docs/formats/expression.md, "Container".

namespace stroma::expression::layout {

inline constexpr std::uint64_t magic = 0x3158414d'4f525453;  ///< "STROMAX1"
inline constexpr std::size_t header_size = 32;
inline constexpr std::size_t footer_size = 64;
inline constexpr std::size_t entry_size = 32;
inline constexpr std::size_t piece_size = std::size_t{1} << 20;
inline constexpr std::uint32_t sections_max = 100'000;
inline constexpr std::uint32_t name_size_max = 64 << 10;
inline constexpr std::uint64_t directory_size_max = std::uint64_t{16} << 30;

}  // namespace stroma::expression::layout
