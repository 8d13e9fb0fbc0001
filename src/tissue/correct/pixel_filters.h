#pragma once

#include <functional>

#include "tissue/pixel_reader.h"
#include "tissue/segment/filters.h"

// What is done to pixels before cells are found or measured. Each result is made of a bounded
// neighbourhood (or of numbers of the whole slide), so that no tile is seen in it.

namespace stroma::tissue {

/// Changes a window's values in place. The outer `support` pixels are only looked at.
struct WindowFilter {
    std::int64_t support = 0;
    std::function<void(Raster<float>& window)> apply;
};

/// One pixel that exceeds the largest of its eight neighbours by more than `excess` gets that.
/// Source: steinbock's hot pixel filter.
WindowFilter hot_pixel_filter(double excess);
/// The middle of 3 × 3.
WindowFilter median_filter();
WindowFilter gaussian_filter(double sigma);
/// Takes away what is wider than an octagon of that radius: the value over its opening.
WindowFilter top_hat_filter(std::int64_t radius);
/// Takes away what a ball of that radius (pixels, and values) leaves free when it rolls along below
/// the surface: the value over the least of value + radius - sqrt(radius² - d²) within the radius.
/// Costs radius² a pixel. Source: Sternberg 1983; as scikit-image's rolling_ball has it.
WindowFilter rolling_ball_filter(std::int64_t radius);
/// (value - low) / (high - low) * scale, not cut but at 0 where asked.
WindowFilter stretch_filter(double low, double high, double scale);

/// A channel after filters, one after the other, as the window asked for.
Result<void> filtered_window(const image::StoredImage& image, std::size_t channel,
                             const std::vector<WindowFilter>& filters, const Window& window,
                             Raster<float>& out);

}  // namespace stroma::tissue
