#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace stroma::expression {

/// How many p are numbers: the tests that were made.
std::uint64_t tested_count(std::span<const double> p);
/// Benjamini and Hochberg (1995) over the tests that were made; NaN stays NaN.
std::vector<double> adjust_benjamini_hochberg(std::span<const double> p);
/// min(1, p · tests made); NaN stays NaN.
std::vector<double> adjust_bonferroni(std::span<const double> p);

}  // namespace stroma::expression
