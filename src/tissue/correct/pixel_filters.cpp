#include "tissue/correct/pixel_filters.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

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

/// Where a ball is touched, and how far that lies over its lowest point.
struct BallPoint {
    std::int64_t x, y;
    float rise;
};

std::vector<BallPoint> points_of_ball(std::int64_t radius) {
    std::vector<BallPoint> points;
    for (std::int64_t y = -radius; y <= radius; ++y)
        for (std::int64_t x = -radius; x <= radius; ++x) {
            const std::int64_t rest = radius * radius - x * x - y * y;
            if (rest < 0) continue;
            const double rise = static_cast<double>(radius) - std::sqrt(static_cast<double>(rest));
            points.push_back({x, y, static_cast<float>(rise)});
        }
    return points;
}

/// The surface that the ball reaches from below, for all but the outer `radius` pixels.
void roll_ball(const Raster<float>& surface, std::int64_t radius, Raster<float>& out) {
    const std::vector<BallPoint> points = points_of_ball(radius);
    // Many pixels stay in registers while the ball's points go by.
    constexpr std::int64_t lane = 16;
    const std::int64_t end = surface.width - radius;
    for (std::int64_t y = radius; y < surface.height - radius; ++y)
        for (std::int64_t x = radius; x < end; x += lane) {
            float least[lane];
            std::fill_n(least, lane, std::numeric_limits<float>::infinity());
            // The last lane of a row that is long enough lies over the one before.
            const std::int64_t from = end - radius >= lane ? std::min(x, end - lane) : x;
            const std::int64_t count = std::min(lane, end - from);
            for (const BallPoint& point : points) {
                const float* const at = surface.row(y + point.y) + from + point.x;
                if (count == lane) {
                    for (std::int64_t i = 0; i < lane; ++i)
                        least[i] = std::min(least[i], at[i] + point.rise);
                } else {
                    for (std::int64_t i = 0; i < count; ++i)
                        least[i] = std::min(least[i], at[i] + point.rise);
                }
            }
            std::copy_n(least, count, out.row(y) + from);
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

WindowFilter rolling_ball_filter(std::int64_t radius) {
    // Places outside the slide have the nearest pixel's value, which that pixel, being nearer,
    // always undercuts: as if nothing were there.
    return {radius, [radius](Raster<float>& window) {
                Raster<float> under = window;
                roll_ball(window, radius, under);
                for (std::size_t i = 0; i < window.values.size(); ++i)
                    window.values[i] -= under.values[i];
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
