#pragma once

#include <vector>

#include "expression/annotated_data.h"
#include "image/stored_image.h"
#include "tissue/segment/filters.h"

namespace stroma::tissue {

/// Where a pixel of one picture lies in another: (x, y) at (a x + b y + c, d x + e y + f).
struct Affine {
    double a = 1, b = 0, c = 0, d = 0, e = 1, f = 0;
    double x(double at_x, double at_y) const { return a * at_x + b * at_y + c; }
    double y(double at_x, double at_y) const { return d * at_x + e * at_y + f; }
};

/// A place of the fixed picture and where it is in the moving one, pixels.
struct PointPair {
    double x = 0, y = 0, moving_x = 0, moving_y = 0;
};

/// By least squares. errors  invalid_input  fewer than three pairs, or they lie on a line
Result<Affine> affine_of(const std::vector<PointPair>& pairs);

/// A channel of a picture, or of a photograph the haematoxylin: optical density taken apart into
/// the colours of haematoxylin, eosin and what is left.
/// Source: Ruifrok, Johnston 2001.
struct StainChannel {
    const image::StoredImage* image = nullptr;
    std::size_t channel = 0;  ///< of a photograph not asked
};

struct RefinedAffine {
    Affine affine;
    std::size_t windows = 0;  ///< that the last round believed
    double residual = 0;      ///< pixels, the middle of theirs
};

/// Windows of 256 pixels on a grid of the fixed picture are compared with the moving one as it lies
/// there by now (phase correlation); what most of them say is fitted anew, five times.
/// errors  invalid_input  fewer than four windows agree
Result<RefinedAffine> refined_affine(const StainChannel& fixed, const StainChannel& moving,
                                     const Affine& first, const expression::Watch& watch);

/// A window of `moving`'s channel as it lies under the fixed one, between pixels bilinear; 0
/// outside, of a photograph white.
Result<void> affine_window(const image::StoredImage& moving, std::size_t channel,
                           const Affine& affine, std::int64_t x, std::int64_t y,
                           Raster<float>& out);

}  // namespace stroma::tissue
