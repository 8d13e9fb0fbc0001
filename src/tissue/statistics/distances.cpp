#include "tissue/statistics/distances.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "base/threads.h"
#include "cluster/random.h"

namespace stroma::tissue {
namespace {

constexpr std::size_t cells_a_batch = 2048;
constexpr std::size_t probe_points = 1000;
constexpr double unknown_ratio = std::numeric_limits<double>::quiet_NaN();

Result<void> check_radii(const std::vector<double>& radii) {
    if (radii.empty() || !(radii.front() > 0) || !std::is_sorted(radii.begin(), radii.end()))
        return fail(ErrorCode::invalid_input, "radii are numbers over 0 that rise");
    return {};
}

/// The first radius that a distance isn't beyond.
std::size_t radius_place(const std::vector<double>& squares, double squared) {
    return static_cast<std::size_t>(std::lower_bound(squares.begin(), squares.end(), squared) -
                                    squares.begin());
}

std::vector<double> squares_of(const std::vector<double>& radii) {
    std::vector<double> squares;
    for (const double radius : radii) squares.push_back(radius * radius);
    return squares;
}

/// Ordered pairs by the first radius they lie within, and each place's nearest distance.
struct PairSpread {
    std::vector<std::uint64_t> pairs;
    std::vector<double> nearest;
};

PairSpread spread_of(const Places& places, const std::vector<double>& radii) {
    const std::vector<double> squares = squares_of(radii);
    const double most = radii.back();
    const PlaceGrid grid(places, most / 2);
    PairSpread out{std::vector<std::uint64_t>(radii.size()),
                   std::vector<double>(places.count(), std::numeric_limits<double>::infinity())};
    for (std::uint32_t i = 0; i < places.count(); ++i) {
        const double x = places.x[i], y = places.y[i];
        grid.within(x - most, y - most, x + most, y + most, [&](std::uint32_t j) {
            if (i == j) return;
            const double dx = places.x[j] - x, dy = places.y[j] - y;
            const double squared = dx * dx + dy * dy;
            out.nearest[i] = std::min(out.nearest[i], std::sqrt(squared));
            const std::size_t place = radius_place(squares, squared);
            if (place < squares.size()) ++out.pairs[place];
        });
    }
    return out;
}

std::vector<double> shares_within(std::vector<double> distances, const std::vector<double>& radii) {
    std::sort(distances.begin(), distances.end());
    std::vector<double> shares;
    for (const double radius : radii)
        shares.push_back(
            static_cast<double>(std::upper_bound(distances.begin(), distances.end(), radius) -
                                distances.begin()) /
            static_cast<double>(std::max<std::size_t>(distances.size(), 1)));
    return shares;
}

/// Random places inside a convex figure.
class HullDrawer {
public:
    explicit HullDrawer(const Places& all) {
        area_ = hull_area(all, corner_cells_);
        for (const std::uint32_t cell : corner_cells_) {
            corners_.x.push_back(all.x[cell]);
            corners_.y.push_back(all.y[cell]);
        }
    }
    double area() const { return area_; }
    Places draw(std::size_t count, cluster::Random& random) const {
        const auto [x0, x1] = std::minmax_element(corners_.x.begin(), corners_.x.end());
        const auto [y0, y1] = std::minmax_element(corners_.y.begin(), corners_.y.end());
        Places out;
        while (out.count() < count) {
            const double x = *x0 + random.share() * (*x1 - *x0);
            const double y = *y0 + random.share() * (*y1 - *y0);
            if (!is_inside(x, y)) continue;
            out.x.push_back(x);
            out.y.push_back(y);
        }
        return out;
    }

private:
    bool is_inside(double x, double y) const {
        for (std::size_t i = 0; i < corners_.count(); ++i) {
            const std::size_t next = (i + 1) % corners_.count();
            if ((corners_.x[next] - corners_.x[i]) * (y - corners_.y[i]) -
                    (corners_.y[next] - corners_.y[i]) * (x - corners_.x[i]) <
                0)
                return false;
        }
        return true;
    }
    Places corners_;
    std::vector<std::uint32_t> corner_cells_;
    double area_ = 0;
};

struct RipleyCurves {
    std::vector<double> k, l, g;
};

RipleyCurves curves_of(const Places& places, double area, const std::vector<double>& radii) {
    const PairSpread spread = spread_of(places, radii);
    const auto n = static_cast<double>(places.count());
    RipleyCurves out;
    double within = 0;
    for (const std::uint64_t pairs : spread.pairs) {
        within += static_cast<double>(pairs);
        out.k.push_back(area * within / (n * (n - 1)));
        out.l.push_back(std::sqrt(out.k.back() / std::numbers::pi));
    }
    out.g = shares_within(spread.nearest, radii);
    return out;
}

/// Two-sided, of where the seen value stands among the simulated.
double rank_p(std::vector<double>& simulated, double seen) {
    double high = 0, low = 0;
    for (const double one : simulated) {
        high += one >= seen ? 1 : 0;
        low += one <= seen ? 1 : 0;
    }
    const auto count = static_cast<double>(simulated.size());
    return std::min(1.0, 2 * (std::min(high, low) + 1) / (count + 1));
}

void compare_with_random(const HullDrawer& hull, std::uint32_t simulations, std::uint64_t seed,
                         Ripley& out) {
    std::vector<RipleyCurves> simulated(simulations);
    static_cast<void>(parallel_for(simulations, [&](std::size_t round) -> Result<void> {
        cluster::Random random(seed, round);
        simulated[round] = curves_of(hull.draw(out.cells, random), out.area, out.radii);
        return {};
    }));
    std::vector<double> here(simulations);
    for (std::size_t r = 0; r < out.radii.size() && simulations > 0; ++r) {
        for (std::size_t i = 0; i < here.size(); ++i) here[i] = simulated[i].g[r];
        out.g_p.push_back(rank_p(here, out.g[r]));
        for (std::size_t i = 0; i < here.size(); ++i) here[i] = simulated[i].l[r];
        out.l_p.push_back(rank_p(here, out.l[r]));
        std::sort(here.begin(), here.end());
        const double last = static_cast<double>(here.size() - 1);
        out.l_low.push_back(here[static_cast<std::size_t>(std::floor(0.025 * last))]);
        out.l_high.push_back(here[static_cast<std::size_t>(std::ceil(0.975 * last))]);
    }
}

}  // namespace

double hull_area(const Places& places, std::vector<std::uint32_t>& corners) {
    std::vector<std::uint32_t> order(places.count());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        return places.x[a] != places.x[b] ? places.x[a] < places.x[b] : places.y[a] < places.y[b];
    });
    const auto turn = [&](std::uint32_t a, std::uint32_t b, std::uint32_t c) {
        return (places.x[b] - places.x[a]) * (places.y[c] - places.y[a]) -
               (places.y[b] - places.y[a]) * (places.x[c] - places.x[a]);
    };
    corners.clear();
    for (int side = 0; side < 2; ++side) {
        const std::size_t begin = corners.size();
        for (const std::uint32_t cell : order) {
            while (corners.size() >= begin + 2 &&
                   turn(corners[corners.size() - 2], corners.back(), cell) <= 0)
                corners.pop_back();
            corners.push_back(cell);
        }
        if (!corners.empty()) corners.pop_back();
        std::reverse(order.begin(), order.end());
    }
    double area = 0;
    for (std::size_t i = 0; i < corners.size(); ++i) {
        const std::uint32_t a = corners[i], b = corners[(i + 1) % corners.size()];
        area += places.x[a] * places.y[b] - places.x[b] * places.y[a];
    }
    return area / 2;
}

Result<CoOccurrence> co_occurrence(const Places& places, std::span<const std::int32_t> kinds,
                                   std::size_t kind_count, const std::vector<double>& radii) {
    TRY(check_radii(radii));
    const std::vector<double> squares = squares_of(radii);
    const double most = radii.back();
    const PlaceGrid grid(places, most / 2);
    const std::size_t pairs = kind_count * kind_count,
                      batches = (places.count() + cells_a_batch - 1) / cells_a_batch;
    std::vector<std::vector<std::uint64_t>> counted(batches);
    const auto count = [&](std::size_t batch) -> Result<void> {
        auto& counts = counted[batch];
        counts.assign(pairs * radii.size(), 0);
        const std::size_t end = std::min((batch + 1) * cells_a_batch, places.count());
        for (std::size_t i = batch * cells_a_batch; i < end; ++i) {
            if (kinds[i] < 0) continue;
            const double x = places.x[i], y = places.y[i];
            const std::size_t row = static_cast<std::size_t>(kinds[i]) * kind_count;
            grid.within(x - most, y - most, x + most, y + most, [&](std::uint32_t j) {
                if (i == j || kinds[j] < 0) return;
                const double dx = places.x[j] - x, dy = places.y[j] - y;
                const std::size_t place = radius_place(squares, dx * dx + dy * dy);
                if (place < radii.size())
                    ++counts[(row + static_cast<std::size_t>(kinds[j])) * radii.size() + place];
            });
        }
        return {};
    };
    TRY(parallel_for(batches, count));
    std::vector<double> total(pairs * radii.size());
    for (const auto& counts : counted)
        for (std::size_t i = 0; i < total.size(); ++i) total[i] += static_cast<double>(counts[i]);
    CoOccurrence out{kind_count, radii, std::vector<double>(total.size(), unknown_ratio)};
    std::vector<double> within(pairs);
    for (std::size_t r = 0; r < radii.size(); ++r) {
        std::vector<double> of_kind(kind_count);
        double all = 0;
        for (std::size_t pair = 0; pair < pairs; ++pair) {
            within[pair] += total[pair * radii.size() + r];
            of_kind[pair % kind_count] += within[pair];
            all += within[pair];
        }
        for (std::size_t pair = 0; pair < pairs; ++pair) {
            // Kinds' shares among the neighbours of one kind, over their shares among all.
            double of_condition = 0;
            for (std::size_t kind = 0; kind < kind_count; ++kind)
                of_condition += within[pair / kind_count * kind_count + kind];
            const double usual = of_kind[pair % kind_count] / all;
            if (of_condition > 0 && usual > 0)
                out.ratios[pair * radii.size() + r] = within[pair] / of_condition / usual;
        }
    }
    return out;
}

Result<Ripley> ripley(const Places& all, std::span<const std::uint32_t> cells,
                      const std::vector<double>& radii, std::uint32_t simulations,
                      std::uint64_t seed) {
    TRY(check_radii(radii));
    const HullDrawer hull(all);
    if (cells.size() < 2 || !(hull.area() > 0))
        return fail(ErrorCode::invalid_input, "two cells of the kind at least, not all in a line");
    Places here;
    for (const std::uint32_t cell : cells) {
        here.x.push_back(all.x[cell]);
        here.y.push_back(all.y[cell]);
    }
    RipleyCurves curves = curves_of(here, hull.area(), radii);
    Ripley out;
    out.radii = radii;
    out.area = hull.area();
    out.cells = cells.size();
    out.k = std::move(curves.k);
    out.l = std::move(curves.l);
    out.g = std::move(curves.g);
    cluster::Random random(seed, UINT64_MAX);
    const Places probes = hull.draw(probe_points, random);
    const PlaceGrid grid(here, std::max(radii.back() / 4, 1e-9));
    std::vector<double> distances;
    for (std::size_t i = 0; i < probes.count(); ++i) {
        double best = std::numeric_limits<double>::infinity();
        const double x = probes.x[i], y = probes.y[i], reach = radii.back();
        grid.within(x - reach, y - reach, x + reach, y + reach, [&](std::uint32_t j) {
            best = std::min(best, std::hypot(here.x[j] - x, here.y[j] - y));
        });
        distances.push_back(best);
    }
    out.f = shares_within(std::move(distances), radii);
    compare_with_random(hull, simulations, seed, out);
    return out;
}

}  // namespace stroma::tissue
