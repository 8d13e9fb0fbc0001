#include "tissue/measure/moments.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "tissue/measure/object_runs.h"
#include "tissue/measure/run_sums.h"

// Built with -O3 (see CMakeLists.txt). Whole numbers only are added in wide registers.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define STROMA_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define STROMA_WIDE
#endif

namespace stroma::tissue {
namespace {

/// Values at a time whose sum fits into 32 bits.
constexpr std::size_t short_run = 65'536;

template <class T>
std::uint64_t plain_sum(std::span<const T> values) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < values.size(); i += short_run) {
        const std::size_t end = std::min(values.size(), i + short_run);
        std::uint32_t part = 0;
        for (std::size_t at = i; at < end; ++at) part += values[at];
        sum += part;
    }
    return sum;
}

template <class T>
std::uint64_t plain_squares(std::span<const T> values) {
    std::uint64_t sum = 0;
    for (const T value : values) sum += std::uint64_t{value * std::uint32_t{value}};
    return sum;
}

template <class T>
struct Range {
    T least, most;
};

template <class T>
Range<T> plain_range(std::span<const T> values) {
    T least = values[0], most = values[0];
    for (const T value : values) {
        least = std::min(least, value);
        most = std::max(most, value);
    }
    return {least, most};
}

#define STROMA_WIDE_SUMS(T)                                                                     \
    STROMA_WIDE std::uint64_t wide_sum(std::span<const T> values) { return plain_sum(values); } \
    STROMA_WIDE std::uint64_t wide_squares(std::span<const T> values) {                         \
        return plain_squares(values);                                                           \
    }                                                                                           \
    STROMA_WIDE Range<T> range_of(std::span<const T> values) { return plain_range(values); }

STROMA_WIDE_SUMS(std::uint16_t)
STROMA_WIDE_SUMS(std::uint8_t)
#undef STROMA_WIDE_SUMS

template <class T>
Range<T> range_of(std::span<const T> values) {
    return plain_range(values);
}

/// Fewer values are sorted at once; of more it is counted how many each value has.
constexpr std::size_t halved_min = 24, halved_max = 65'535;

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
std::span<const T> gather(const Pixels<T>& pixels, std::span<const PixelRun> runs,
                          std::vector<T>& room) {
    constexpr auto lane = static_cast<std::int64_t>(gather_slack / sizeof(T));
    const std::uint64_t count = pixel_count(runs);
    if (room.size() < count + lane) room.resize(count + lane);
    T* to = room.data();
    for (const PixelRun& run : runs) {
        // Whole registers: what is too much is written over by the next run.
        const T* const from = pixels.at(run);
        const std::int64_t length = run.x1 - run.x0;
        for (std::int64_t i = 0; i < length; i += lane) std::memcpy(to + i, from + i, gather_slack);
        to += length;
    }
    return std::span(room).first(count);
}

template <class T>
Moments<T> moments_of(std::span<const T> values, WantedMoments wanted) {
    Moments<T> made;
    made.count = values.size();
    if constexpr (is_counted<T>) {
        made.sum = static_cast<std::int64_t>(wide_sum(values));
        // 2^32 squares of 16 bits fit into 64: objects have at most 2^28 pixels.
        if (wanted.squares) made.squares = wide_squares(values);
    } else {
        using Sum = typename Moments<T>::Sum;
        using Square = typename Moments<T>::Square;
        for (const T each : values) {
            const auto value = static_cast<Sum>(each);
            made.sum += value;
            made.squares += static_cast<Square>(value) * static_cast<Square>(value);
        }
    }
    if (wanted.extremes && !values.empty()) {
        const Range<T> range = range_of(values);
        made.least = range.least;
        made.most = range.most;
    }
    return made;
}

/// Counts in 256 bins of the range first; then only what lies in bins that hold a rank is sorted.
template <class T>
void QuantileFinder<T>::find_by_counts(std::span<const T> values) requires(is_counted<T>) {
    const Range<T> range = range_of(values);
    const std::uint32_t low = range.least;
    int shift = 0;
    while ((std::uint32_t{range.most} - low) >> shift > 255) ++shift;
    std::array<std::uint32_t, 256> counts{};
    for (const T value : values) ++counts[(value - low) >> shift];
    // Where in `sorted_` the values of each bin with a rank go; slot 0 says that nobody asks.
    std::array<std::uint16_t, 256> slot_of_bin{};
    slots_.assign(1, {});
    std::size_t before = 0, rank = 0, room = 0;
    for (std::uint32_t bin = 0; bin < 256 && rank < ranks_.size(); ++bin) {
        const std::size_t end = before + counts[bin];
        if (ranks_[rank] < end) {
            slot_of_bin[bin] = static_cast<std::uint16_t>(slots_.size());
            slots_.push_back({before, room, room, bin});
            room += counts[bin];
            while (rank < ranks_.size() && ranks_[rank] < end) ++rank;
        }
        before = end;
    }
    if (shift > 0) {
        if (sorted_.size() < room) sorted_.resize(room);
        for (const T value : values) {
            // Few lie in such a bin, which the processor soon expects.
            if (const std::uint16_t slot = slot_of_bin[(value - low) >> shift]; slot != 0)
                sorted_[slots_[slot].end++] = value;
        }
        for (std::size_t slot = 1; slot < slots_.size(); ++slot)
            std::sort(sorted_.begin() + static_cast<std::ptrdiff_t>(slots_[slot].begin),
                      sorted_.begin() + static_cast<std::ptrdiff_t>(slots_[slot].end));
    }
    std::size_t slot = 1;
    for (const std::size_t place : ranks_) {
        while (slot + 1 < slots_.size() && slots_[slot + 1].before <= place) ++slot;
        found_.push_back(shift > 0 ? sorted_[slots_[slot].begin + place - slots_[slot].before]
                                   : static_cast<T>(low + slots_[slot].bin));
    }
}

/// Halves the range in which a rank's value lies by counting what is below: a pass over as many
/// values as an object has takes less than one of them in a table.
template <class T>
void QuantileFinder<T>::find_by_halves(std::span<const T> values) requires(is_counted<T>) {
    const Range<T> range = range_of(values);
    std::uint32_t low = range.least;
    std::size_t up_to_low = 0;  // how many are at most `low`, once it was found to be a rank's
    for (const std::size_t rank : ranks_) {
        if (rank >= up_to_low) {
            // The least value of which more than `rank` values aren't above it.
            std::uint32_t high = range.most;
            std::size_t up_to_high = values.size();
            if (up_to_low > 0) ++low;
            while (low < high) {
                const std::uint32_t middle = (low + high) / 2;
                const std::size_t count = count_up_to(values, static_cast<T>(middle));
                if (count > rank) {
                    high = middle;
                    up_to_high = count;
                } else {
                    low = middle + 1;
                }
            }
            up_to_low = up_to_high;
        }
        found_.push_back(static_cast<T>(low));
    }
}

template <class T>
void QuantileFinder<T>::find_ranked(std::span<const T> values) {
    if constexpr (is_counted<T>) {
        if (values.size() > halved_max) return find_by_counts(values);
        if (values.size() >= halved_min) return find_by_halves(values);
    }
    sorted_.assign(values.begin(), values.end());
    auto from = sorted_.begin();
    for (const std::size_t rank : ranks_) {
        const auto at = sorted_.begin() + static_cast<std::ptrdiff_t>(rank);
        if (at >= from) {
            std::nth_element(from, at, sorted_.end());
            from = at + 1;
        }
        found_.push_back(*at);
    }
}

template <class T>
std::span<const double> QuantileFinder<T>::of(std::span<const T> values,
                                              std::span<const double> shares) {
    ranks_.clear();
    found_.clear();
    quantiles_.clear();
    const auto last = static_cast<double>(values.size() - 1);
    for (const double share : shares) {
        const auto below = static_cast<std::size_t>(share * last);
        ranks_.push_back(below);
        ranks_.push_back(std::min(below + 1, values.size() - 1));
    }
    std::sort(ranks_.begin(), ranks_.end());
    ranks_.erase(std::unique(ranks_.begin(), ranks_.end()), ranks_.end());
    find_ranked(values);
    const auto at = [&](std::size_t rank) {
        const auto place = std::lower_bound(ranks_.begin(), ranks_.end(), rank) - ranks_.begin();
        return static_cast<double>(found_[static_cast<std::size_t>(place)]);
    };
    for (const double share : shares) {
        const double place = share * last;
        const auto below = static_cast<std::size_t>(place);
        const double low = at(below), high = at(std::min(below + 1, values.size() - 1));
        quantiles_.push_back(low + (high - low) * (place - static_cast<double>(below)));
    }
    return quantiles_;
}

#define STROMA_MOMENTS(T)                                                           \
    template struct Moments<T>;                                                     \
    template std::span<const T> gather(const Pixels<T>&, std::span<const PixelRun>, \
                                       std::vector<T>&);                            \
    template Moments<T> moments_of(std::span<const T>, WantedMoments);              \
    template std::span<const double> QuantileFinder<T>::of(std::span<const T>,      \
                                                           std::span<const double>);

STROMA_MOMENTS(std::uint8_t)
STROMA_MOMENTS(std::int8_t)
STROMA_MOMENTS(std::uint16_t)
STROMA_MOMENTS(std::int16_t)
STROMA_MOMENTS(std::uint32_t)
STROMA_MOMENTS(std::int32_t)
STROMA_MOMENTS(float)

}  // namespace stroma::tissue
