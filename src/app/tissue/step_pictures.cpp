#include "app/tissue/step_pictures.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/threads.h"
#include "image/image_info.h"
#include "image/pyramid_writer.h"
#include "image/thumbnail.h"
#include "image/tiff/ome_tiff_writer.h"

namespace stroma::app {
namespace {

constexpr std::uint64_t shown_side_max = 1600;

/// The channel at that level as grey.
Result<std::vector<std::uint8_t>> grey_level(const image::StoredImage& picture, std::size_t channel,
                                             std::uint32_t level) {
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

/// Puts values into a plane as the type has them: 32 bits each, whatever the type.
void store_window(const tissue::Raster<float>& values, const tissue::Window& window,
                  image::PixelType type, tissue::ScratchPlane<std::uint32_t>& plane) {
    image::with_pixel_type(type, [&]<class T>(T) {
        for (std::int64_t y = 0; y < window.height; ++y) {
            std::uint32_t* const to =
                plane.row(static_cast<std::uint64_t>(window.y + y)) + window.x;
            const float* const from = values.row(y);
            for (std::int64_t x = 0; x < window.width; ++x) {
                if constexpr (std::is_floating_point_v<T>) {
                    to[x] = std::bit_cast<std::uint32_t>(from[x]);
                } else {
                    const double whole = std::floor(static_cast<double>(from[x]) + 0.5);
                    const double kept =
                        std::clamp(whole, static_cast<double>(std::numeric_limits<T>::lowest()),
                                   static_cast<double>(std::numeric_limits<T>::max()));
                    to[x] = static_cast<std::uint32_t>(static_cast<std::int64_t>(kept));
                }
            }
        }
    });
}

/// A row of such a plane in its own type.
void narrow_row(const std::uint32_t* from, std::uint64_t width, image::PixelType type, Bytes& out) {
    image::with_pixel_type(type, [&]<class T>(T) {
        out.resize(width * sizeof(T));
        T* const to = reinterpret_cast<T*>(out.data());
        for (std::uint64_t x = 0; x < width; ++x) {
            if constexpr (std::is_floating_point_v<T>)
                to[x] = std::bit_cast<float>(from[x]);
            else
                to[x] = static_cast<T>(from[x]);
        }
    });
}

Result<void> fill_plane(std::size_t channel, const MakeWindow& make, image::PixelType type,
                        tissue::ScratchPlane<std::uint32_t>& plane) {
    constexpr std::int64_t side = 1024;
    const auto width = static_cast<std::int64_t>(plane.width());
    const auto height = static_cast<std::int64_t>(plane.height());
    const std::int64_t across = (width + side - 1) / side, down = (height + side - 1) / side;
    return parallel_for(static_cast<std::size_t>(across * down),
                        [&](std::size_t at) -> Result<void> {
                            const std::int64_t x = static_cast<std::int64_t>(at) % across * side;
                            const std::int64_t y = static_cast<std::int64_t>(at) / across * side;
                            const tissue::Window window{x, y, std::min(side, width - x),
                                                        std::min(side, height - y)};
                            tissue::Raster<float> values(window.width, window.height);
                            TRY(make(channel, window, values));
                            store_window(values, window, type, plane);
                            return {};
                        });
}

}  // namespace

Result<void> write_made(const StepRun& run, const image::ImageInfo& shape, const MakeWindow& make,
                        const std::string& file) {
    auto plane =
        TRY(tissue::ScratchPlane<std::uint32_t>::make(run.scratch(), shape.width, shape.height));
    image::OmeTiff picture;
    picture.name = file;
    picture.width = shape.width;
    picture.height = shape.height;
    picture.type = shape.type;
    for (const image::Channel& channel : shape.channels) picture.channels.push_back(channel.name);
    picture.micrometres_x = shape.micrometres_x;
    picture.micrometres_y = shape.micrometres_y;
    const expression::Watch watch = run.watch("writing " + file);
    std::size_t filled = SIZE_MAX;
    Bytes row;
    picture.row = [&](std::size_t channel, std::uint64_t y) -> Result<const std::byte*> {
        if (filled != channel) {
            TRY(fill_plane(channel, make, shape.type, plane));
            filled = channel;
            if (watch.progress)
                watch.progress(static_cast<double>(channel + 1),
                               static_cast<double>(shape.channels.size()), "channels");
        }
        if (y % 512 == 0 && y > 0) plane.let_go(y - 512, 512);
        narrow_row(plane.row(y), shape.width, shape.type, row);
        return row.data();
    };
    TRY(remove_file(run.output() / file));
    return image::write_ome_tiff(picture, run.output() / file);
}

Result<void> write_overlay(const image::StoredImage& picture, std::size_t channel,
                           const tissue::ScratchPlane<std::uint32_t>& labels,
                           const fs::path& path) {
    std::uint32_t level = 0;
    while (level + 1 < picture.levels().size() &&
           std::max(picture.levels()[level].width, picture.levels()[level].height) > shown_side_max)
        ++level;
    const auto [width, height] = picture.levels()[level];
    const auto grey = TRY(grey_level(picture, channel, level));
    Bytes colours(width * height * 3);
    const auto label_at = [&](std::uint64_t x, std::uint64_t y) {
        return labels.row(
            std::min(y << level, labels.height() - 1))[std::min(x << level, labels.width() - 1)];
    };
    for (std::uint64_t y = 0; y < height; ++y) {
        for (std::uint64_t x = 0; x < width; ++x) {
            const std::uint32_t label = label_at(x, y);
            const bool is_border =
                label != 0 &&
                (label != label_at(x + 1, y) || label != label_at(x, y + 1) ||
                 (x > 0 && label != label_at(x - 1, y)) || (y > 0 && label != label_at(x, y - 1)));
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

Result<void> write_label_picture(const image::ImageInfo& info,
                                 const tissue::ScratchPlane<std::uint32_t>& labels, bool has_levels,
                                 const std::string& name, const fs::path& path) {
    image::OmeTiff picture;
    picture.name = name;
    picture.width = labels.width();
    picture.height = labels.height();
    picture.channels = {name};
    picture.micrometres_x = info.micrometres_x;
    picture.micrometres_y = info.micrometres_y;
    picture.are_labels = true;
    picture.has_levels = has_levels;
    picture.row = [&](std::size_t, std::uint64_t y) -> Result<const std::byte*> {
        if (y % 512 == 0 && y > 0) labels.let_go(y - 512, 512);
        return reinterpret_cast<const std::byte*>(labels.row(y));
    };
    TRY(remove_file(path));
    return image::write_ome_tiff(picture, path);
}

}  // namespace stroma::app
