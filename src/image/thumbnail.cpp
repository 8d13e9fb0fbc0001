#include "image/thumbnail.h"

#include <png.h>

#include <algorithm>
#include <cstdlib>

#include "base/digest.h"

namespace stroma::image {
namespace {

constexpr std::size_t blended_max = 6;
constexpr std::array<std::array<double, 3>, blended_max> usual_colors = {
    {{60, 120, 255}, {60, 220, 90}, {255, 70, 60}, {240, 220, 60}, {230, 80, 230}, {70, 220, 230}}};

template <class Use>
void each_value(const Tile& tile, PixelType type, Use&& use) {
    with_pixel_type(type, [&]<class T>(T) {
        const auto* values = reinterpret_cast<const T*>(tile.values.data());
        for (std::uint64_t i = 0; i < tile.width * tile.height; ++i)
            use(i, static_cast<double>(values[i]));
    });
}

Result<Bytes> interleaved(const StoredImage& image, std::uint32_t level, std::uint64_t x,
                          std::uint64_t y, Tile& first) {
    Bytes bytes;
    for (std::size_t channel = 0; channel < 3; ++channel) {
        first = TRY(image.tile(level, channel, x, y));
        bytes.resize(first.values.size() * 3);
        for (std::size_t i = 0; i < first.values.size(); ++i)
            bytes[3 * i + channel] = first.values[i];
    }
    return bytes;
}

Result<Bytes> blended(const StoredImage& image, std::uint32_t level, Tile& tile) {
    const ImageInfo& info = image.info();
    std::vector<double> sums;
    for (std::size_t at = 0; at < std::min(info.channels.size(), blended_max); ++at) {
        tile = TRY(image.tile(level, at, 0, 0));
        sums.resize(tile.width * tile.height * 3);
        const Channel& channel = info.channels[at];
        const auto color = shown_color(info, at);
        const double range = channel.high > channel.low ? channel.high - channel.low : 1;
        each_value(tile, info.type, [&](std::uint64_t i, double value) {
            const double share = std::clamp((value - channel.low) / range, 0.0, 1.0);
            for (std::size_t c = 0; c < 3; ++c) sums[3 * i + c] += share * color[c];
        });
    }
    Bytes bytes(sums.size());
    for (std::size_t i = 0; i < sums.size(); ++i)
        bytes[i] = static_cast<std::byte>(std::min(sums[i], 255.0));
    return bytes;
}

Result<Bytes> colored_labels(const StoredImage& image, std::uint32_t level, Tile& tile) {
    tile = TRY(image.tile(level, 0, 0, 0));
    Bytes bytes(tile.width * tile.height * 3);
    each_value(tile, image.info().type, [&](std::uint64_t i, double value) {
        if (value == 0) return;
        const std::uint64_t mixed = checksum64(std::as_bytes(std::span(&value, 1)));
        for (std::size_t c = 0; c < 3; ++c)
            bytes[3 * i + c] = static_cast<std::byte>(64 + ((mixed >> (8 * c)) & 127));
    });
    return bytes;
}

}  // namespace

std::array<double, 3> shown_color(const ImageInfo& info, std::size_t channel) {
    const std::string& text = info.channels[channel].color;
    if (text.size() != 7)
        return info.channels.size() == 1 ? std::array<double, 3>{255, 255, 255}
                                         : usual_colors[channel % blended_max];
    const auto packed = std::strtoul(text.c_str() + 1, nullptr, 16);
    return {static_cast<double>(packed >> 16 & 255), static_cast<double>(packed >> 8 & 255),
            static_cast<double>(packed & 255)};
}

Result<std::string> png_of(std::uint64_t width, std::uint64_t height, std::size_t samples,
                           ByteSpan values) {
    png_image picture{};
    picture.version = PNG_IMAGE_VERSION;
    picture.width = static_cast<png_uint_32>(width);
    picture.height = static_cast<png_uint_32>(height);
    picture.format = samples == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    picture.flags = PNG_IMAGE_FLAG_FAST;
    std::string out(PNG_IMAGE_PNG_SIZE_MAX(picture), '\0');
    png_alloc_size_t size = out.size();
    if (png_image_write_to_memory(&picture, out.data(), &size, 0, values.data(), 0, nullptr) == 0)
        return fail(ErrorCode::exhausted, std::string("a PNG can't be made: ") + picture.message);
    out.resize(size);
    return out;
}

Result<std::string> rgb_tile_png(const StoredImage& image, std::uint32_t level, std::uint64_t x,
                                 std::uint64_t y) {
    if (image.info().content != Content::rgb)
        return fail(ErrorCode::not_found, "the image isn't a photograph; name one of its channels");
    Tile tile;
    const Bytes bytes = TRY(interleaved(image, level, x, y, tile));
    return png_of(tile.width, tile.height, 3, bytes);
}

Result<std::string> thumbnail_png(const StoredImage& image) {
    const auto level = static_cast<std::uint32_t>(image.levels().size() - 1);
    const Content content = image.info().content;
    Tile tile;
    const Bytes bytes = TRY(content == Content::rgb      ? interleaved(image, level, 0, 0, tile)
                            : content == Content::labels ? colored_labels(image, level, tile)
                                                         : blended(image, level, tile));
    return png_of(tile.width, tile.height, 3, bytes);
}

}  // namespace stroma::image
