#include "tissue/correct/pixel_filters.h"

#include <algorithm>
#include <array>

namespace stroma::tissue {
namespace {

/// Calls use(x, y, nine values from the upper left on) with what was there before any change. At
/// the window's edge the nearest pixel stands in.
template <class Use>
void with_neighbours(Raster<float>& window, const Use& use) {
    const Raster<float> before = window;
    std::array<float, 9> around{};
    for (std::int64_t y = 0; y < window.height; ++y) {
        const float* const rows[3] = {before.row(std::max<std::int64_t>(y - 1, 0)), before.row(y),
                                      before.row(std::min(y + 1, window.height - 1))};
        float* const out = window.row(y);
        for (std::int64_t x = 0; x < window.width; ++x) {
            const std::int64_t left = std::max<std::int64_t>(x - 1, 0);
            const std::int64_t right = std::min(x + 1, window.width - 1);
            for (std::size_t r = 0; r < 3; ++r) {
                around[3 * r] = rows[r][left];
                around[3 * r + 1] = rows[r][x];
                around[3 * r + 2] = rows[r][right];
            }
            out[x] = use(around);
        }
    }
}

}  // namespace

WindowFilter hot_pixel_filter(double excess) {
    return {1, [excess](Raster<float>& window) {
                with_neighbours(window, [excess](const std::array<float, 9>& around) {
                    float most = around[0];
                    for (const std::size_t i : {1, 2, 3, 5, 6, 7, 8})
                        most = std::max(most, around[i]);
                    return around[4] - most > static_cast<float>(excess) ? most : around[4];
                });
            }};
}

WindowFilter median_filter() {
    return {1, [](Raster<float>& window) {
                with_neighbours(window, [](std::array<float, 9> around) {
                    std::nth_element(around.begin(), around.begin() + 4, around.end());
                    return around[4];
                });
            }};
}

WindowFilter gaussian_filter(double sigma) {
    return {smooth_support(sigma), [sigma](Raster<float>& window) { smooth(window, sigma); }};
}

WindowFilter top_hat_filter(std::int64_t radius) {
    return {2 * (radius + 1), [radius](Raster<float>& window) {
                Raster<float> opened = window;
                narrow(opened, radius);
                widen(opened, radius);
                for (std::size_t i = 0; i < window.values.size(); ++i)
                    window.values[i] = std::max(window.values[i] - opened.values[i], 0.0f);
            }};
}

WindowFilter stretch_filter(double low, double high, double scale) {
    const auto factor = static_cast<float>(high > low ? scale / (high - low) : 0);
    return {0, [low, factor](Raster<float>& window) {
                for (float& value : window.values)
                    value = (value - static_cast<float>(low)) * factor;
            }};
}

Result<void> filtered_window(const image::StoredImage& image, std::size_t channel,
                             const std::vector<WindowFilter>& filters, const Window& window,
                             Raster<float>& out) {
    std::int64_t halo = 0;
    for (const WindowFilter& filter : filters) halo += filter.support;
    Raster<float> wide(window.width + 2 * halo, window.height + 2 * halo);
    TRY(PixelReader(image, channel)
            .read({window.x - halo, window.y - halo, wide.width, wide.height}, wide.values));
    for (const WindowFilter& filter : filters) filter.apply(wide);
    out = Raster<float>(window.width, window.height);
    for (std::int64_t y = 0; y < window.height; ++y)
        std::copy_n(wide.row(y + halo) + halo, window.width, out.row(y));
    return {};
}

}  // namespace stroma::tissue
