#include "tissue/correct/registration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include "image/pyramid_writer.h"
#include "tissue/pixel_reader.h"

namespace stroma::tissue {
namespace {

using Complex = std::complex<double>;
constexpr std::int64_t window_side = 512;
constexpr double agreed_pixels = 3;

/// In place; the length is a power of two. Cooley and Tukey.
void transform(Complex* values, std::size_t count, bool backwards) {
    for (std::size_t i = 1, j = 0; i < count; ++i) {
        std::size_t bit = count >> 1;
        for (; (j & bit) != 0; bit >>= 1) j ^= bit;
        j ^= bit;
        if (i < j) std::swap(values[i], values[j]);
    }
    for (std::size_t length = 2; length <= count; length <<= 1) {
        const double angle = (backwards ? 2 : -2) * std::numbers::pi / static_cast<double>(length);
        std::vector<Complex> turns(length / 2);
        for (std::size_t i = 0; i < turns.size(); ++i)
            turns[i] = std::polar(1.0, angle * static_cast<double>(i));
        for (std::size_t first = 0; first < count; first += length)
            for (std::size_t i = 0; i < length / 2; ++i) {
                const Complex even = values[first + i];
                const Complex odd = values[first + i + length / 2] * turns[i];
                values[first + i] = even + odd;
                values[first + i + length / 2] = even - odd;
            }
    }
}

/// A plane of waves, rows one behind the other.
struct Waves {
    std::int64_t width = 0, height = 0;
    std::vector<Complex> values;

    void turn(bool backwards) {
        const auto w = static_cast<std::size_t>(width), h = static_cast<std::size_t>(height);
        for (std::size_t y = 0; y < h; ++y) transform(values.data() + y * w, w, backwards);
        std::vector<Complex> column(h);
        for (std::size_t x = 0; x < w; ++x) {
            for (std::size_t y = 0; y < h; ++y) column[y] = values[y * w + x];
            transform(column.data(), h, backwards);
            for (std::size_t y = 0; y < h; ++y) values[y * w + x] = column[y];
        }
    }
};

double hann(std::int64_t at, std::int64_t count) {
    return 0.5 - 0.5 * std::cos(2 * std::numbers::pi * (static_cast<double>(at) + 0.5) /
                                static_cast<double>(count));
}

/// Edges instead of light, fading out to the borders.
Waves whitened(const Raster<float>& image) {
    Waves waves{image.width, image.height,
                std::vector<Complex>(static_cast<std::size_t>(image.width * image.height))};
    for (std::int64_t y = 1; y + 1 < image.height; ++y)
        for (std::int64_t x = 1; x + 1 < image.width; ++x) {
            const float* const at = image.row(y) + x;
            const float edge = 4 * *at - at[-1] - at[1] - at[-image.width] - at[image.width];
            waves.values[static_cast<std::size_t>(y * image.width + x)] =
                static_cast<double>(edge) * hann(x, image.width) * hann(y, image.height);
        }
    waves.turn(false);
    return waves;
}

double frequency(std::int64_t at, std::int64_t count) {
    return static_cast<double>(at <= count / 2 ? at : at - count) / static_cast<double>(count);
}

/// The cross power's value at a place between pixels.
Shift refined(const Waves& cross, std::int64_t peak_x, std::int64_t peak_y) {
    constexpr int reach = 20, parts = 20;  // a pixel to each side in twentieths
    const auto width = static_cast<std::size_t>(cross.width);
    const auto height = static_cast<std::size_t>(cross.height);
    constexpr std::size_t places = 2 * reach + 1;
    // Rows first: for each of the places across, the sums along every row.
    std::vector<Complex> along(places * height);
    for (std::size_t place = 0; place < places; ++place) {
        const double x = static_cast<double>(peak_x) + (static_cast<double>(place) - reach) / parts;
        std::vector<Complex> turns(width);
        for (std::size_t u = 0; u < width; ++u)
            turns[u] = std::polar(1.0, 2 * std::numbers::pi * x *
                                           frequency(static_cast<std::int64_t>(u), cross.width));
        for (std::size_t v = 0; v < height; ++v) {
            Complex sum = 0;
            for (std::size_t u = 0; u < width; ++u) sum += cross.values[v * width + u] * turns[u];
            along[place * height + v] = sum;
        }
    }
    double best = -HUGE_VAL;
    Shift out;
    for (std::size_t down = 0; down < places; ++down) {
        const double y = static_cast<double>(peak_y) + (static_cast<double>(down) - reach) / parts;
        std::vector<Complex> turns(height);
        for (std::size_t v = 0; v < height; ++v)
            turns[v] = std::polar(1.0, 2 * std::numbers::pi * y *
                                           frequency(static_cast<std::int64_t>(v), cross.height));
        for (std::size_t place = 0; place < places; ++place) {
            Complex sum = 0;
            for (std::size_t v = 0; v < height; ++v) sum += along[place * height + v] * turns[v];
            if (sum.real() <= best) continue;
            best = sum.real();
            out.x = static_cast<double>(peak_x) + (static_cast<double>(place) - reach) / parts;
            out.y = y;
        }
    }
    return out;
}

/// Correlation where the two overlap under a shift of whole pixels.
double correlation(const Raster<float>& fixed, const Raster<float>& moving, std::int64_t dx,
                   std::int64_t dy) {
    double n = 0, a = 0, b = 0, aa = 0, bb = 0, ab = 0;
    for (std::int64_t y = std::max<std::int64_t>(0, -dy);
         y < std::min(fixed.height, moving.height - dy); ++y)
        for (std::int64_t x = std::max<std::int64_t>(0, -dx);
             x < std::min(fixed.width, moving.width - dx); ++x) {
            const auto one = static_cast<double>(fixed.row(y)[x]);
            const auto other = static_cast<double>(moving.row(y + dy)[x + dx]);
            ++n;
            a += one;
            b += other;
            aa += one * one;
            bb += other * other;
            ab += one * other;
        }
    const double spread = (aa - a * a / n) * (bb - b * b / n);
    return n > 0 && spread > 0 ? (ab - a * b / n) / std::sqrt(spread) : -1;
}

/// A level of a channel in the upper left corner of a square that is a power of two.
Result<Raster<float>> small_copy(const image::StoredImage& image, std::size_t channel,
                                 std::uint32_t level, std::int64_t side) {
    Raster<float> out(side, side);
    const auto [width, height] = image.levels()[level];
    for (std::uint64_t ty = 0; ty * image::tile_side < height; ++ty)
        for (std::uint64_t tx = 0; tx * image::tile_side < width; ++tx) {
            const image::Tile tile = TRY(image.tile(level, channel, tx, ty));
            image::with_pixel_type(image.info().type, [&]<class T>(T) {
                const T* from = reinterpret_cast<const T*>(tile.values.data());
                for (std::uint64_t y = 0; y < tile.height; ++y)
                    for (std::uint64_t x = 0; x < tile.width; ++x, ++from) {
                        const auto at_x = static_cast<std::int64_t>(tx * image::tile_side + x);
                        const auto at_y = static_cast<std::int64_t>(ty * image::tile_side + y);
                        if (at_x < side && at_y < side)
                            out.row(at_y)[at_x] = static_cast<float>(*from);
                    }
            });
        }
    return out;
}

Result<Shift> coarse_shift(const image::StoredImage& fixed, std::size_t fixed_channel,
                           const image::StoredImage& moving, std::size_t moving_channel) {
    constexpr std::uint64_t most = 1024;
    std::uint32_t level = 0;
    const auto side_at = [&](const image::StoredImage& image, std::uint32_t at) {
        const auto& size = image.levels()[std::min<std::size_t>(at, image.levels().size() - 1)];
        return std::max(size.width, size.height);
    };
    while (std::max(side_at(fixed, level), side_at(moving, level)) > most &&
           level + 1 < std::min(fixed.levels().size(), moving.levels().size()))
        ++level;
    std::int64_t side = 16;
    const std::uint64_t largest = std::max(side_at(fixed, level), side_at(moving, level));
    while (static_cast<std::uint64_t>(side) < std::min(largest, 2 * most)) side *= 2;
    const auto one = TRY(small_copy(fixed, fixed_channel, level, side));
    const auto other = TRY(small_copy(moving, moving_channel, level, side));
    Shift shift = phase_shift(one, other);
    shift.x *= static_cast<double>(1u << level);
    shift.y *= static_cast<double>(1u << level);
    return shift;
}

Waves cross_power(const Raster<float>& fixed, const Raster<float>& moving) {
    Waves cross = whitened(fixed);
    const Waves other = whitened(moving);
    for (std::size_t i = 0; i < cross.values.size(); ++i) {
        const Complex product = std::conj(cross.values[i]) * other.values[i];
        const double size = std::abs(product);
        cross.values[i] = size > 1e-12 ? product / size : 0;
    }
    return cross;
}

struct PhasePeak {
    std::int64_t x = 0, y = 0;
    double height = 0;
};

/// Keeps the eight highest, the highest first; of neighbours one.
void keep_highest(const PhasePeak& peak, std::vector<PhasePeak>& peaks) {
    constexpr std::size_t most = 8;
    if (peaks.size() == most && peak.height <= peaks.back().height) return;
    for (PhasePeak& other : peaks) {
        if (std::abs(other.x - peak.x) > 1 || std::abs(other.y - peak.y) > 1) continue;
        if (other.height >= peak.height) return;
        other = peak;
        std::sort(peaks.begin(), peaks.end(),
                  [](const PhasePeak& a, const PhasePeak& b) { return a.height > b.height; });
        return;
    }
    if (peaks.size() == most) peaks.pop_back();
    peaks.insert(std::find_if(peaks.begin(), peaks.end(),
                              [&](const PhasePeak& other) { return other.height < peak.height; }),
                 peak);
}

double middle_value(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t half = values.size() / 2;
    return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace

Shift phase_shift(const Raster<float>& fixed, const Raster<float>& moving) {
    const Waves cross = cross_power(fixed, moving);
    Waves back = cross;
    back.turn(true);
    const auto peak =
        std::max_element(back.values.begin(), back.values.end(),
                         [](const Complex& a, const Complex& b) { return a.real() < b.real(); });
    const auto at = static_cast<std::int64_t>(peak - back.values.begin());
    // A shift and the same shift around the other side look alike: the better one is taken.
    double best = -2;
    std::int64_t best_x = 0, best_y = 0;
    for (const std::int64_t x : {at % cross.width, at % cross.width - cross.width})
        for (const std::int64_t y : {at / cross.width, at / cross.width - cross.height}) {
            // Less than an eighth of overlap is chance.
            if (std::abs(x) > cross.width * 7 / 8 || std::abs(y) > cross.height * 7 / 8) continue;
            const double agreement = correlation(fixed, moving, x, y);
            if (agreement <= best) continue;
            best = agreement;
            best_x = x;
            best_y = y;
        }
    Shift shift = refined(cross, best_x, best_y);
    shift.agreement = best;
    return shift;
}

Shift phase_shift_near(const Raster<float>& fixed, const Raster<float>& moving,
                       const Shift& expected, double reach) {
    const Waves cross = cross_power(fixed, moving);
    Waves back = cross;
    back.turn(true);
    const auto around = [](std::int64_t at, std::int64_t side) {
        return (at % side + side) % side;
    };
    const auto from_x = std::llround(expected.x - reach), to_x = std::llround(expected.x + reach);
    const auto from_y = std::llround(expected.y - reach), to_y = std::llround(expected.y + reach);
    std::vector<PhasePeak> peaks;
    for (std::int64_t y = from_y; y <= to_y; ++y)
        for (std::int64_t x = from_x; x <= to_x; ++x) {
            const auto at = static_cast<std::size_t>(around(y, cross.height) * cross.width +
                                                     around(x, cross.width));
            keep_highest({x, y, back.values[at].real()}, peaks);
        }
    // Narrow overlaps have peaks by chance: the light itself decides between the highest.
    double best = -2;
    PhasePeak chosen;
    for (const PhasePeak& peak : peaks) {
        const double agreement = correlation(fixed, moving, peak.x, peak.y);
        if (agreement <= best) continue;
        best = agreement;
        chosen = peak;
    }
    Shift shift = refined(cross, chosen.x, chosen.y);
    shift.agreement = best;
    return shift;
}

Result<Shift> find_shift(const image::StoredImage& fixed, std::size_t fixed_channel,
                         const image::StoredImage& moving, std::size_t moving_channel,
                         const expression::Watch& watch) {
    const Shift coarse = TRY(coarse_shift(fixed, fixed_channel, moving, moving_channel));
    const auto dx = std::llround(coarse.x), dy = std::llround(coarse.y);
    // What both cover, in the fixed one's pixels.
    const std::int64_t x0 = std::max<std::int64_t>(0, -dx), y0 = std::max<std::int64_t>(0, -dy);
    const auto x1 = std::min<std::int64_t>(static_cast<std::int64_t>(fixed.info().width),
                                           static_cast<std::int64_t>(moving.info().width) - dx);
    const auto y1 = std::min<std::int64_t>(static_cast<std::int64_t>(fixed.info().height),
                                           static_cast<std::int64_t>(moving.info().height) - dy);
    if (x1 - x0 < window_side / 2 || y1 - y0 < window_side / 2) return coarse;
    std::vector<double> shifts_x, shifts_y, agreements;
    for (std::int64_t number = 0; number < 9; ++number) {
        if (watch.cancelled && watch.cancelled())
            return fail(ErrorCode::cancelled, "the registration was cancelled");
        const std::int64_t x =
            x0 + std::max<std::int64_t>(x1 - x0 - window_side, 0) * (number % 3) / 2;
        const std::int64_t y =
            y0 + std::max<std::int64_t>(y1 - y0 - window_side, 0) * (number / 3) / 2;
        Raster<float> one(window_side, window_side), other(window_side, window_side);
        TRY(PixelReader(fixed, fixed_channel).read({x, y, window_side, window_side}, one.values));
        TRY(PixelReader(moving, moving_channel)
                .read({x + dx, y + dy, window_side, window_side}, other.values));
        const Shift here = phase_shift(one, other);
        if (watch.progress) watch.progress(static_cast<double>(number + 1), 9, "windows");
        if (here.agreement < 0.1) continue;
        shifts_x.push_back(here.x + static_cast<double>(dx));
        shifts_y.push_back(here.y + static_cast<double>(dy));
        agreements.push_back(here.agreement);
    }
    if (shifts_x.empty())
        return fail(ErrorCode::invalid_input,
                    "nothing in the two pictures is alike: are these the "
                    "same tissue and the right channels?");
    Shift shift{middle_value(shifts_x), middle_value(shifts_y), middle_value(agreements)};
    double agree = 0;
    for (std::size_t i = 0; i < shifts_x.size(); ++i)
        agree += std::hypot(shifts_x[i] - shift.x, shifts_y[i] - shift.y) < agreed_pixels ? 1 : 0;
    if (agree * 2 < static_cast<double>(shifts_x.size()))
        return fail(ErrorCode::invalid_input,
                    fmt::format("of {} windows only {} agree within {} pixels: the pictures aren't "
                                "only shifted",
                                shifts_x.size(), agree, agreed_pixels));
    return shift;
}

Result<void> shifted_window(const image::StoredImage& moving, std::size_t channel,
                            const Shift& shift, std::int64_t x, std::int64_t y,
                            Raster<float>& out) {
    const auto whole_x = static_cast<std::int64_t>(std::floor(shift.x));
    const auto whole_y = static_cast<std::int64_t>(std::floor(shift.y));
    const auto part_x = static_cast<float>(shift.x - static_cast<double>(whole_x));
    const auto part_y = static_cast<float>(shift.y - static_cast<double>(whole_y));
    std::vector<float> from;
    const std::int64_t stride = out.width + 1;
    TRY(PixelReader(moving, channel)
            .read({x + whole_x, y + whole_y, stride, out.height + 1}, from));
    for (std::int64_t row = 0; row < out.height; ++row)
        for (std::int64_t column = 0; column < out.width; ++column) {
            const double at_x = static_cast<double>(x + column) + shift.x;
            const double at_y = static_cast<double>(y + row) + shift.y;
            const bool is_inside = at_x >= 0 && at_y >= 0 &&
                                   at_x <= static_cast<double>(moving.info().width - 1) &&
                                   at_y <= static_cast<double>(moving.info().height - 1);
            const float* const at = from.data() + row * stride + column;
            const float upper = at[0] + (at[1] - at[0]) * part_x;
            const float lower = at[stride] + (at[stride + 1] - at[stride]) * part_x;
            out.row(row)[column] = is_inside ? upper + (lower - upper) * part_y : 0;
        }
    return {};
}

}  // namespace stroma::tissue
