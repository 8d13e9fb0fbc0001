#include "tissue/correct/quality.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/threads.h"
#include "tissue/measure/label_boxes.h"
#include "tissue/pixel_reader.h"
#include "tissue/segment/components.h"

namespace stroma::tissue {
namespace {

constexpr std::int64_t focus_square = 128;

struct Square {
    double mean = 0, sharpness = 0;
    std::uint64_t pixels = 0, saturated = 0, empty = 0;
    double sum = 0;
};

Square square_of(const std::vector<float>& pixels, const Window& window, float largest) {
    Square out;
    double edges = 0, squares = 0, count = 0;
    const std::int64_t stride = window.width;
    for (std::int64_t y = 1; y + 1 < window.height; ++y)
        for (std::int64_t x = 1; x + 1 < window.width; ++x) {
            const float* const at = pixels.data() + y * stride + x;
            const double value = static_cast<double>(*at);
            const double edge = 4 * value - static_cast<double>(at[-1]) -
                                static_cast<double>(at[1]) - static_cast<double>(at[-stride]) -
                                static_cast<double>(at[stride]);
            edges += edge;
            squares += edge * edge;
            ++count;
            out.sum += value;
            out.saturated += *at >= largest ? 1 : 0;
            out.empty += *at == 0 ? 1 : 0;
        }
    out.pixels = static_cast<std::uint64_t>(count);
    out.mean = out.sum / count;
    const double variance = squares / count - edges / count * edges / count;
    out.sharpness = out.mean > 0 ? variance / (out.mean * out.mean) : 0;
    return out;
}

/// The mean from which on a square is taken for tissue.
double tissue_from(const std::vector<Square>& squares) {
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (const Square& square : squares) {
        low = std::min(low, std::log1p(square.mean));
        high = std::max(high, std::log1p(square.mean));
    }
    if (!(high > low)) return 0;
    std::vector<std::uint64_t> histogram(256);
    for (const Square& square : squares)
        ++histogram[static_cast<std::size_t>((std::log1p(square.mean) - low) / (high - low) * 255)];
    const double share = (otsu_threshold(histogram) + 1) / 255.0;
    return std::expm1(low + (high - low) * share);
}

}  // namespace

Result<ChannelQuality> channel_quality(const image::StoredImage& image, std::size_t channel,
                                       const expression::Watch& watch) {
    const auto width = static_cast<std::int64_t>(image.info().width);
    const auto height = static_cast<std::int64_t>(image.info().height);
    const std::int64_t across = (width + focus_square - 1) / focus_square;
    const std::int64_t down = (height + focus_square - 1) / focus_square;
    const float largest = image::with_pixel_type(image.info().type, []<class T>(T) {
        return std::is_floating_point_v<T> ? std::numeric_limits<float>::infinity()
                                           : static_cast<float>(std::numeric_limits<T>::max());
    });
    std::vector<Square> squares(static_cast<std::size_t>(across * down));
    const auto look = [&](std::size_t row) -> Result<void> {
        if (watch.cancelled && watch.cancelled())
            return fail(ErrorCode::cancelled, "looking at the picture was cancelled");
        std::vector<float> pixels;
        for (std::int64_t column = 0; column < across; ++column) {
            // Each square with a frame of one pixel, that edges are reckoned with.
            const std::int64_t x = column * focus_square;
            const std::int64_t y = static_cast<std::int64_t>(row) * focus_square;
            const Window window{x - 1, y - 1, std::min(focus_square, width - x) + 2,
                                std::min(focus_square, height - y) + 2};
            TRY(PixelReader(image, channel).read(window, pixels));
            squares[row * static_cast<std::size_t>(across) + static_cast<std::size_t>(column)] =
                square_of(pixels, window, largest);
        }
        return {};
    };
    TRY(parallel_for(static_cast<std::size_t>(down), look));
    ChannelQuality out;
    const double threshold = tissue_from(squares);
    std::vector<double> sharpness;
    double pixels = 0, tissue = 0;
    for (const Square& square : squares) {
        pixels += static_cast<double>(square.pixels);
        out.mean += square.sum;
        out.saturated_share += static_cast<double>(square.saturated);
        out.empty_share += static_cast<double>(square.empty);
        if (square.mean < threshold) continue;
        tissue += static_cast<double>(square.pixels);
        sharpness.push_back(square.sharpness);
    }
    out.mean /= pixels;
    out.saturated_share /= pixels;
    out.empty_share /= pixels;
    out.tissue_share = tissue / pixels;
    std::sort(sharpness.begin(), sharpness.end());
    out.focus = sharpness[sharpness.size() / 2];
    const double sharp = sharpness[sharpness.size() * 9 / 10];
    const auto blurred = std::lower_bound(sharpness.begin(), sharpness.end(), sharp / 4);
    out.blurred_share =
        static_cast<double>(blurred - sharpness.begin()) / static_cast<double>(sharpness.size());
    return out;
}

Result<std::uint64_t> label_count(const image::StoredImage& labels) {
    return TRY(label_boxes(labels, {})).size();
}

}  // namespace stroma::tissue
