#pragma once

#include "expression/annotated_data.h"
#include "image/stored_image.h"

namespace stroma::tissue {

/// What can be said of a channel of a slide before anything is done with it.
struct ChannelQuality {
    /// Of the tissue: the middle over squares of 128 pixels of the variance of the Laplacian over
    /// the square of the mean. Falls with blur.
    double focus = 0;
    double blurred_share = 0;    ///< of these squares, those under a quarter of their 90 % quantile
    double saturated_share = 0;  ///< pixels at the largest value of the type (of floats: none)
    double empty_share = 0;      ///< pixels of value 0
    double tissue_share = 0;     ///< squares whose mean exceeds Otsu's threshold of all squares'
    double mean = 0;             ///< of all pixels
};

/// errors  corrupt, cancelled
Result<ChannelQuality> channel_quality(const image::StoredImage& image, std::size_t channel,
                                       const expression::Watch& watch);
/// Different labels but 0. Reads the picture once.
Result<std::uint64_t> label_count(const image::StoredImage& labels);

}  // namespace stroma::tissue
