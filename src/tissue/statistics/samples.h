#pragma once

#include <cstdint>
#include <span>
#include <vector>

// What is said of several samples: intervals of shares, and tests between groups of them. A sample
// (an image, a patient) is one observation, however many cells it has.

namespace stroma::tissue {

struct Interval {
    double low = 0, high = 0;
};

/// Of a share that was seen as `count` of `total`, at 95 %. Source: Wilson 1927.
Interval wilson_interval(double count, double total);

/// Two-sided p of Mann, Whitney and Wilcoxon: exact for at most 8 samples in the smaller group
/// without ties, else by the normal distribution with ties and continuity reckoned in (what scipy's
/// mannwhitneyu does). NaN where a group is empty.
double rank_sum_p(std::span<const double> one, std::span<const double> other);
/// Two-sided p of the difference of means under exchanged groups: all exchanges where these are at
/// most 20,000, else 10,000 by chance, the same for a seed.
double exchange_p(std::span<const double> one, std::span<const double> other, std::uint64_t seed);
/// False discovery rates. NaN stays. Source: Benjamini, Hochberg 1995.
std::vector<double> adjusted_p(std::span<const double> p);

/// The share of the normal distribution that is farther from 0 than z, on both sides.
double normal_two_sided(double z);

}  // namespace stroma::tissue
