#include "tissue/segment/candidates.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tissue/segment/nucleus_rule.h"

namespace stroma::tissue {
namespace {

constexpr double even_chance = 0.4;  ///< a candidate that likely neither raises nor lowers F1

double real(auto number) { return static_cast<double>(number); }

double log_ratio(double one, double other) {
    return std::log(std::max(one, 1e-3) / std::max(other, 1e-3));
}

double mean_light(const Patch& patch) {
    return real(patch.surface.light) / real(patch.sums.pixels);
}

/// Length of the outline over that of the ellipse with the same area and stretch (Ramanujan).
double raggedness(const Patch& patch, double stretch) {
    const double b = std::sqrt(real(patch.sums.pixels) / std::numbers::pi / stretch);
    const double a = b * stretch, h = (a - b) * (a - b) / ((a + b) * (a + b));
    const double ellipse = std::numbers::pi * (a + b) * (1 + 3 * h / (10 + std::sqrt(4 - 3 * h)));
    return patch.surface.length() / ellipse;
}

}  // namespace

Features features_of(const std::vector<MergeNode>& nodes, std::size_t at, const Scene& scene,
                     double height_scale) {
    const MergeNode& node = nodes[at];
    const Patch& patch = node.patch;
    const SurfaceSums& surface = patch.surface;
    const double area = real(patch.sums.pixels), size = std::sqrt(area / std::numbers::pi);
    const PixelSums::Shape shape = patch.sums.shape();
    const double places = std::max(real(surface.places), 1.0);
    const double open = std::max(real(surface.open), 1.0);
    const double light = mean_light(patch);
    const double spread = std::sqrt(std::max(real(surface.squares) / area - light * light, 0.0));
    const auto x = static_cast<std::int64_t>(patch.anchor % scene.light.width());
    const auto y = static_cast<std::int64_t>(patch.anchor / scene.light.width());
    float below = 0, around = 0;
    scene.background.row(x, y, 1, &below);
    scene.envelope.row(x, y, 1, &around);
    const double peak = patch.peak / height_scale;
    double depth = 0, share = 1, contrast = 0, dimness = 1, neck = 0;
    if (node.left != MergeNode::none) {
        const Patch &one = nodes[node.left].patch, &other = nodes[node.right].patch;
        const double n = real(one.sums.pixels), m = real(other.sums.pixels);
        depth = (std::min(one.peak, other.peak) - node.between.saddle) / height_scale;
        share = std::min(n, m) / (n + m);
        contrast = std::abs(log_ratio(mean_light(one), mean_light(other)));
        const double met = std::max(real(node.between.places), 1.0);
        dimness = real(node.between.light) / met /
                  std::max(std::min(mean_light(one), mean_light(other)), 1.0);
        neck = met / std::sqrt(std::min(n, m));
    }
    double parent_sureness = -10, parent_share = 1, parent_contrast = 0, parent_loss = 0;
    if (node.parent != MergeNode::none) {
        const MergeNode& parent = nodes[node.parent];
        const Patch& sibling = nodes[parent.left == at ? parent.right : parent.left].patch;
        parent_sureness = parent.sureness;
        parent_share = area / real(parent.patch.sums.pixels);
        parent_contrast = log_ratio(light, mean_light(sibling));
        parent_loss = parent.roundness_lost;
    }
    const double values[feature_count] = {std::log(size / scene.radius),
                                          shape.roundness,
                                          std::log(shape.stretch),
                                          raggedness(patch, shape.stretch),
                                          real(surface.touching) / places,
                                          real(surface.cut) / places,
                                          peak,
                                          peak * scene.radius / size,
                                          peak - node.outer / height_scale,
                                          log_ratio(light, scene.threshold),
                                          spread / std::max(light, 1.0),
                                          real(surface.light_within) / open / std::max(light, 1.0),
                                          real(surface.light_beyond) / open / std::max(light, 1.0),
                                          light / std::max(real(around), 1.0),
                                          log_ratio(light, below),
                                          node.left == MergeNode::none ? 10 : node.sureness,
                                          depth,
                                          node.roundness_lost,
                                          share,
                                          contrast,
                                          dimness,
                                          neck,
                                          parent_sureness,
                                          parent_share,
                                          parent_contrast,
                                          parent_loss};
    Features features;
    std::copy(std::begin(values), std::end(values), features.begin());
    return features;
}

double chance_of(const Features& features) {
    double odds = rule_bias;
    for (const std::uint16_t start : rule_starts) {
        const RuleNode* at = rule_nodes + start;
        while (at->feature >= 0) at += features[at->feature] <= at->value ? 1 : at->more;
        odds += at->value;
    }
    return 1 / (1 + std::exp(-odds));
}

std::vector<Choice> choose(const std::vector<MergeNode>& nodes, std::size_t patches,
                           const Scene& scene, const BasinRules& rules) {
    struct Weighed {
        double best;  ///< of what may be taken of it
        float chance;
        bool is_whole;  ///< it is better than its parts
    };
    std::vector<Weighed> weighed(nodes.size());
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const double chance = chance_of(features_of(nodes, i, scene, rules.height_scale));
        // What is likely none counts a little too, so that there is a best among such.
        const double over = (chance - even_chance) * (chance < even_chance ? 0.01 : 1);
        weighed[i] = {over, static_cast<float>(chance), true};
        if (nodes[i].left == MergeNode::none) continue;
        const double apart = weighed[nodes[i].left].best + weighed[nodes[i].right].best;
        weighed[i].is_whole = over + rules.join_bias / 5 >= apart;
        if (!weighed[i].is_whole) weighed[i].best = apart;
    }
    std::vector<Choice> choices(patches);
    std::vector<std::uint32_t> taken(nodes.size()), first(nodes.size(), MergeNode::none);
    for (std::size_t i = nodes.size(); i-- > 0;) {
        const std::uint32_t parent = nodes[i].parent;
        const bool is_part =
            parent != MergeNode::none && (weighed[parent].is_whole || taken[parent] != parent);
        taken[i] = is_part ? taken[parent] : static_cast<std::uint32_t>(i);
    }
    for (std::uint32_t i = 0; i < patches; ++i) {
        std::uint32_t& one = first[taken[i]];
        if (one == MergeNode::none) one = i;
        choices[i] = {one, weighed[taken[i]].chance};
    }
    return choices;
}

}  // namespace stroma::tissue
