#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tissue/scratch_plane.h"
#include "tissue/segment/coarse_plane.h"
#include "tissue/segment/merging.h"

namespace stroma::tissue {

/// What a picture's basins are judged against.
struct Scene {
    const ScratchPlane<std::uint16_t>& light;  ///< brightness without background
    const CoarsePlane& background;
    const CoarsePlane& envelope;  ///< local brightness
    double threshold = 0;         ///< Otsu's, of the light
    double radius = 0;            ///< of a usual nucleus
};

constexpr std::size_t feature_count = 26;
using Features = std::array<float, feature_count>;

/// A patch or a union of patches that may be a nucleus.
struct Candidate {
    std::uint32_t left = MergeNode::none, right = MergeNode::none;  ///< its parts
    Features features{};
};

/// What is asked of a node of a merge tree; the order is that of the learned rule.
Features features_of(const std::vector<MergeNode>& nodes, std::size_t at, const Scene& scene,
                     double height_scale);

/// The chance that a candidate matches a nucleus that a person would draw, by the learned rule.
double chance_of(const Features& features);

/// What became of a patch.
struct Choice {
    std::uint32_t first = 0;  ///< the first patch of the same nucleus
    float chance = 0;         ///< of the whole nucleus
};
/// Takes of each tree those nodes that have most chance over an even one together, no patch twice,
/// and one for every patch. `join_bias` favours unions, a fifth of it.
std::vector<Choice> choose(const std::vector<MergeNode>& nodes, std::size_t patches,
                           const Scene& scene, const BasinRules& rules);

}  // namespace stroma::tissue
