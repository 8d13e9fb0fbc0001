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

/// A basin as far as its pixels have been put together.
struct Patch {
    std::uint64_t anchor = 0;  ///< y * width + x of its highest pixel, the first of equals
    std::uint16_t peak = 0;
    PixelSums sums;

    /// Takes in the other's pixels; the anchor stays.
    void add(const Patch& other, std::uint64_t width);
};

/// The highest pixel between two patches.
struct Saddle {
    std::uint32_t a, b;  ///< a < b
    std::uint16_t height;
};

/// Unites patches whose union looks more like one nucleus than its parts do, the surest first. The
/// log odds that two are one are linear in the depth (lower peak over the saddle, in radii), the
/// roundness and the logarithm of the stretch of both together, the mean roundness of the two by
/// pixels, and the squared difference of the two roundnesses. The weights are a logistic regression
/// on hand-made masks: docs/tissue.md.
/// `patches` are sorted by anchor, `saddles` one a pair, sorted by pair. Returns for each patch the
/// one that it belongs to.
std::vector<std::uint32_t> merge_patches(std::vector<Patch> patches,
                                         const std::vector<Saddle>& saddles, std::uint64_t width,
                                         const BasinRules& rules);

}  // namespace stroma::tissue
