#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/pixels.h"

namespace stroma::image {

/// What the channels mean together.
enum class Content : std::uint8_t {
    intensity,  ///< each channel is a measurement of its own
    rgb,        ///< three channels of uint8: a photograph
    labels,     ///< one channel: the number of the cell that a pixel belongs to, 0 for none
};
std::string_view name_of(Content content);

struct Channel {
    std::string name;
    std::string color;         ///< "#rrggbb", or "" when the file says none
    double min = 0, max = 0;   ///< over all pixels
    double low = 0, high = 0;  ///< what to show as black and as full: 1 % and 99.8 % quantiles
};

/// Limits of one image, whoever asks for it.
constexpr std::uint64_t image_pixels_max = std::uint64_t{1} << 40;  ///< of one channel
constexpr std::size_t image_channels_max = 65'536;
constexpr std::uint64_t image_side_max = std::uint64_t{1} << 24;

/// One image: channels of equal size and type. x runs to the right, y down; the centre of the first
/// pixel is (0, 0).
struct ImageInfo {
    std::uint64_t width = 0, height = 0;
    PixelType type = PixelType::uint8;
    Content content = Content::intensity;
    std::vector<Channel> channels;
    std::optional<double> micrometres_x, micrometres_y;  ///< of one pixel
};
/// errors  invalid_input  no pixels, no channels, a photograph of other than three of uint8
///         exhausted      a limit, by its name
Result<void> check(const ImageInfo& info);

nlohmann::ordered_json to_json(const ImageInfo& info);
/// errors  invalid_input  a member is missing or of another type
Result<ImageInfo> image_info_of(const nlohmann::ordered_json& json);

/// Pixels along a side after `level` halvings, each rounded up.
constexpr std::uint64_t halved(std::uint64_t side, std::uint32_t level) {
    return (side + (std::uint64_t{1} << level) - 1) >> level;
}

}  // namespace stroma::image
