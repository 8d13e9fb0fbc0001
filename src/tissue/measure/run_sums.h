#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "tissue/measure/moments.h"
#include "tissue/measure/object_runs.h"

namespace stroma::tissue {

/// The moments of the values under the runs, as moments_of(gather(…)) has them: whole numbers of 16
/// bits are added where they lie, if the processor has AVX-512; others through `room`.
template <class T>
Moments<T> moments_under(const Pixels<T>& pixels, std::span<const PixelRun> runs,
                         WantedMoments wanted, std::vector<T>& room);

/// Sum of the values of each of a window's objects, added row by row as the pixels lie: of a
/// picture that doesn't fit into the processor's cache this is faster than object by object.
class RowSums {
public:
    /// In the objects' order; exact. Valid until the next call.
    std::span<const std::uint64_t> of(const Pixels<std::uint16_t>& pixels,
                                      const ObjectRuns& objects);

private:
    struct alignas(64) Lanes {
        std::array<std::uint32_t, 16> sums;
    };
    void add_512(const Pixels<std::uint16_t>& pixels, const ObjectRuns& objects);

    std::vector<Lanes> lanes_;
    std::vector<std::uint64_t> sums_;
};

/// How many of the values are at most `limit`. Of fewer than 2^16 values.
std::uint32_t count_up_to(std::span<const std::uint16_t> values, std::uint16_t limit);
std::uint32_t count_up_to(std::span<const std::uint8_t> values, std::uint8_t limit);

/// The columns at which a row's label differs from the one before it, rising, into `places`.
/// shape  `row` has `width` labels; `places` room for width numbers; how many were found
std::size_t find_changes(const std::uint32_t* row, std::int64_t width, std::int32_t* places);

}  // namespace stroma::tissue
