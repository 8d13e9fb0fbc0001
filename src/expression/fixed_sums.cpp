#include "expression/fixed_sums.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>

namespace stroma::expression {
namespace {

// Squares are made of the rounded values, so that equal values have no variance but what rounding
// the square leaves. Files of before have coarser squares, made of the values themselves.
constexpr int square_difference = 30, coarse_square_difference = 62;

}  // namespace

FixedPoint FixedPoint::for_values(double largest, bool whole) {
    if ((whole && largest < 0x1p53) || largest == 0) return {};
    const int exponent = std::ilogb(largest) + 1;  // every value is below 2^exponent in size
    return {62 - exponent, 2 * (62 - exponent) - square_difference};
}

bool FixedPoint::is_known() const {
    const int less = 2 * sum_shift - square_shift;
    return is_whole() || less == square_difference || less == coarse_square_difference;
}

Int128 to_fixed(double value, int shift) {
    const double power = std::abs(shift) < 1023
                             ? std::bit_cast<double>(static_cast<std::uint64_t>(1023 + shift) << 52)
                             : std::ldexp(1.0, shift);
    return static_cast<Int128>(std::rint(value * power));
}

Int128 fixed_square(double value, const FixedPoint& fixed) {
    if (fixed.is_whole()) {
        const auto whole = static_cast<Int128>(value);
        return whole * whole;
    }
    const int less = 2 * fixed.sum_shift - fixed.square_shift;
    if (less == coarse_square_difference) {
        const double root = std::ldexp(value, fixed.square_shift / 2);
        return static_cast<Int128>(std::rint(root * root));
    }
    constexpr Int128 most = Int128{1} << 62;  // only damaged files hold more
    const Int128 rounded = std::clamp(to_fixed(value, fixed.sum_shift), -most, most);
    return (rounded * rounded + (Int128{1} << less >> 1)) >> less;
}

double from_fixed(Int128 value, int shift) {
    return std::ldexp(static_cast<double>(value), -shift);
}

void FixedSums::add(double value, const FixedPoint& fixed) {
    ++nonzeros;
    if (!std::isfinite(value)) {
        ++nonfinite;
        return;
    }
    sum += to_fixed(value, fixed.sum_shift);
    squares += fixed_square(value, fixed);
}

double FixedSums::sum_of(const FixedPoint& fixed) const {
    return nonfinite > 0 ? NAN : from_fixed(sum, fixed.sum_shift);
}
double FixedSums::squares_of(const FixedPoint& fixed) const {
    return nonfinite > 0 ? NAN : from_fixed(squares, fixed.square_shift);
}

ExactSums& ExactSums::operator-=(const ExactSums& part) {
    assert(fixed == part.fixed && genes.size() == part.genes.size() && cells >= part.cells);
    cells -= part.cells;
    for (std::size_t gene = 0; gene < genes.size(); ++gene) genes[gene] -= part.genes[gene];
    return *this;
}

}  // namespace stroma::expression
