#include "app/demo/demo_slides.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "app/demo/demo_counts.h"

namespace stroma::app {
namespace {

constexpr double cell_spacing = 25, cell_rim = 4, blur_share = 0.25, light_falls = 0.3;
constexpr double dark_level = 180, read_noise = 12, shot_noise = 1.6;
constexpr std::uint64_t pixel_stream = std::uint64_t{1} << 41;

struct Disc {
    double x = 0, y = 0, radius = 0;
    /// Below 0 within; in pixels.
    double distance(double to_x, double to_y) const {
        return std::hypot(to_x - x, to_y - y) - radius;
    }
};

/// Where what lies.
struct Zones {
    std::vector<Disc> tumours;
    Disc follicle;
    bool responds = false;
};

Zones zones_of(const SlideShape& shape, bool responds, DemoRandom& random) {
    const double side = shape.side;
    const auto near = [&](double share) {
        return side * (share + 0.06 * (random.uniform() - 0.5));
    };
    Zones zones;
    zones.responds = responds;
    const auto size = [&] { return side * (0.15 + 0.03 * random.uniform()); };
    zones.tumours = {{near(0.27), near(0.3), size()},
                     {near(0.7), near(0.26), size()},
                     {near(0.36), near(0.74), size()}};
    zones.follicle = {near(0.77), near(0.76), side * 0.13};
    return zones;
}

SlideKind chosen_kind(const std::array<double, 6>& shares, double uniform) {
    for (std::size_t kind = 0; kind + 1 < shares.size(); ++kind) {
        if (uniform < shares[kind]) return static_cast<SlideKind>(kind);
        uniform -= shares[kind];
    }
    return SlideKind::stroma;
}

/// Shares in the order of SlideKind; they add up to 1.
SlideKind kind_at(const Zones& zones, double x, double y, double uniform) {
    double tumour = 1e9;
    for (const Disc& disc : zones.tumours) tumour = std::min(tumour, disc.distance(x, y));
    const bool responds = zones.responds;
    if (tumour < 0)
        return chosen_kind(responds ? std::array{0.76, 0.16, 0.02, 0.0, 0.03, 0.03}
                                    : std::array{0.94, 0.01, 0.0, 0.0, 0.02, 0.03},
                           uniform);
    if (zones.follicle.distance(x, y) < 0)
        return chosen_kind({0.0, 0.02, 0.32, 0.6, 0.02, 0.04}, uniform);
    if (tumour < 1.4 * cell_spacing && !responds)
        return chosen_kind({0.0, 0.06, 0.04, 0.02, 0.58, 0.3}, uniform);
    return chosen_kind(responds ? std::array{0.0, 0.06, 0.14, 0.05, 0.1, 0.65}
                                : std::array{0.0, 0.1, 0.08, 0.03, 0.1, 0.69},
                       uniform);
}

std::vector<SlideCell> placed_cells(const SlideShape& shape, const Zones& zones,
                                    DemoRandom& random) {
    std::vector<SlideCell> cells;
    const double side = shape.side, margin = 14;
    int row = 0;
    for (double y = margin; y < side - margin; y += cell_spacing * 0.9, ++row)
        for (double x = margin + row % 2 * cell_spacing / 2; x < side - margin; x += cell_spacing) {
            SlideCell cell;
            cell.x = std::clamp(x + 3 * random.normal(), margin, side - margin);
            cell.y = std::clamp(y + 3 * random.normal(), margin, side - margin);
            cell.across = 6.5 + 2 * random.uniform();
            cell.down = cell.across * (0.75 + 0.25 * random.uniform());
            cell.turn = std::numbers::pi * random.uniform();
            cell.kind = kind_at(zones, cell.x, cell.y, random.uniform());
            cell.divides = cell.kind == SlideKind::tumour && random.uniform() < 0.2;
            const bool is_gap = random.uniform() < 0.05;
            if (!is_gap) cells.push_back(cell);
        }
    return cells;
}

/// How far a place is from the cell's middle: 1 at the border of the nucleus grown by `rim`.
double reach_of(const SlideCell& cell, double x, double y, double rim) {
    const double right = x - cell.x, down = y - cell.y;
    const double along = right * std::cos(cell.turn) + down * std::sin(cell.turn);
    const double beside = down * std::cos(cell.turn) - right * std::sin(cell.turn);
    return std::hypot(along / (cell.across + rim), beside / (cell.down + rim));
}

/// Which cell each pixel is of, from 1 on, and which nucleus. Where two reach, the nearer one.
struct Owners {
    std::vector<std::uint32_t> cells, nuclei;
};

Owners owners_of(const SlideShape& shape, const std::vector<SlideCell>& cells) {
    const std::int64_t side = shape.side;
    Owners owners;
    owners.cells.assign(static_cast<std::size_t>(side * side), 0);
    owners.nuclei = owners.cells;
    std::vector<double> nearest(owners.cells.size(), 1.0);
    for (std::size_t number = 0; number < cells.size(); ++number) {
        const SlideCell& cell = cells[number];
        const double reach = cell.across + cell_rim + 1;
        const auto first = [&](double at) {
            return std::max<std::int64_t>(0, std::llround(at - reach));
        };
        const auto last = [&](double at) {
            return std::min<std::int64_t>(side - 1, std::llround(at + reach));
        };
        for (std::int64_t y = first(cell.y); y <= last(cell.y); ++y)
            for (std::int64_t x = first(cell.x); x <= last(cell.x); ++x) {
                const auto at = static_cast<std::size_t>(y * side + x);
                const double far = reach_of(cell, double(x), double(y), cell_rim);
                if (far >= nearest[at]) continue;
                nearest[at] = far;
                owners.cells[at] = static_cast<std::uint32_t>(number + 1);
                owners.nuclei[at] = reach_of(cell, double(x), double(y), 0) <= 1
                                        ? static_cast<std::uint32_t>(number + 1)
                                        : 0;
            }
    }
    return owners;
}

bool has_marker(const SlideCell& cell, std::size_t channel) {
    using enum SlideKind;
    switch (channel) {
        case 1: return cell.kind == tumour;
        case 2: return cell.kind == helper || cell.kind == cytotoxic;
        case 3: return cell.kind == cytotoxic;
        case 4: return cell.kind == b_cell;
        case 5: return cell.kind == macrophage;
        case 6: return cell.kind == stroma;
        default: return channel == 7 && cell.divides;
    }
}

/// Mean of each pixel and a share of its four neighbours, a few times over: the optics.
void blur(std::vector<float>& plane, std::size_t side) {
    constexpr int times = 3;
    std::vector<float> before;
    for (int time = 0; time < times; ++time) {
        before = plane;
        for (std::size_t y = 1; y + 1 < side; ++y)
            for (std::size_t x = 1; x + 1 < side; ++x) {
                const std::size_t at = y * side + x;
                const float around =
                    before[at - 1] + before[at + 1] + before[at - side] + before[at + side];
                plane[at] =
                    static_cast<float>((1 - blur_share) * before[at] + blur_share * around / 4);
            }
    }
}

/// The same lamp on all slides: brightest a little beside the middle.
double light_at(double x, double y, double side) {
    const double right = x / side - 0.55, down = y / side - 0.45;
    return 1 - light_falls * 2 * (right * right + down * down);
}

std::vector<std::uint16_t> exposed(const SlideShape& shape, const Slide& slide,
                                   const Owners& owners, std::size_t channel, DemoRandom& random) {
    const std::size_t side = shape.side;
    std::vector<float> brightness(slide.cells.size() + 1, 60.f);
    for (std::size_t cell = 0; cell < slide.cells.size(); ++cell) {
        const bool is_there = channel == 0 || has_marker(slide.cells[cell], channel);
        const double mean = channel == 0 ? 7000 : is_there ? 4500 : 220;
        brightness[cell + 1] = static_cast<float>(mean * std::exp(0.22 * random.normal()));
    }
    const bool is_nuclear = channel == 0 || channel == 7;
    std::vector<float> plane(side * side);
    for (std::size_t at = 0; at < plane.size(); ++at)
        plane[at] = brightness[is_nuclear ? owners.nuclei[at] : owners.cells[at]];
    blur(plane, side);
    std::vector<std::uint16_t> pixels(plane.size());
    for (std::size_t at = 0; at < plane.size(); ++at) {
        const double light =
            plane[at] * light_at(double(at % side), double(at / side), double(side));
        const double noise = random.normal() * (read_noise + shot_noise * std::sqrt(light));
        pixels[at] = static_cast<std::uint16_t>(
            std::clamp(std::round(dark_level + light + noise), 0.0, 65535.0));
    }
    return pixels;
}

}  // namespace

Slide make_slide(const SlideShape& shape, std::uint32_t patient) {
    Slide slide;
    slide.name = fmt::format("P{}", patient + 1);
    slide.responds = patient < shape.patients / 2;
    slide.side = shape.side;
    DemoRandom random(shape.seed, patient);
    const Zones zones = zones_of(shape, slide.responds, random);
    slide.cells = placed_cells(shape, zones, random);
    Owners owners = owners_of(shape, slide.cells);
    for (std::size_t channel = 0; channel < slide_channels.size(); ++channel) {
        DemoRandom noise(shape.seed, pixel_stream + patient * slide_channels.size() + channel);
        slide.pixels.push_back(exposed(shape, slide, owners, channel, noise));
    }
    slide.nuclei = std::move(owners.nuclei);
    return slide;
}

}  // namespace stroma::app
