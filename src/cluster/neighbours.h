#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cluster/steps.h"

namespace stroma::cluster {

/// Points one behind the other, row-major.
struct Points {
    std::uint32_t dims = 0;
    std::span<const float> values;
    std::size_t count() const { return values.size() / dims; }
    const float* at(std::size_t point) const { return values.data() + point * dims; }
};

/// The nearest of each point, without itself: row-major, `count` for each, nearest first, of equal
/// ones the smaller number first.
struct Neighbours {
    std::uint32_t count = 0;
    std::vector<std::uint32_t> points;
    std::vector<float> distances;  ///< Euclidean
};

/// Above so many points the nearest are looked for instead of compared one by one.
constexpr std::size_t exact_points_max = 8192;

/// Every pair is compared. errors  invalid_input  not more points than `count`; cancelled
Result<Neighbours> exact_neighbours(const Points& points, std::uint32_t count, const Steps& steps);

/// Nearly all of the nearest: random trees give a beginning, then the neighbours of neighbours are
/// tried until few change. The same for a seed on any number of threads.
/// Sources: Dong, Charikar, Li 2011 (NN-descent); Dasgupta, Freund 2008 (random projection trees).
Result<Neighbours> near_neighbours(const Points& points, std::uint32_t count, std::uint64_t seed,
                                   const Steps& steps);

/// One of the two, by the number of points.
Result<Neighbours> find_neighbours(const Points& points, std::uint32_t count, std::uint64_t seed,
                                   const Steps& steps);

}  // namespace stroma::cluster
