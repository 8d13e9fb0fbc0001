#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "tissue/measure/region.h"
#include "tissue/pixel_reader.h"

namespace stroma::tissue {

/// Which sums are wanted beside count and sum.
struct WantedMoments {
    bool squares = false, extremes = false;
};

/// Of whole numbers exact, whatever the order; of floats in the order of the pixels.
template <class T>
struct Moments {
    using Sum = std::conditional_t<std::is_floating_point_v<T>, double, std::int64_t>;
    __extension__ using Square = std::conditional_t<std::is_floating_point_v<T>, double, __int128>;
    Sum sum = 0;
    Square squares = 0;
    T least = std::numeric_limits<T>::max(), most = std::numeric_limits<T>::lowest();
    std::uint64_t count = 0;

    double mean() const { return static_cast<double>(sum) / static_cast<double>(count); }
    /// Of the pixels as they are, not of a sample.
    double deviation() const;
};

/// One channel's values in a window of the picture.
template <class T>
struct Pixels {
    const T* values;
    Window window;

    /// Where the run's first pixel lies; the run is inside.
    const T* at(const PixelRun& run) const {
        return values + (run.y - window.y) * window.width + (run.x0 - window.x);
    }
};

/// Of the values under the runs.
template <class T>
Moments<T> moments_of(const Pixels<T>& pixels, std::span<const PixelRun> runs,
                      WantedMoments wanted);

/// Between the two nearest, as numpy's "linear"; `values` are put into another order, and are at
/// least one. Whole numbers of 8 and 16 bits are counted, others partly sorted.
template <class T>
void quantiles_of(std::vector<T>& values, std::span<const double> shares, std::vector<double>& out);

}  // namespace stroma::tissue
