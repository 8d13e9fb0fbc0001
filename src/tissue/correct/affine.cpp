#include "tissue/correct/affine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "tissue/correct/registration.h"
#include "tissue/pixel_reader.h"

namespace stroma::tissue {
namespace {

constexpr std::int64_t stain_window = 256;
constexpr double agreement_least = 0.15;

/// Solves for (p, q, r) in value = p x + q y + r over all pairs.
std::array<double, 3> plane_of(const std::vector<PointPair>& pairs, bool is_y, double mx,
                               double my) {
    double xx = 0, yy = 0, xy = 0, vx = 0, vy = 0, mean = 0;
    for (const PointPair& pair : pairs)
        mean += (is_y ? pair.moving_y : pair.moving_x) / static_cast<double>(pairs.size());
    for (const PointPair& pair : pairs) {
        const double x = pair.x - mx, y = pair.y - my;
        const double v = (is_y ? pair.moving_y : pair.moving_x) - mean;
        xx += x * x;
        yy += y * y;
        xy += x * y;
        vx += v * x;
        vy += v * y;
    }
    const double det = xx * yy - xy * xy;
    const double p = (vx * yy - vy * xy) / det, q = (vy * xx - vx * xy) / det;
    return {p, q, mean - p * mx - q * my};
}

/// What of three optical densities is haematoxylin.
class Haematoxylin {
public:
    float of(float red, float green, float blue) const {
        const std::array<double, 3> density = {od(red), od(green), od(blue)};
        return static_cast<float>(density[0] * share_[0] + density[1] * share_[1] +
                                  density[2] * share_[2]);
    }

private:
    static double od(float value) { return -std::log10((static_cast<double>(value) + 1) / 256); }
    // The first column of the inverse of the three stains' rows (0.650 0.704 0.286; 0.072 0.990
    // 0.105; 0.268 0.570 0.776).
    std::array<double, 3> share_ = first_column();
    static std::array<double, 3> first_column() {
        constexpr double h[3] = {0.650, 0.704, 0.286}, e[3] = {0.072, 0.990, 0.105},
                         r[3] = {0.268, 0.570, 0.776};
        const double det = h[0] * (e[1] * r[2] - e[2] * r[1]) - h[1] * (e[0] * r[2] - e[2] * r[0]) +
                           h[2] * (e[0] * r[1] - e[1] * r[0]);
        return {(e[1] * r[2] - e[2] * r[1]) / det, (e[2] * r[0] - e[0] * r[2]) / det,
                (e[0] * r[1] - e[1] * r[0]) / det};
    }
};

Result<void> stain_window_of(const StainChannel& stain, const Affine& affine, std::int64_t x,
                             std::int64_t y, Raster<float>& out) {
    if (stain.image->info().content != image::Content::rgb)
        return affine_window(*stain.image, stain.channel, affine, x, y, out);
    static const Haematoxylin haematoxylin;
    Raster<float> red(out.width, out.height), green = red, blue = red;
    TRY(affine_window(*stain.image, 0, affine, x, y, red));
    TRY(affine_window(*stain.image, 1, affine, x, y, green));
    TRY(affine_window(*stain.image, 2, affine, x, y, blue));
    for (std::size_t i = 0; i < out.values.size(); ++i)
        out.values[i] = 1000 * haematoxylin.of(red.values[i], green.values[i], blue.values[i]);
    return {};
}

double middle_of(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values.empty() ? 0 : values[values.size() / 2];
}

/// Where windows on a grid say that they lie.
Result<std::vector<PointPair>> window_pairs(const StainChannel& fixed, const StainChannel& moving,
                                            const Affine& now, const expression::Watch& watch) {
    const image::ImageInfo& info = fixed.image->info();
    std::vector<PointPair> pairs;
    const auto places = [](std::uint64_t side) {
        const std::int64_t room =
            std::max<std::int64_t>(0, static_cast<std::int64_t>(side) - stain_window);
        const std::int64_t count = std::clamp<std::int64_t>(room / 128 + 1, 1, 7);
        std::vector<std::int64_t> list;
        for (std::int64_t i = 0; i < count; ++i)
            list.push_back(count == 1 ? 0 : room * i / (count - 1));
        return list;
    };
    for (const std::int64_t y : places(info.height))
        for (const std::int64_t x : places(info.width)) {
            if (watch.cancelled && watch.cancelled())
                return fail(ErrorCode::cancelled, "the registration was cancelled");
            Raster<float> one(stain_window, stain_window), other = one;
            TRY(stain_window_of(fixed, {}, x, y, one));
            TRY(stain_window_of(moving, now, x, y, other));
            const Shift shift = phase_shift(one, other);
            if (shift.agreement < agreement_least ||
                std::hypot(shift.x, shift.y) > static_cast<double>(stain_window) / 4)
                continue;
            // The window's middle lies that far beside where it was thought to be.
            const double mx = static_cast<double>(x + stain_window / 2);
            const double my = static_cast<double>(y + stain_window / 2);
            pairs.push_back(
                {mx, my, now.x(mx + shift.x, my + shift.y), now.y(mx + shift.x, my + shift.y)});
        }
    return pairs;
}

}  // namespace

Result<Affine> affine_of(const std::vector<PointPair>& pairs) {
    if (pairs.size() < 3)
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} pairs of points were given; it takes three", pairs.size()));
    double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    for (const PointPair& pair : pairs) {
        mx += pair.x / static_cast<double>(pairs.size());
        my += pair.y / static_cast<double>(pairs.size());
    }
    for (const PointPair& pair : pairs) {
        xx += (pair.x - mx) * (pair.x - mx);
        yy += (pair.y - my) * (pair.y - my);
        xy += (pair.x - mx) * (pair.y - my);
    }
    if (xx * yy - xy * xy <= 1e-6 * xx * yy)
        return fail(ErrorCode::invalid_input, "the points lie on a line: take some beside it");
    const auto px = plane_of(pairs, false, mx, my), py = plane_of(pairs, true, mx, my);
    return Affine{px[0], px[1], px[2], py[0], py[1], py[2]};
}

Result<RefinedAffine> refined_affine(const StainChannel& fixed, const StainChannel& moving,
                                     const Affine& first, const expression::Watch& watch) {
    constexpr int rounds = 5;
    RefinedAffine out{first, 0, 0};
    for (int round = 0; round < rounds; ++round) {
        std::vector<PointPair> pairs = TRY(window_pairs(fixed, moving, out.affine, watch));
        // Windows that contradict the rest are left out, twice.
        for (int cut = 0; cut < 2 && pairs.size() >= 4; ++cut) {
            const Affine fit = TRY(affine_of(pairs));
            std::vector<double> away;
            for (const PointPair& pair : pairs)
                away.push_back(std::hypot(fit.x(pair.x, pair.y) - pair.moving_x,
                                          fit.y(pair.x, pair.y) - pair.moving_y));
            out.residual = middle_of(away);
            const double most = std::max(1.0, 3 * out.residual);
            std::vector<PointPair> kept;
            for (std::size_t i = 0; i < pairs.size(); ++i)
                if (away[i] <= most) kept.push_back(pairs[i]);
            pairs = std::move(kept);
        }
        out.windows = pairs.size();
        if (pairs.size() < 4)
            return fail(ErrorCode::invalid_input,
                        fmt::format("{} windows of the two pictures agree; it takes four: are the "
                                    "landmarks right, and is it the same tissue?",
                                    pairs.size()));
        out.affine = TRY(affine_of(pairs));
        if (watch.progress) watch.progress(round + 1, rounds, "rounds");
    }
    return out;
}

Result<void> affine_window(const image::StoredImage& moving, std::size_t channel,
                           const Affine& affine, std::int64_t x, std::int64_t y,
                           Raster<float>& out) {
    const auto width = static_cast<double>(moving.info().width);
    const auto height = static_cast<double>(moving.info().height);
    double left = HUGE_VAL, top = HUGE_VAL, right = -HUGE_VAL, under = -HUGE_VAL;
    for (const std::int64_t ox : {std::int64_t{0}, out.width})
        for (const std::int64_t oy : {std::int64_t{0}, out.height}) {
            const auto px = static_cast<double>(x + ox), py = static_cast<double>(y + oy);
            left = std::min(left, affine.x(px, py));
            right = std::max(right, affine.x(px, py));
            top = std::min(top, affine.y(px, py));
            under = std::max(under, affine.y(px, py));
        }
    const float outside = moving.info().content == image::Content::rgb ? 255 : 0;
    const auto clip = [](double at, double most) {
        return static_cast<std::int64_t>(std::floor(std::clamp(at, -2.0, most + 2)));
    };
    const Window window{clip(left, width) - 1, clip(top, height) - 1,
                        clip(right, width) - clip(left, width) + 4,
                        clip(under, height) - clip(top, height) + 4};
    std::vector<float> from;
    TRY(PixelReader(moving, channel).read(window, from));
    for (std::int64_t row = 0; row < out.height; ++row)
        for (std::int64_t column = 0; column < out.width; ++column) {
            const auto px = static_cast<double>(x + column), py = static_cast<double>(y + row);
            const double at_x = affine.x(px, py), at_y = affine.y(px, py);
            float& to = out.row(row)[column];
            if (!(at_x >= 0 && at_y >= 0 && at_x <= width - 1 && at_y <= height - 1)) {
                to = outside;
                continue;
            }
            const auto ix = static_cast<std::int64_t>(at_x), iy = static_cast<std::int64_t>(at_y);
            const auto part_x = static_cast<float>(at_x - static_cast<double>(ix));
            const auto part_y = static_cast<float>(at_y - static_cast<double>(iy));
            const float* const at = from.data() + (iy - window.y) * window.width + (ix - window.x);
            const float upper = at[0] + (at[1] - at[0]) * part_x;
            const float lower =
                at[window.width] + (at[window.width + 1] - at[window.width]) * part_x;
            to = upper + (lower - upper) * part_y;
        }
    return {};
}

}  // namespace stroma::tissue
