#include "tissue/correct/total_variation.h"

#include <algorithm>
#include <cmath>

namespace stroma::tissue {
namespace {

/// The dual field: two numbers for each pixel, which its differences to the right and below pull.
class DualField {
public:
    DualField(const Raster<float>& image, double weight)
        : image_(image),
          right_(image.width, image.height),
          down_(image.width, image.height),
          out_(image),
          step_(static_cast<float>(0.25 / weight)) {}

    /// The picture less the field's divergence.
    void reckon() {
        for (std::int64_t y = 0; y < image_.height; ++y) {
            const float *const r = right_.row(y), *const d = down_.row(y);
            const float* const above = y > 0 ? down_.row(y - 1) : nullptr;
            const float* const from = image_.row(y);
            float* const to = out_.row(y);
            for (std::int64_t x = 0; x < image_.width; ++x) {
                float change = -r[x] - d[x];
                if (x > 0) change += r[x - 1];
                if (above != nullptr) change += above[x];
                to[x] = from[x] + change;
            }
        }
    }

    /// One step down the slope, within the ball.
    void pull() {
        for (std::int64_t y = 0; y < image_.height; ++y) {
            float *const r = right_.row(y), *const d = down_.row(y);
            const float* const at = out_.row(y);
            const float* const below = y + 1 < image_.height ? out_.row(y + 1) : nullptr;
            for (std::int64_t x = 0; x < image_.width; ++x) {
                const float gx = x + 1 < image_.width ? at[x + 1] - at[x] : 0;
                const float gy = below != nullptr ? below[x] - at[x] : 0;
                const float norm = 1 + std::sqrt(gx * gx + gy * gy) * step_;
                r[x] = (r[x] - 0.25f * gx) / norm;
                d[x] = (d[x] - 0.25f * gy) / norm;
            }
        }
    }

    const Raster<float>& out() const { return out_; }

private:
    const Raster<float>& image_;
    Raster<float> right_, down_, out_;
    float step_;
};

}  // namespace

Result<void> less_variation(const image::StoredImage& image, std::size_t channel, double weight,
                            std::int64_t rounds, const Window& window, Raster<float>& out) {
    const auto width = static_cast<std::int64_t>(image.info().width);
    const auto height = static_cast<std::int64_t>(image.info().height);
    const std::int64_t x0 = std::max<std::int64_t>(0, window.x - rounds);
    const std::int64_t y0 = std::max<std::int64_t>(0, window.y - rounds);
    const std::int64_t x1 = std::min(width, window.x + window.width + rounds);
    const std::int64_t y1 = std::min(height, window.y + window.height + rounds);
    Raster<float> wide(x1 - x0, y1 - y0);
    TRY(PixelReader(image, channel).read({x0, y0, x1 - x0, y1 - y0}, wide.values));
    DualField field(wide, weight);
    for (std::int64_t round = 1; round < rounds; ++round) {
        field.pull();
        field.reckon();
    }
    out = Raster<float>(window.width, window.height);
    for (std::int64_t y = 0; y < window.height; ++y)
        std::copy_n(field.out().row(window.y + y - y0) + (window.x - x0), window.width, out.row(y));
    return {};
}

}  // namespace stroma::tissue
