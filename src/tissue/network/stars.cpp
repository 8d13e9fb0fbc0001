#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "tissue/network/network_segmentation.h"

// The decoding of StarDist (Schmidt and others 2018): non-maximum suppression of polygons.

namespace stroma::tissue {
namespace {

constexpr std::int64_t bucket_side = 32;
constexpr double turn = 6.283185307179586;

/// A star's pixels, those whose middle lies within its polygon (even-odd rule).
struct StarMask {
    std::int64_t x0 = 0, y0 = 0, width = 0, height = 0;
    std::vector<std::uint8_t> in;
    std::int64_t area = 0;

    bool has(std::int64_t x, std::int64_t y) const {
        return x >= x0 && y >= y0 && x < x0 + width && y < y0 + height &&
               in[static_cast<std::size_t>((y - y0) * width + x - x0)] != 0;
    }
};

StarMask mask_of(const StarCandidate& star) {
    const std::size_t rays = star.radii.size();
    std::vector<double> xs(rays), ys(rays);
    for (std::size_t k = 0; k < rays; ++k) {
        const double angle = turn * static_cast<double>(k) / static_cast<double>(rays);
        xs[k] = star.x + static_cast<double>(star.radii[k]) * std::cos(angle);
        ys[k] = star.y + static_cast<double>(star.radii[k]) * std::sin(angle);
    }
    StarMask mask;
    const auto [left, right] = std::minmax_element(xs.begin(), xs.end());
    const auto [top, bottom] = std::minmax_element(ys.begin(), ys.end());
    mask.x0 = static_cast<std::int64_t>(std::floor(*left));
    mask.y0 = static_cast<std::int64_t>(std::floor(*top));
    mask.width = static_cast<std::int64_t>(std::ceil(*right)) - mask.x0 + 1;
    mask.height = static_cast<std::int64_t>(std::ceil(*bottom)) - mask.y0 + 1;
    mask.in.resize(static_cast<std::size_t>(mask.width * mask.height));
    std::vector<double> crossings;
    for (std::int64_t row = 0; row < mask.height; ++row) {
        const auto y = static_cast<double>(mask.y0 + row);
        crossings.clear();
        for (std::size_t k = 0; k < rays; ++k) {
            const std::size_t next = k + 1 == rays ? 0 : k + 1;
            if ((ys[k] <= y) == (ys[next] <= y)) continue;
            crossings.push_back(xs[k] + (y - ys[k]) / (ys[next] - ys[k]) * (xs[next] - xs[k]));
        }
        std::sort(crossings.begin(), crossings.end());
        for (std::size_t i = 0; i + 1 < crossings.size(); i += 2) {
            const auto first = static_cast<std::int64_t>(std::ceil(crossings[i]));
            for (std::int64_t x = first; static_cast<double>(x) < crossings[i + 1]; ++x) {
                mask.in[static_cast<std::size_t>(row * mask.width + x - mask.x0)] = 1;
                ++mask.area;
            }
        }
    }
    return mask;
}

std::int64_t shared(const StarMask& a, const StarMask& b) {
    const std::int64_t x0 = std::max(a.x0, b.x0), x1 = std::min(a.x0 + a.width, b.x0 + b.width);
    const std::int64_t y0 = std::max(a.y0, b.y0), y1 = std::min(a.y0 + a.height, b.y0 + b.height);
    std::int64_t both = 0;
    for (std::int64_t y = y0; y < y1; ++y) {
        const std::uint8_t* const in_a = a.in.data() + (y - a.y0) * a.width - a.x0;
        const std::uint8_t* const in_b = b.in.data() + (y - b.y0) * b.width - b.x0;
        for (std::int64_t x = x0; x < x1; ++x) both += in_a[x] & in_b[x];
    }
    return both;
}

/// Candidates by squares of the picture.
class StarGrid {
public:
    explicit StarGrid(const std::vector<StarCandidate>& stars) {
        for (std::size_t i = 0; i < stars.size(); ++i)
            buckets_[key(stars[i].x / bucket_side, stars[i].y / bucket_side)].push_back(
                static_cast<std::uint32_t>(i));
    }
    /// Numbers of those within a square of that half width.
    template <class Use>
    void near(const StarCandidate& star, std::int64_t reach, Use&& use) const {
        for (std::int64_t y = (star.y - reach) / bucket_side - 1;
             y <= (star.y + reach) / bucket_side; ++y)
            for (std::int64_t x = (star.x - reach) / bucket_side - 1;
                 x <= (star.x + reach) / bucket_side; ++x)
                if (const auto found = buckets_.find(key(x, y)); found != buckets_.end())
                    for (const std::uint32_t other : found->second) use(other);
    }

private:
    static std::uint64_t key(std::int64_t x, std::int64_t y) {
        return static_cast<std::uint64_t>(y) << 32 | static_cast<std::uint32_t>(x);
    }
    std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> buckets_;
};

/// Numbers of those that stay, the best first. `stars` are sorted so.
Result<std::vector<std::uint32_t>> best_stars(const std::vector<StarCandidate>& stars,
                                              double overlap_max, const expression::Watch& watch) {
    std::vector<double> radius(stars.size());
    double largest = 0;
    for (std::size_t i = 0; i < stars.size(); ++i) {
        radius[i] = *std::max_element(stars[i].radii.begin(), stars[i].radii.end());
        largest = std::max(largest, radius[i]);
    }
    const StarGrid grid(stars);
    std::vector<std::uint8_t> is_gone(stars.size());
    std::vector<std::uint32_t> kept;
    for (std::uint32_t i = 0; i < stars.size(); ++i) {
        if (is_gone[i] != 0) continue;
        kept.push_back(i);
        if (kept.size() % 256 == 0 && watch.cancelled && watch.cancelled())
            return fail(ErrorCode::cancelled, "the segmentation was cancelled");
        const StarMask mine = mask_of(stars[i]);
        const auto reach = static_cast<std::int64_t>(std::ceil(radius[i] + largest));
        grid.near(stars[i], reach, [&](std::uint32_t other) {
            if (other <= i || is_gone[other] != 0) return;
            const double dx = stars[other].x - stars[i].x, dy = stars[other].y - stars[i].y;
            if (std::hypot(dx, dy) > radius[i] + radius[other]) return;
            const StarMask theirs = mask_of(stars[other]);
            const auto least = static_cast<double>(std::min(mine.area, theirs.area));
            const auto both = static_cast<double>(shared(mine, theirs));
            if (both > overlap_max * least || theirs.area == 0) is_gone[other] = 1;
        });
    }
    return kept;
}

}  // namespace

Result<std::uint32_t> draw_stars(std::vector<StarCandidate> candidates, double overlap_max,
                                 double area_min, ScratchPlane<std::uint32_t>& out,
                                 const expression::Watch& watch) {
    std::sort(candidates.begin(), candidates.end(),
              [](const StarCandidate& a, const StarCandidate& b) {
                  if (a.probability != b.probability) return a.probability > b.probability;
                  return a.y != b.y ? a.y < b.y : a.x < b.x;
              });
    const std::vector<std::uint32_t> kept = TRY(best_stars(candidates, overlap_max, watch));
    const auto width = static_cast<std::int64_t>(out.width());
    const auto height = static_cast<std::int64_t>(out.height());
    // Drawn by rank, then named by place.
    std::vector<std::pair<std::pair<std::int32_t, std::int32_t>, std::uint32_t>> places;
    for (std::uint32_t rank = 0; rank < kept.size(); ++rank) {
        const StarCandidate& star = candidates[kept[rank]];
        const StarMask mask = mask_of(star);
        const auto each = [&](auto&& act) {
            for (std::int64_t y = std::max<std::int64_t>(mask.y0, 0);
                 y < std::min(mask.y0 + mask.height, height); ++y)
                for (std::int64_t x = std::max<std::int64_t>(mask.x0, 0);
                     x < std::min(mask.x0 + mask.width, width); ++x)
                    if (mask.has(x, y)) act(out.row(static_cast<std::uint64_t>(y))[x]);
        };
        std::int64_t free = 0;
        each([&](std::uint32_t& at) { free += at == 0 ? 1 : 0; });
        if (free == 0 || static_cast<double>(free) < area_min) continue;
        each([&](std::uint32_t& at) {
            if (at == 0) at = rank + 1;
        });
        places.push_back({{star.y, star.x}, rank + 1});
    }
    std::sort(places.begin(), places.end());
    std::vector<std::uint32_t> number(kept.size() + 1);
    for (std::size_t i = 0; i < places.size(); ++i)
        number[places[i].second] = static_cast<std::uint32_t>(i + 1);
    for (std::uint64_t y = 0; y < out.height(); ++y) {
        std::uint32_t* const row = out.row(y);
        for (std::uint64_t x = 0; x < out.width(); ++x) row[x] = number[row[x]];
        if (y % 256 == 255) out.let_go(y - 255, 256);
    }
    return static_cast<std::uint32_t>(places.size());
}

}  // namespace stroma::tissue
