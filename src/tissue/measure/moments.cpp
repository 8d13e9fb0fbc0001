#include "tissue/measure/moments.h"

#include <algorithm>
#include <array>
#include <cmath>

// Built with -O3 (see CMakeLists.txt). Whole numbers only are added in wide registers.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define STROMA_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define STROMA_WIDE
#endif

namespace stroma::tissue {
namespace {

/// Values at a time whose sum fits into 32 bits.
constexpr std::int64_t short_run = 65'536;

template <class T>
std::uint32_t short_sum(const T* values, std::int64_t count) {
    std::uint32_t sum = 0;
    for (std::int64_t i = 0; i < count; ++i) sum += values[i];
    return sum;
}

template <class T>
std::uint64_t sum_under(const Pixels<T>& pixels, std::span<const PixelRun> runs) {
    std::uint64_t sum = 0;
    for (const PixelRun& run : runs) {
        const T* const from = pixels.at(run);
        const std::int64_t length = run.x1 - run.x0;
        for (std::int64_t i = 0; i < length; i += short_run)
            sum += short_sum(from + i, std::min(length - i, short_run));
    }
    return sum;
}

STROMA_WIDE std::uint64_t wide_sum(const Pixels<std::uint16_t>& pixels,
                                   std::span<const PixelRun> runs) {
    return sum_under(pixels, runs);
}

STROMA_WIDE std::uint64_t wide_sum(const Pixels<std::uint8_t>& pixels,
                                   std::span<const PixelRun> runs) {
    return sum_under(pixels, runs);
}

template <class T>
std::uint64_t squares_under(const Pixels<T>& pixels, std::span<const PixelRun> runs) {
    std::uint64_t sum = 0;
    for (const PixelRun& run : runs) {
        const T* const from = pixels.at(run);
        const std::int64_t length = run.x1 - run.x0;
        for (std::int64_t i = 0; i < length; ++i)
            sum += std::uint64_t{from[i] * std::uint32_t{from[i]}};
    }
    return sum;
}

STROMA_WIDE std::uint64_t wide_squares(const Pixels<std::uint16_t>& pixels,
                                       std::span<const PixelRun> runs) {
    return squares_under(pixels, runs);
}

STROMA_WIDE std::uint64_t wide_squares(const Pixels<std::uint8_t>& pixels,
                                       std::span<const PixelRun> runs) {
    return squares_under(pixels, runs);
}

template <class T>
void add_extremes(const T* values, std::int64_t count, Moments<T>& out) {
    T low = out.least, high = out.most;
    for (std::int64_t i = 0; i < count; ++i) {
        low = std::min(low, values[i]);
        high = std::max(high, values[i]);
    }
    out.least = low;
    out.most = high;
}

template <class T>
constexpr bool is_counted = std::is_same_v<T, std::uint8_t> || std::is_same_v<T, std::uint16_t>;

/// The value at each rank (rising) of the values, which are few in kinds: counts in 256 bins of
/// their range first, then only what lies in the bins that hold a rank is sorted.
template <class T>
void ranked_by_counts(const std::vector<T>& values, std::span<const std::size_t> ranks,
                      std::vector<T>& out) {
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    const std::uint32_t low = *least, range = std::uint32_t{*most} - low;
    int shift = 0;
    while (range >> shift > 255) ++shift;
    std::array<std::uint32_t, 257> ends{};
    for (const T value : values) ++ends[((value - low) >> shift) + 1];
    for (std::size_t bin = 0; bin < 256; ++bin) ends[bin + 1] += ends[bin];
    if (shift == 0) {
        for (const std::size_t rank : ranks) {
            const auto bin = std::upper_bound(ends.begin(), ends.end(), rank) - ends.begin() - 1;
            out.push_back(static_cast<T>(low + static_cast<std::uint32_t>(bin)));
        }
        return;
    }
    std::vector<T> inside;
    std::ptrdiff_t sorted_bin = -1;
    for (const std::size_t rank : ranks) {
        const auto bin = std::upper_bound(ends.begin(), ends.end(), rank) - ends.begin() - 1;
        if (bin != sorted_bin) {
            inside.clear();
            for (const T value : values)
                if ((value - low) >> shift == static_cast<std::uint32_t>(bin))
                    inside.push_back(value);
            std::sort(inside.begin(), inside.end());
            sorted_bin = bin;
        }
        out.push_back(inside[rank - ends[static_cast<std::size_t>(bin)]]);
    }
}

template <class T>
void ranked(std::vector<T>& values, std::span<const std::size_t> ranks, std::vector<T>& out) {
    if constexpr (is_counted<T>) {
        if (values.size() >= 256) return ranked_by_counts(values, ranks, out);
    }
    auto from = values.begin();
    for (const std::size_t rank : ranks) {
        const auto at = values.begin() + static_cast<std::ptrdiff_t>(rank);
        if (at >= from) {
            std::nth_element(from, at, values.end());
            from = at + 1;
        }
        out.push_back(*at);
    }
}

}  // namespace

template <class T>
double Moments<T>::deviation() const {
    const auto n = static_cast<double>(count);
    double variance = 0;
    if constexpr (std::is_floating_point_v<T>)
        variance = squares / n - mean() * mean();
    else
        variance = static_cast<double>(static_cast<Square>(count) * squares -
                                       static_cast<Square>(sum) * sum) /
                   (n * n);
    return std::sqrt(std::max(variance, 0.0));
}

template <class T>
Moments<T> moments_of(const Pixels<T>& pixels, std::span<const PixelRun> runs,
                      WantedMoments wanted) {
    Moments<T> made;
    for (const PixelRun& run : runs) made.count += static_cast<std::uint64_t>(run.x1 - run.x0);
    if constexpr (is_counted<T>) {
        made.sum = static_cast<std::int64_t>(wide_sum(pixels, runs));
        // 2^32 squares of 16 bits fit into 64: objects have at most 2^28 pixels.
        if (wanted.squares) made.squares = wide_squares(pixels, runs);
    } else {
        using Sum = typename Moments<T>::Sum;
        using Square = typename Moments<T>::Square;
        for (const PixelRun& run : runs)
            for (std::int64_t i = 0; i < run.x1 - run.x0; ++i) {
                const auto value = static_cast<Sum>(pixels.at(run)[i]);
                made.sum += value;
                made.squares += static_cast<Square>(value) * static_cast<Square>(value);
            }
    }
    if (wanted.extremes)
        for (const PixelRun& run : runs) add_extremes(pixels.at(run), run.x1 - run.x0, made);
    return made;
}

template <class T>
void quantiles_of(std::vector<T>& values, std::span<const double> shares,
                  std::vector<double>& out) {
    std::vector<std::size_t> ranks;
    for (const double share : shares) {
        const auto below = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
        ranks.push_back(below);
        ranks.push_back(std::min(below + 1, values.size() - 1));
    }
    std::sort(ranks.begin(), ranks.end());
    ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
    std::vector<T> found;
    ranked(values, ranks, found);
    const auto at = [&](std::size_t rank) {
        const auto place = std::lower_bound(ranks.begin(), ranks.end(), rank) - ranks.begin();
        return static_cast<double>(found[static_cast<std::size_t>(place)]);
    };
    out.clear();
    for (const double share : shares) {
        const double place = share * static_cast<double>(values.size() - 1);
        const auto below = static_cast<std::size_t>(place);
        const double low = at(below), high = at(std::min(below + 1, values.size() - 1));
        out.push_back(low + (high - low) * (place - static_cast<double>(below)));
    }
}

#define STROMA_MOMENTS(T)                                                                       \
    template struct Moments<T>;                                                                 \
    template Moments<T> moments_of(const Pixels<T>&, std::span<const PixelRun>, WantedMoments); \
    template void quantiles_of(std::vector<T>&, std::span<const double>, std::vector<double>&);

STROMA_MOMENTS(std::uint8_t)
STROMA_MOMENTS(std::int8_t)
STROMA_MOMENTS(std::uint16_t)
STROMA_MOMENTS(std::int16_t)
STROMA_MOMENTS(std::uint32_t)
STROMA_MOMENTS(std::int32_t)
STROMA_MOMENTS(float)

}  // namespace stroma::tissue
