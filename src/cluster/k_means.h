#pragma once

#include "cluster/neighbours.h"

namespace stroma::cluster {

struct KMeansOptions {
    std::uint32_t clusters = 10;
    std::uint32_t starts = 10;  ///< the best of so many beginnings
    std::uint32_t rounds_max = 300;
    std::uint64_t seed = 0;
};

struct KMeans {
    std::vector<std::uint32_t> clusters;  ///< of each point; 0 is the largest
    std::vector<float> centres;           ///< row-major
    double inertia = 0;                   ///< sum of squared distances to the own centre
};

/// Lloyd's rounds from beginnings by k-means++. The same for a seed on any number of threads.
/// errors  invalid_input  more clusters than different points, or none; cancelled
/// Source: Arthur, Vassilvitskii 2007.
Result<KMeans> k_means(const Points& points, const KMeansOptions& options, const Steps& steps);

/// How much two ways to group the same points agree beyond chance: 1 for the same groups.
/// Source: Hubert, Arabie 1985.
double adjusted_rand(std::span<const std::uint32_t> one, std::span<const std::uint32_t> other);

}  // namespace stroma::cluster
