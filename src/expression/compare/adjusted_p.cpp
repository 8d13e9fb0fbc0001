#include "expression/compare/adjusted_p.h"

#include <algorithm>
#include <cmath>

namespace stroma::expression {

std::uint64_t tested_count(std::span<const double> p) {
    return static_cast<std::uint64_t>(
        std::count_if(p.begin(), p.end(), [](double one) { return !std::isnan(one); }));
}

std::vector<double> adjust_benjamini_hochberg(std::span<const double> p) {
    std::vector<std::pair<double, std::uint32_t>> rising;
    for (std::uint32_t i = 0; i < p.size(); ++i)
        if (!std::isnan(p[i])) rising.emplace_back(p[i], i);
    std::sort(rising.begin(), rising.end());
    std::vector<double> adjusted(p.size(), NAN);
    const auto tests = static_cast<double>(rising.size());
    double smallest = 1;
    for (std::size_t rank = rising.size(); rank > 0; --rank) {
        const auto& [one, at] = rising[rank - 1];
        smallest = std::min(smallest, one * (tests / static_cast<double>(rank)));
        adjusted[at] = smallest;
    }
    return adjusted;
}

std::vector<double> adjust_bonferroni(std::span<const double> p) {
    const auto tests = static_cast<double>(tested_count(p));
    std::vector<double> adjusted;
    adjusted.reserve(p.size());
    for (const double one : p)
        adjusted.push_back(std::isnan(one) ? one : std::min(1.0, one * tests));
    return adjusted;
}

}  // namespace stroma::expression
