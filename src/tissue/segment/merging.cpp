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
    double sureness, loss;
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
    Contact contact;
};

class Merger {
public:
    Merger(const std::vector<Patch>& patches, std::uint64_t width, const BasinRules& rules,
           double sureness_min)
        : width_(width),
          rules_(rules),
          sureness_min_(sureness_min),
          beside_(patches.size()),
          ages_(patches.size()),
          node_of_(patches.size()) {
        nodes_.reserve(patches.size() * 2);
        for (const Patch& patch : patches) nodes_.push_back({.patch = patch});
        std::iota(node_of_.begin(), node_of_.end(), 0u);
    }

    std::vector<MergeNode> merge(const std::vector<Saddle>& saddles) {
        for (const Saddle& saddle : saddles) {
            beside_[saddle.a].push_back({saddle.b, saddle.contact});
            beside_[saddle.b].push_back({saddle.a, saddle.contact});
        }
        for (std::uint32_t i = 0; i < beside_.size(); ++i) nodes_[i].outer = outer_of(i);
        for (const Saddle& saddle : saddles) propose(saddle.a, saddle.b, saddle.contact);
        while (!proposals_.empty()) {
            const Proposal best = proposals_.top();
            proposals_.pop();
            if (ages_[best.a] == best.age_of_a && ages_[best.b] == best.age_of_b) unite(best);
        }
        return std::move(nodes_);
    }

private:
    const Patch& patch(std::uint32_t at) const { return nodes_[node_of_[at]].patch; }

    void propose(std::uint32_t a, std::uint32_t b, const Contact& contact) {
        if (contact.places == 0) return;
        if (b < a) std::swap(a, b);
        const Patch &one = patch(a), &other = patch(b);
        const auto n = static_cast<double>(one.sums.pixels);
        const auto m = static_cast<double>(other.sums.pixels);
        if (n + m > rules_.area_max) return;
        Patch both = one;
        both.add(other, width_);
        const PixelSums::Shape whole = both.sums.shape();
        const double parts =
            (n * one.sums.shape().roundness + m * other.sums.shape().roundness) / (n + m);
        const double depth =
            (std::min(one.peak, other.peak) - contact.saddle) / rules_.height_scale;
        const double loss = std::max(whole.roundness - parts, -0.5);
        const double sureness = bias + rules_.join_bias + depth_weight * depth +
                                union_weight * whole.roundness + parts_weight * parts +
                                stretch_weight * std::log(whole.stretch) +
                                loss_weight * loss * loss;
        if (sureness > sureness_min_)
            proposals_.push({sureness, whole.roundness - parts, a, b, ages_[a], ages_[b]});
    }

    std::uint16_t outer_of(std::uint32_t at) const {
        std::uint16_t most = 0;
        for (const Beside& one : beside_[at]) most = std::max(most, one.contact.saddle);
        return most;
    }

    /// `a` takes in `b`: its pixels, its peak if that is higher, and who lies beside it.
    void unite(const Proposal& best) {
        const std::uint32_t a = best.a, b = best.b;
        const auto made = static_cast<std::uint32_t>(nodes_.size());
        const auto between = std::find_if(beside_[a].begin(), beside_[a].end(),
                                          [&](const Beside& one) { return one.to == b; });
        MergeNode node{.patch = patch(a),
                       .left = node_of_[a],
                       .right = node_of_[b],
                       .between = between->contact,
                       .sureness = best.sureness,
                       .roundness_lost = best.loss};
        node.patch.add(patch(b), width_);
        node.patch.surface.close(node.between);
        beside_[a].erase(between);
        nodes_[node.left].parent = nodes_[node.right].parent = made;
        ++ages_[a];
        ++ages_[b];
        for (const Beside& one : beside_[b]) {
            if (one.to == a) continue;
            std::erase_if(beside_[one.to], [&](const Beside& back) { return back.to == b; });
            add(a, one.to, one.contact);
            add(one.to, a, one.contact);
        }
        beside_[b] = {};
        node.outer = outer_of(a);
        node_of_[a] = made;
        nodes_.push_back(node);
        for (const Beside& one : beside_[a]) propose(a, one.to, one.contact);
    }

    void add(std::uint32_t from, std::uint32_t to, const Contact& contact) {
        const auto known = std::find_if(beside_[from].begin(), beside_[from].end(),
                                        [&](const Beside& one) { return one.to == to; });
        if (known == beside_[from].end())
            beside_[from].push_back({to, contact});
        else
            known->contact += contact;
    }

    std::vector<MergeNode> nodes_;
    const std::uint64_t width_;
    const BasinRules& rules_;
    const double sureness_min_;
    std::vector<std::vector<Beside>> beside_;  ///< of patches, as are ages
    std::vector<std::uint32_t> ages_, node_of_;
    std::priority_queue<Proposal, std::vector<Proposal>, LessSure> proposals_;
};

}  // namespace

Contact& Contact::operator+=(const Contact& other) {
    saddle = std::max(saddle, other.saddle);
    places += other.places;
    slants += other.slants;
    light += other.light;
    return *this;
}

SurfaceSums& SurfaceSums::operator+=(const SurfaceSums& other) {
    light += other.light;
    squares += other.squares;
    places += other.places;
    slants += other.slants;
    touching += other.touching;
    cut += other.cut;
    open += other.open;
    light_within += other.light_within;
    light_beyond += other.light_beyond;
    return *this;
}

void SurfaceSums::close(const Contact& contact) {
    places -= 2 * contact.places;
    slants -= 2 * contact.slants;
    touching -= 2 * contact.places;
}

double SurfaceSums::length() const {
    return std::numbers::pi / 8 *
           (static_cast<double>(places) + static_cast<double>(slants) / std::numbers::sqrt2);
}

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
    surface += other.surface;
}

std::vector<MergeNode> merge_tree(const std::vector<Patch>& patches,
                                  const std::vector<Saddle>& saddles, std::uint64_t width,
                                  const BasinRules& rules, double sureness_min) {
    return Merger(patches, width, rules, sureness_min).merge(saddles);
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
