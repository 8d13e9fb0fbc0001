#pragma once

#include <cstdint>

#include "expression/fixed_sums.h"

namespace stroma::expression {

/// Mean and variance of one gene over a set of cells, implied zeros included and values that
/// aren't finite left out.
struct Moments {
    double n = 0;         ///< values: cells less those left out
    double nonzeros = 0;  ///< finite values that are stored (a stored 0 is one of them)
    double mean = 0;      ///< NaN when n is 0
    /// Divisor n - 1; NaN when n < 2. 0 where it is smaller than 2^-60 of the mean square or than
    /// the fixed point's last place can tell.
    double variance = 0;
};

Moments moments_of(const FixedSums& sums, std::uint64_t cells, const FixedPoint& fixed);

/// Welch's t-test (Biometrika 34 (1947), 28): t = (mean a - mean b) / √(va/na + vb/nb), p of both
/// sides. Without any variance t is infinite and p 0 when the means differ, else both are NaN.
struct WelchResult {
    double t = 0, degrees_of_freedom = 0, p = 0;
};
WelchResult welch_t_test(const Moments& a, const Moments& b);

}  // namespace stroma::expression
