#pragma once

#include <span>
#include <vector>

#include "tissue/correct/registration.h"
#include "tissue/pixel_reader.h"

// A microscope's fields of view laid side by side.

namespace stroma::tissue {

using Fields = std::span<const std::shared_ptr<const image::StoredImage>>;

/// Where a field's first pixel lies in the whole, in pixels.
struct FieldPlace {
    double x = 0, y = 0;
};

struct StitchOptions {
    double max_shift = 30;   ///< pixels that a field may lie beside its stage's place
    double agreement = 0.3;  ///< least correlation of two fields where they overlap
};

/// Two fields that overlap by their stage's places.
struct FieldPair {
    std::size_t one = 0, other = 0;
    Shift between;         ///< place of `other` less that of `one`, as their pixels say
    bool is_used = false;  ///< whether places were made of it
    double left_over = 0;  ///< pixels between what the pair says and where the fields lie
};

struct StitchedFields {
    std::vector<FieldPlace> places;  ///< from 0 on
    std::vector<FieldPair> pairs;
    std::uint64_t width = 0, height = 0;
    /// Fields that no pair ties to most of the others: laid where a linear map of the stage's
    /// places, fitted to the others, has them.
    std::size_t loose_count = 0;
};

/// Places of fields from where their stage says they lie. Of each pair the overlap's shift is found
/// by phase correlation, within max_shift, and sharpened by the slopes of their light; pairs that
/// don't agree are left out, and so are pairs that contradict the others; the places then have
/// least squares of what is left over, each pair weighed by its agreement. Depends on nothing but
/// pixels and options. Source: the steps of ASHLAR (Muhlich et al. 2022), with all pairs where it
/// takes a tree of them. memory   two windows of the overlap's size, and their waves, on each
/// thread errors   invalid_input  sizes or types differ, no two fields overlap; corrupt, cancelled
Result<StitchedFields> stitch_fields(Fields fields, std::size_t channel,
                                     std::span<const FieldPlace> stage,
                                     const StitchOptions& options, const expression::Watch& watch);

/// A window of the whole: fields between pixels bilinear; where several lie each weighs by how far
/// its border is away. 0 where none lies.
Result<void> stitched_window(Fields fields, const StitchedFields& stitched, std::size_t channel,
                             const Window& window, Raster<float>& out);

}  // namespace stroma::tissue
