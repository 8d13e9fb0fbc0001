#pragma once

#include <cstdint>
#include <vector>

#include "image/stored_image.h"

namespace stroma::tissue {

/// A rectangle of pixels of a slide; it may lie partly outside.
struct Window {
    std::int64_t x = 0, y = 0, width = 0, height = 0;
};

/// Pixels of one channel as floats or as whole numbers, whatever the image holds. Any thread.
class PixelReader {
public:
    PixelReader(const image::StoredImage& image, std::size_t channel)
        : image_(image), channel_(channel) {}

    std::uint64_t width() const { return image_.info().width; }
    std::uint64_t height() const { return image_.info().height; }
    /// The window's values, row-major; a place outside the image has the nearest pixel's.
    /// errors  corrupt
    Result<void> read(const Window& window, std::vector<float>& out) const;
    /// The same as labels. errors  invalid_input  a value that is no label
    Result<void> read_labels(const Window& window, std::vector<std::uint32_t>& out) const;

    /// The same in any type that holds the image's values.
    template <class T>
    Result<void> read_as(const Window& window, std::vector<T>& out) const;

private:
    const image::StoredImage& image_;
    std::size_t channel_;
};

}  // namespace stroma::tissue
