#include "tissue/correct/tissue_mask.h"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "base/threads.h"
#include "tissue/correct/mask_pieces.h"
#include "tissue/pixel_reader.h"
#include "tissue/segment/components.h"

namespace stroma::tissue {
namespace {

constexpr std::int64_t squares_max = 1024, factor_least = 4;
constexpr double noise_times = 6, contrast_least = 1.0 / 7;

/// Means of squares of the channel; of a photograph how dark its green is.
Result<Raster<float>> square_means(const image::StoredImage& image, std::size_t channel,
                                   std::int64_t factor, const expression::Watch& watch) {
    const auto width = static_cast<std::int64_t>(image.info().width);
    const auto height = static_cast<std::int64_t>(image.info().height);
    const bool is_photograph = image.info().content == image::Content::rgb;
    Raster<float> means((width + factor - 1) / factor, (height + factor - 1) / factor);
    const PixelReader reader(image, is_photograph ? 1 : channel);
    const auto fill = [&](std::size_t at) -> Result<void> {
        if (watch.cancelled && watch.cancelled())
            return fail(ErrorCode::cancelled, "looking for tissue was cancelled");
        const auto y = static_cast<std::int64_t>(at);
        const Window window{0, y * factor, width, std::min(factor, height - y * factor)};
        std::vector<float> pixels;
        TRY(reader.read(window, pixels));
        for (std::int64_t x = 0; x < means.width; ++x) {
            double sum = 0, count = 0;
            for (std::int64_t row = 0; row < window.height; ++row)
                for (std::int64_t i = x * factor; i < std::min(width, (x + 1) * factor); ++i) {
                    sum += static_cast<double>(pixels[static_cast<std::size_t>(row * width + i)]);
                    ++count;
                }
            means.row(y)[x] = static_cast<float>(is_photograph ? 255 - sum / count : sum / count);
        }
        return {};
    };
    TRY(parallel_for(static_cast<std::size_t>(means.height), fill));
    return means;
}

/// Standard deviation of a square's mean, by the lower quarter of differences between neighbours:
/// most of a slide is smooth.
double noise_of(const Raster<float>& means) {
    constexpr double quarter_of_normal = 0.31864;
    std::vector<float> differences;
    for (std::int64_t y = 0; y < means.height; ++y)
        for (std::int64_t x = 0; x + 1 < means.width; ++x)
            differences.push_back(std::abs(means.row(y)[x + 1] - means.row(y)[x]));
    if (differences.empty()) return 0;
    const auto quarter = differences.begin() + static_cast<std::ptrdiff_t>(differences.size() / 4);
    std::nth_element(differences.begin(), quarter, differences.end());
    return static_cast<double>(*quarter) / quarter_of_normal / std::sqrt(2.0);
}

/// Otsu's threshold of the values; infinite where its two sides don't differ as tissue and what is
/// beside it do.
double split_of(const std::vector<float>& values, double noise) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    const double least = static_cast<double>(*low), range = static_cast<double>(*high) - least;
    if (range <= 0) return HUGE_VAL;
    std::vector<std::uint64_t> histogram(1024);
    const auto place = [&](float value) {
        return static_cast<std::size_t>((static_cast<double>(value) - least) / range * 1023);
    };
    for (const float value : values) ++histogram[place(value)];
    const std::size_t last = otsu_threshold(histogram);
    double sums[2] = {0, 0}, counts[2] = {0, 0};
    for (const float value : values) {
        const int side = place(value) > last ? 1 : 0;
        sums[side] += static_cast<double>(value);
        ++counts[side];
    }
    if (counts[0] == 0 || counts[1] == 0) return HUGE_VAL;
    const double dark = sums[0] / counts[0], bright = sums[1] / counts[1];
    const bool differ =
        bright - dark > noise_times * noise && bright - dark > contrast_least * std::abs(dark);
    return differ ? least + range * (static_cast<double>(last) + 1) / 1023 : HUGE_VAL;
}

/// Values over it are tissue; infinite where there is none. Bright cells are told from dim tissue
/// first: what lies under a threshold is divided again, while that can be.
double tissue_threshold(const Raster<float>& means) {
    constexpr int rounds = 6;
    const double noise = noise_of(means);
    double threshold = HUGE_VAL;
    std::vector<float> values = means.values;
    for (int round = 0; round < rounds && !values.empty(); ++round) {
        const double split = split_of(values, noise);
        if (split == HUGE_VAL) break;
        threshold = split;
        std::erase_if(values, [&](float value) { return static_cast<double>(value) >= split; });
    }
    return threshold;
}

/// Grows by a square of 2 r + 1 to each side, or shrinks where `to` is 0; edges go on.
Raster<std::uint8_t> grown(const Raster<std::uint8_t>& mask, std::int64_t r, std::uint8_t to) {
    Raster<std::uint8_t> out = mask;
    for (const bool is_down : {false, true}) {
        const Raster<std::uint8_t> from = out;
        for (std::int64_t y = 0; y < mask.height; ++y)
            for (std::int64_t x = 0; x < mask.width; ++x)
                for (std::int64_t by = -r; by <= r; ++by) {
                    const std::int64_t ay = is_down ? y + by : y, ax = is_down ? x : x + by;
                    if (ax < 0 || ay < 0 || ax >= mask.width || ay >= mask.height) continue;
                    if (from.row(ay)[ax] == to) out.row(y)[x] = to;
                }
    }
    return out;
}

/// Sets pieces of that value that are smaller than so many squares, to the other value.
void drop_pieces(Raster<std::uint8_t>& mask, std::uint8_t value, std::int64_t least) {
    const MaskPieces found = mask_pieces(mask, value);
    for (std::size_t at = 0; at < mask.values.size(); ++at) {
        const std::int32_t piece = found.of.values[at];
        if (piece >= 0 && found.pieces[static_cast<std::size_t>(piece)].area < least)
            mask.values[at] = value == 0 ? 1 : 0;
    }
}

}  // namespace

MaskPieces mask_pieces(const Raster<std::uint8_t>& mask, std::uint8_t value) {
    MaskPieces out;
    out.of = Raster<std::int32_t>(mask.width, mask.height);
    std::fill(out.of.values.begin(), out.of.values.end(), -1);
    std::vector<std::int64_t> open;
    for (std::int64_t first = 0; first < mask.width * mask.height; ++first) {
        const auto at = static_cast<std::size_t>(first);
        if (mask.values[at] != value || out.of.values[at] >= 0) continue;
        const auto number = static_cast<std::int32_t>(out.pieces.size());
        MaskPiece piece;
        out.of.values[at] = number;
        open.push_back(first);
        while (!open.empty()) {
            const std::int64_t x = open.back() % mask.width, y = open.back() / mask.width;
            open.pop_back();
            ++piece.area;
            piece.x += static_cast<double>(x);
            piece.y += static_cast<double>(y);
            for (const auto& [dx, dy] : {std::pair{-1, 0}, {1, 0}, {0, -1}, {0, 1}}) {
                const std::int64_t ax = x + dx, ay = y + dy;
                if (ax < 0 || ay < 0 || ax >= mask.width || ay >= mask.height) continue;
                const std::int64_t next = ay * mask.width + ax;
                const auto to = static_cast<std::size_t>(next);
                if (mask.values[to] != value || out.of.values[to] >= 0) continue;
                out.of.values[to] = number;
                open.push_back(next);
            }
        }
        piece.x /= static_cast<double>(piece.area);
        piece.y /= static_cast<double>(piece.area);
        out.pieces.push_back(piece);
    }
    return out;
}

Result<TissueMask> tissue_mask(const image::StoredImage& image, std::size_t channel,
                               std::int64_t hole, std::int64_t least,
                               const expression::Watch& watch) {
    TissueMask out;
    const auto longest =
        static_cast<std::int64_t>(std::max(image.info().width, image.info().height));
    out.factor = std::max(factor_least, (longest + squares_max - 1) / squares_max);
    const Raster<float> means = TRY(square_means(image, channel, out.factor, watch));
    const double threshold = tissue_threshold(means);
    out.is_tissue = Raster<std::uint8_t>(means.width, means.height);
    for (std::size_t at = 0; at < means.values.size(); ++at)
        out.is_tissue.values[at] = static_cast<double>(means.values[at]) >= threshold ? 1 : 0;
    out.is_tissue = grown(grown(out.is_tissue, 1, 1), 1, 0);
    drop_pieces(out.is_tissue, 0, hole);
    drop_pieces(out.is_tissue, 1, least);
    double squares = 0;
    for (const std::uint8_t one : out.is_tissue.values) squares += one;
    out.share = squares / static_cast<double>(out.is_tissue.values.size());
    return out;
}

}  // namespace stroma::tissue
