#pragma once

#include <cstdint>
#include <vector>

namespace stroma::expression {

__extension__ typedef __int128 Int128;

/// Sums are kept in whole multiples of 2^-sum_shift, so that adding is exact in any order.
struct FixedPoint {
    int sum_shift = 0, square_shift = 0;  ///< square_shift is even
    bool is_whole() const { return sum_shift == 0 && square_shift == 0; }
    bool is_known() const;  ///< one of the two relations of the shifts that files have
    bool operator==(const FixedPoint&) const = default;
    /// For values up to `largest` in size; whole numbers are kept as they are.
    static FixedPoint for_values(double largest, bool whole);
};

/// One gene's totals; values that aren't finite are counted instead of added.
struct FixedSums {
    Int128 sum = 0, squares = 0;
    std::uint64_t nonzeros = 0, nonfinite = 0;
    void add(double value, const FixedPoint& fixed);
    double sum_of(const FixedPoint& fixed) const;
    double squares_of(const FixedPoint& fixed) const;
    FixedSums& operator+=(const FixedSums& more) {
        sum += more.sum;
        squares += more.squares;
        nonzeros += more.nonzeros;
        nonfinite += more.nonfinite;
        return *this;
    }
    FixedSums& operator-=(const FixedSums& less) {
        sum -= less.sum;
        squares -= less.squares;
        nonzeros -= less.nonzeros;
        nonfinite -= less.nonfinite;
        return *this;
    }
    bool operator==(const FixedSums&) const = default;
};
Int128 to_fixed(double value, int shift);
Int128 fixed_square(double value, const FixedPoint& fixed);
double from_fixed(Int128 value, int shift);

/// Exact sums of some cells, one entry per gene of var: of the same matrix and scale they may be
/// added and subtracted, so that those of the rest are those of the whole less those of a part.
struct ExactSums {
    std::uint64_t cells = 0;
    FixedPoint fixed;
    std::vector<FixedSums> genes;
    ExactSums& operator-=(const ExactSums& part);
    bool operator==(const ExactSums&) const = default;
};

}  // namespace stroma::expression
