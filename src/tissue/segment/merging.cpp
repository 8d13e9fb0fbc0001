#include "tissue/segment/merging.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <queue>
#include <tuple>

namespace stroma::tissue {
namespace {

// Fitted to pictures of cultured cells; none of tissue was among them.
constexpr double bias = 4.06, depth_weight = -8.33, union_weight = 12.0, parts_weight = -16.5,
                 stretch_weight = 1.43, loss_weight = 9.44;

/// Two patches that could become one.
struct Proposal {
    double sureness;
    std::uint32_t a, b;                ///< a < b
    std::uint32_t age_of_a, age_of_b;  ///< it holds only while neither has changed
};

struct LessSure {
    bool operator()(const Proposal& one, const Proposal& other) const {
        return std::tie(one.sureness, other.a, other.b) < std::tie(other.sureness, one.a, one.b);
    }
};

struct Beside {
    std::uint32_t to;
    std::uint16_t saddle;
};

class Merger {
public:
    Merger(std::vector<Patch> patches, std::uint64_t width, const BasinRules& rules)
        : patches_(std::move(patches)),
          width_(width),
          rules_(rules),
          beside_(patches_.size()),
          ages_(patches_.size()),
          parents_(patches_.size()) {
        std::iota(parents_.begin(), parents_.end(), 0u);
    }

    std::vector<std::uint32_t> merge(const std::vector<Saddle>& saddles) {
        for (const Saddle& saddle : saddles) {
            beside_[saddle.a].push_back({saddle.b, saddle.height});
            beside_[saddle.b].push_back({saddle.a, saddle.height});
        }
        for (const Saddle& saddle : saddles) propose(saddle.a, saddle.b, saddle.height);
        while (!proposals_.empty()) {
            const Proposal best = proposals_.top();
            proposals_.pop();
            if (ages_[best.a] == best.age_of_a && ages_[best.b] == best.age_of_b)
                unite(best.a, best.b);
        }
        for (std::uint32_t& parent : parents_)
            while (parents_[parent] != parent) parent = parents_[parent];
        return std::move(parents_);
    }

private:
    void propose(std::uint32_t a, std::uint32_t b, std::uint16_t saddle) {
        if (b < a) std::swap(a, b);
        const Patch &one = patches_[a], &other = patches_[b];
        const auto n = static_cast<double>(one.sums.pixels);
        const auto m = static_cast<double>(other.sums.pixels);
        if (n + m > rules_.area_max) return;
        Patch both = one;
        both.add(other, width_);
        const PixelSums::Shape whole = both.sums.shape();
        const double parts =
            (n * one.sums.shape().roundness + m * other.sums.shape().roundness) / (n + m);
        const double depth = (std::min(one.peak, other.peak) - saddle) / rules_.height_scale;
        const double loss = std::max(whole.roundness - parts, -0.5);
        const double sureness = bias + rules_.join_bias + depth_weight * depth +
                                union_weight * whole.roundness + parts_weight * parts +
                                stretch_weight * std::log(whole.stretch) +
                                loss_weight * loss * loss;
        if (sureness > 0) proposals_.push({sureness, a, b, ages_[a], ages_[b]});
    }

    /// `a` takes in `b`: its pixels, its peak if that is higher, and who lies beside it.
    void unite(std::uint32_t a, std::uint32_t b) {
        parents_[b] = a;
        patches_[a].add(patches_[b], width_);
        ++ages_[a];
        ++ages_[b];
        std::erase_if(beside_[a], [&](const Beside& one) { return one.to == b; });
        for (const Beside& one : beside_[b]) {
            if (one.to == a) continue;
            std::erase_if(beside_[one.to], [&](const Beside& back) { return back.to == b; });
            raise(a, one.to, one.saddle);
            raise(one.to, a, one.saddle);
        }
        beside_[b] = {};
        for (const Beside& one : beside_[a]) propose(a, one.to, one.saddle);
    }

    void raise(std::uint32_t from, std::uint32_t to, std::uint16_t saddle) {
        const auto known = std::find_if(beside_[from].begin(), beside_[from].end(),
                                        [&](const Beside& one) { return one.to == to; });
        if (known == beside_[from].end())
            beside_[from].push_back({to, saddle});
        else
            known->saddle = std::max(known->saddle, saddle);
    }

    std::vector<Patch> patches_;
    const std::uint64_t width_;
    const BasinRules rules_;
    std::vector<std::vector<Beside>> beside_;
    std::vector<std::uint32_t> ages_, parents_;
    std::priority_queue<Proposal, std::vector<Proposal>, LessSure> proposals_;
};

}  // namespace

PixelSums PixelSums::moved(std::int64_t dx, std::int64_t dy) const {
    const auto n = static_cast<std::int64_t>(pixels);
    return {pixels,
            x + n * dx,
            y + n * dy,
            xx + 2 * dx * x + n * dx * dx,
            yy + 2 * dy * y + n * dy * dy,
            xy + dx * y + dy * x + n * dx * dy};
}

PixelSums& PixelSums::operator+=(const PixelSums& other) {
    pixels += other.pixels;
    x += other.x;
    y += other.y;
    xx += other.xx;
    yy += other.yy;
    xy += other.xy;
    return *this;
}

void Patch::add(const Patch& other, std::uint64_t width) {
    const auto way = [](std::uint64_t to, std::uint64_t from) {
        return static_cast<std::int64_t>(to) - static_cast<std::int64_t>(from);
    };
    sums += other.sums.moved(way(other.anchor % width, anchor % width),
                             way(other.anchor / width, anchor / width));
    peak = std::max(peak, other.peak);
}

std::vector<std::uint32_t> merge_patches(std::vector<Patch> patches,
                                         const std::vector<Saddle>& saddles, std::uint64_t width,
                                         const BasinRules& rules) {
    return Merger(std::move(patches), width, rules).merge(saddles);
}

PixelSums::Shape PixelSums::shape() const {
    // A pixel is a square: its own second moment is a twelfth.
    const auto n = static_cast<double>(pixels);
    const double mean_x = static_cast<double>(x) / n, mean_y = static_cast<double>(y) / n;
    const double a = static_cast<double>(xx) / n - mean_x * mean_x + 1.0 / 12;
    const double c = static_cast<double>(yy) / n - mean_y * mean_y + 1.0 / 12;
    const double b = static_cast<double>(xy) / n - mean_x * mean_y;
    const double apart = std::sqrt((a - c) * (a - c) + 4 * b * b);
    return {n / (4 * std::numbers::pi * std::sqrt(std::max(a * c - b * b, 1e-9))),
            std::sqrt((a + c + apart) / std::max(a + c - apart, 1e-9))};
}

}  // namespace stroma::tissue
