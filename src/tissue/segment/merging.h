#pragma once

#include <cstdint>
#include <vector>

#include "tissue/segment/basins.h"

namespace stroma::tissue {

/// Sums over a basin's pixels of their way from its anchor: whole numbers, so exact in any order.
struct PixelSums {
    std::uint64_t pixels = 0;
    std::int64_t x = 0, y = 0, xx = 0, yy = 0, xy = 0;

    /// The same pixels seen from an anchor that lies (dx, dy) to the left and above.
    PixelSums moved(std::int64_t dx, std::int64_t dy) const;
    PixelSums& operator+=(const PixelSums& other);
    struct Shape {
        /// Pixels over the area of the ellipse with the same second moments: 1 for an ellipse,
        /// 0.89 for two disks that touch.
        double roundness = 1;
        double stretch = 1;  ///< the ellipse's long axis over its short one
    };
    Shape shape() const;
};

/// What lies between two patches. Places are pairs of pixels side by side, slants pairs by a
/// corner.
struct Contact {
    std::uint16_t saddle = 0;  ///< the highest pixel between them
    std::uint32_t places = 0, slants = 0;
    std::uint64_t light = 0;  ///< the dimmer pixel of each place, added up

    Contact& operator+=(const Contact& other);
};

/// A basin's light and outline; whole numbers, so exact in any order.
struct SurfaceSums {
    std::uint64_t light = 0, squares = 0;              ///< of its pixels
    std::uint64_t places = 0, slants = 0;              ///< of the outline
    std::uint64_t touching = 0;                        ///< places beside another patch
    std::uint64_t cut = 0;                             ///< places at the picture's edge
    std::uint64_t open = 0;                            ///< places beside nothing
    std::uint64_t light_within = 0, light_beyond = 0;  ///< of the open ones' pixels, on both sides

    SurfaceSums& operator+=(const SurfaceSums& other);
    /// The contact is no outline any more.
    void close(const Contact& contact);
    /// Length by lines in four directions (Cauchy and Crofton), in pixels.
    double length() const;
};

/// A basin as far as its pixels have been put together.
struct Patch {
    std::uint64_t anchor = 0;  ///< y * width + x of its highest pixel, the first of equals
    std::uint16_t peak = 0;
    PixelSums sums;
    SurfaceSums surface;

    /// Takes in the other's pixels; the anchor stays.
    void add(const Patch& other, std::uint64_t width);
};

/// Two patches that touch.
struct Saddle {
    std::uint32_t a, b;  ///< a < b
    Contact contact;
};

/// A patch, or what two became.
struct MergeNode {
    static constexpr std::uint32_t none = UINT32_MAX;
    Patch patch;
    std::uint32_t left = none, right = none, parent = none;
    Contact between;            ///< left and right
    double sureness = 0;        ///< log odds that left and right are one
    std::uint16_t outer = 0;    ///< highest saddle to what lay beside it when it was made; 0: none
    double roundness_lost = 0;  ///< its own less that of its parts
};

/// Unites patches whose union looks more like one nucleus than its parts do, the surest first, as
/// long as the sureness exceeds the least. The log odds that two are one are linear in the depth
/// (lower peak over the saddle, in radii), the roundness and the logarithm of the stretch of both
/// together, the mean roundness of the two by pixels, and the squared difference of the two
/// roundnesses. The weights are a logistic regression on hand-made masks: docs/tissue.md.
/// `patches` are sorted by anchor, `saddles` one a pair, sorted by pair. Returns the patches in
/// their order, then each union after its parts.
std::vector<MergeNode> merge_tree(const std::vector<Patch>& patches,
                                  const std::vector<Saddle>& saddles, std::uint64_t width,
                                  const BasinRules& rules, double sureness_min);

}  // namespace stroma::tissue
