#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace stroma::image {

/// The type of a pixel's value in one channel, as the file had it.
enum class PixelType : std::uint8_t { uint8, int8, uint16, int16, uint32, int32, float32 };

std::size_t size_of(PixelType type);
std::string_view name_of(PixelType type);  ///< numpy's name: "uint16"
std::optional<PixelType> pixel_type_named(std::string_view name);

/// Calls use(T{}) with the C++ type of that pixel type.
template <class Use>
decltype(auto) with_pixel_type(PixelType type, Use&& use) {
    switch (type) {
        case PixelType::int8: return use(std::int8_t{});
        case PixelType::uint16: return use(std::uint16_t{});
        case PixelType::int16: return use(std::int16_t{});
        case PixelType::uint32: return use(std::uint32_t{});
        case PixelType::int32: return use(std::int32_t{});
        case PixelType::float32: return use(float{});
        default: return use(std::uint8_t{});
    }
}

}  // namespace stroma::image
