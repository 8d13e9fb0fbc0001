#include "app/tissue/step_pictures.h"

#include <algorithm>

#include "image/image_info.h"
#include "image/pyramid_writer.h"
#include "image/thumbnail.h"

namespace stroma::app {
namespace {

constexpr std::uint64_t shown_side_max = 1600;

/// The channel at that level as grey.
Result<std::vector<std::uint8_t>> grey_level(const image::StoredImage& picture,
                                             std::size_t channel, std::uint32_t level) {
    const auto [width, height] = picture.levels()[level];
    const image::Channel& shown = picture.info().channels[channel];
    const double span = shown.high > shown.low ? shown.high - shown.low : 1;
    std::vector<std::uint8_t> grey(width * height);
    for (std::uint64_t ty = 0; ty * image::tile_side < height; ++ty)
        for (std::uint64_t tx = 0; tx * image::tile_side < width; ++tx) {
            const image::Tile tile = TRY(picture.tile(level, channel, tx, ty));
            image::with_pixel_type(picture.info().type, [&]<class T>(T) {
                const T* from = reinterpret_cast<const T*>(tile.values.data());
                for (std::uint64_t y = 0; y < tile.height; ++y)
                    for (std::uint64_t x = 0; x < tile.width; ++x) {
                        const double share = (static_cast<double>(*from++) - shown.low) / span;
                        grey[(ty * image::tile_side + y) * width + tx * image::tile_side + x] =
                            static_cast<std::uint8_t>(std::clamp(share, 0.0, 1.0) * 255);
                    }
            });
        }
    return grey;
}

}  // namespace

Result<void> write_overlay(const image::StoredImage& picture, std::size_t channel,
                           const tissue::ScratchPlane<std::uint32_t>& labels,
                           const fs::path& path) {
    std::uint32_t level = 0;
    while (level + 1 < picture.levels().size() &&
           std::max(picture.levels()[level].width, picture.levels()[level].height) >
               shown_side_max)
        ++level;
    const auto [width, height] = picture.levels()[level];
    const auto grey = TRY(grey_level(picture, channel, level));
    Bytes colours(width * height * 3);
    const auto label_at = [&](std::uint64_t x, std::uint64_t y) {
        return labels.row(std::min(y << level, labels.height() - 1))[std::min(
            x << level, labels.width() - 1)];
    };
    for (std::uint64_t y = 0; y < height; ++y) {
        for (std::uint64_t x = 0; x < width; ++x) {
            const std::uint32_t label = label_at(x, y);
            const bool is_border = label != 0 && (label != label_at(x + 1, y) ||
                                                  label != label_at(x, y + 1) ||
                                                  (x > 0 && label != label_at(x - 1, y)) ||
                                                  (y > 0 && label != label_at(x, y - 1)));
            const auto value = static_cast<std::byte>(grey[y * width + x]);
            std::byte* const to = colours.data() + 3 * (y * width + x);
            to[0] = is_border ? std::byte{255} : value;
            to[1] = is_border ? std::byte{220} : value;
            to[2] = is_border ? std::byte{0} : value;
        }
        if ((y << level) % 1024 == 0) labels.let_go(0, y << level);
    }
    const std::string png = TRY(image::png_of(width, height, 3, colours));
    return replace_file(path, as_bytes(png));
}

}  // namespace stroma::app
