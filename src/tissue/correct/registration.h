#pragma once

#include "expression/annotated_data.h"
#include "image/stored_image.h"
#include "tissue/segment/filters.h"

namespace stroma::tissue {

/// Where a pixel of one picture lies in another: (x, y) is found at (x + this x, y + this y).
struct Shift {
    double x = 0, y = 0;
    double agreement = 0;  ///< correlation of the two where they overlap, -1 to 1
};

/// By phase correlation of whitened, windowed values, to a twentieth of a pixel. Both have the same
/// size, each side a power of two from 16 on.
/// Sources: Kuglin, Hines 1975; Guizar-Sicairos et al. 2008 for the fraction.
Shift phase_shift(const Raster<float>& fixed, const Raster<float>& moving);
/// The same where the shift is known to lie within `reach` pixels of an expected one, along each
/// axis: peaks elsewhere aren't looked at.
Shift phase_shift_near(const Raster<float>& fixed, const Raster<float>& moving,
                       const Shift& expected, double reach);

/// Of whole slides: first of small copies, then of nine windows of 512 pixels at full size, of
/// which the middle is taken.
/// errors  invalid_input  nothing is alike: the windows don't agree within three pixels
Result<Shift> find_shift(const image::StoredImage& fixed, std::size_t fixed_channel,
                         const image::StoredImage& moving, std::size_t moving_channel,
                         const expression::Watch& watch);

/// A window of `moving` as it lies under the fixed one, between pixels bilinear; 0 outside.
Result<void> shifted_window(const image::StoredImage& moving, std::size_t channel,
                            const Shift& shift, std::int64_t x, std::int64_t y, Raster<float>& out);

}  // namespace stroma::tissue
