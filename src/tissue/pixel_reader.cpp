#include "tissue/pixel_reader.h"

#include <algorithm>

#include "image/pyramid_writer.h"

namespace stroma::tissue {
namespace {

/// What lies of the window inside the image, in the image's pixels.
struct Inside {
    std::int64_t x0, y0, x1, y1;
};

Inside inside(const Window& window, std::int64_t width, std::int64_t height) {
    const auto within = [](std::int64_t at, std::int64_t side) {
        return std::clamp<std::int64_t>(at, 0, side - 1);
    };
    return {within(window.x, width), within(window.y, height),
            within(window.x + window.width - 1, width) + 1,
            within(window.y + window.height - 1, height) + 1};
}

/// Gives the places outside the image the value of their nearest pixel.
template <class T>
void fill_outside(const Window& window, const Inside& part, std::vector<T>& out) {
    const std::int64_t left = std::max<std::int64_t>(part.x0 - window.x, 0);
    const std::int64_t right = std::min(part.x1 - window.x, window.width);
    const std::int64_t top = std::clamp<std::int64_t>(part.y0 - window.y, 0, window.height - 1);
    const std::int64_t bottom = std::clamp<std::int64_t>(part.y1 - window.y, 1, window.height);
    for (std::int64_t y = top; y < bottom; ++y) {
        T* const row = out.data() + y * window.width;
        std::fill(row, row + std::min(left, window.width), row[std::min(left, window.width - 1)]);
        if (right > 0) std::fill(row + right, row + window.width, row[right - 1]);
    }
    const auto row_of = [&](std::int64_t y) { return out.begin() + y * window.width; };
    for (std::int64_t y = 0; y < top; ++y) std::copy_n(row_of(top), window.width, row_of(y));
    for (std::int64_t y = bottom; y < window.height; ++y)
        std::copy_n(row_of(bottom - 1), window.width, row_of(y));
}

}  // namespace

template <class T>
Result<void> PixelReader::read_as(const Window& window, std::vector<T>& out) const {
    const Inside part =
        inside(window, static_cast<std::int64_t>(width()), static_cast<std::int64_t>(height()));
    out.resize(static_cast<std::size_t>(window.width * window.height));
    const std::int64_t side = image::tile_side;
    thread_local image::Tile tile;  // so that its pages aren't asked for again and again
    for (std::int64_t ty = part.y0 / side; ty * side < part.y1; ++ty)
        for (std::int64_t tx = part.x0 / side; tx * side < part.x1; ++tx) {
            TRY(image_.read_tile(0, channel_, static_cast<std::uint64_t>(tx),
                                 static_cast<std::uint64_t>(ty), tile));
            const auto tile_width = static_cast<std::int64_t>(tile.width);
            const std::int64_t x0 = std::max(part.x0, tx * side);
            const std::int64_t x1 = std::min(part.x1, tx * side + tile_width);
            const std::int64_t y1 =
                std::min(part.y1, ty * side + static_cast<std::int64_t>(tile.height));
            image::with_pixel_type(image_.info().type, [&]<class P>(P) {
                const P* const values = reinterpret_cast<const P*>(tile.values.data());
                for (std::int64_t y = std::max(part.y0, ty * side); y < y1; ++y) {
                    const P* from = values + (y - ty * side) * tile_width + (x0 - tx * side);
                    T* to = out.data() + (y - window.y) * window.width + (x0 - window.x);
                    if constexpr (std::is_same_v<P, T>)
                        std::copy(from, from + (x1 - x0), to);
                    else
                        for (std::int64_t x = x0; x < x1; ++x) *to++ = static_cast<T>(*from++);
                }
            });
        }
    fill_outside(window, part, out);
    return {};
}

template Result<void> PixelReader::read_as(const Window&, std::vector<std::uint8_t>&) const;
template Result<void> PixelReader::read_as(const Window&, std::vector<std::int8_t>&) const;
template Result<void> PixelReader::read_as(const Window&, std::vector<std::uint16_t>&) const;
template Result<void> PixelReader::read_as(const Window&, std::vector<std::int16_t>&) const;
template Result<void> PixelReader::read_as(const Window&, std::vector<std::uint32_t>&) const;
template Result<void> PixelReader::read_as(const Window&, std::vector<std::int32_t>&) const;
template Result<void> PixelReader::read_as(const Window&, std::vector<float>&) const;

Result<void> PixelReader::read(const Window& window, std::vector<float>& out) const {
    return read_as(window, out);
}

Result<void> PixelReader::read_labels(const Window& window, std::vector<std::uint32_t>& out) const {
    const image::Channel& channel = image_.info().channels[channel_];
    if (image_.info().type == image::PixelType::float32 || channel.min < 0)
        return fail(ErrorCode::invalid_input,
                    "labels are whole numbers from 0 on; this image holds others");
    return read_as(window, out);
}

}  // namespace stroma::tissue
