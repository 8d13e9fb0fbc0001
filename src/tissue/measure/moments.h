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

/// Of so few kinds that values are counted and not sorted.
template <class T>
constexpr bool is_counted = std::is_same_v<T, std::uint8_t> || std::is_same_v<T, std::uint16_t>;

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

/// What `gather` reads and writes behind its last pixel.
constexpr std::size_t gather_slack = 32;

/// One channel's values in a window of the picture; gather_slack bytes behind them may be read.
template <class T>
struct Pixels {
    const T* values;
    Window window;

    /// Where the run's first pixel lies; the run is inside.
    const T* at(const PixelRun& run) const {
        return values + (run.y - window.y) * window.width + (run.x0 - window.x);
    }
};

/// The values under the runs, in the runs' order; `room` is only widened. Valid until it changes.
template <class T>
std::span<const T> gather(const Pixels<T>& pixels, std::span<const PixelRun> runs,
                          std::vector<T>& room);

template <class T>
Moments<T> moments_of(std::span<const T> values, WantedMoments wanted);

/// Finds quantiles of one set of values after another without new memory.
template <class T>
class QuantileFinder {
public:
    /// Between the two nearest values, as numpy's "linear"; `values` are at least one. Whole
    /// numbers of 8 and 16 bits are counted, others partly sorted. Valid until the next call.
    std::span<const double> of(std::span<const T> values, std::span<const double> shares);

private:
    void find_ranked(std::span<const T> values);
    void find_by_halves(std::span<const T> values) requires(is_counted<T>);
    void find_by_counts(std::span<const T> values) requires(is_counted<T>);

    /// Values of one bin that holds a rank: `before` of all are less; the bin's place in `sorted_`.
    struct Slot {
        std::size_t before = 0, begin = 0, end = 0;
        std::uint32_t bin = 0;
    };
    std::vector<Slot> slots_;
    std::vector<std::size_t> ranks_;
    std::vector<T> found_;  ///< the value of each rank
    std::vector<T> sorted_;
    std::vector<double> quantiles_;
};

}  // namespace stroma::tissue
