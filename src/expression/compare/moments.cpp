#include "expression/compare/moments.h"

#include <cmath>

#include "expression/compare/tail_probability.h"

namespace stroma::expression {

Moments moments_of(const FixedSums& sums, std::uint64_t cells, const FixedPoint& fixed) {
    Moments out;
    const std::uint64_t n = cells - sums.nonfinite;
    out.n = static_cast<double>(n);
    out.nonzeros = static_cast<double>(sums.nonzeros - sums.nonfinite);
    if (n == 0) {
        out.mean = out.variance = NAN;
        return out;
    }
    // 64 bits of mantissa leave enough of the difference of two large numbers.
    const auto count = static_cast<long double>(n);
    const auto sum = std::ldexp(static_cast<long double>(sums.sum), -fixed.sum_shift);
    const auto squares = std::ldexp(static_cast<long double>(sums.squares), -fixed.square_shift);
    out.mean = static_cast<double>(sum / count);
    if (n < 2) {
        out.variance = NAN;
        return out;
    }
    const long double around_mean = squares - sum * (sum / count);
    const long double last_place = fixed.is_whole() ? 0 : std::ldexp(count, -fixed.square_shift);
    const bool tells = around_mean > squares * 0x1p-60L + last_place;
    out.variance = tells ? static_cast<double>(around_mean / (count - 1)) : 0;
    return out;
}

WelchResult welch_t_test(const Moments& a, const Moments& b) {
    if (!(a.n >= 2 && b.n >= 2)) return {NAN, NAN, NAN};
    const double va = a.variance / a.n, vb = b.variance / b.n;
    const double difference = a.mean - b.mean, together = va + vb;
    if (together == 0) {
        if (difference == 0) return {NAN, NAN, NAN};
        return {std::copysign(INFINITY, difference), 1, 0};
    }
    const double t = difference / std::sqrt(together);
    // Shares instead of squares of variances, which could underflow.
    const double share_a = va / together, share_b = vb / together;
    const double degrees = 1 / (share_a * share_a / (a.n - 1) + share_b * share_b / (b.n - 1));
    return {t, degrees, student_t_two_sided(t, degrees)};
}

}  // namespace stroma::expression
