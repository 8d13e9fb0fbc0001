#include "tissue/statistics/samples.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "cluster/random.h"

namespace stroma::tissue {
namespace {

constexpr double not_known = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t exact_samples_max = 8;
constexpr double exchanges_max = 20'000;
constexpr std::uint32_t drawn_exchanges = 10'000;

struct Ranks {
    double sum_of_one = 0;
    double tie_term = 0;  ///< sum of t³ - t
};

Ranks ranks_of(std::span<const double> one, std::span<const double> other) {
    std::vector<std::pair<double, bool>> all;
    for (const double value : one) all.emplace_back(value, true);
    for (const double value : other) all.emplace_back(value, false);
    std::sort(all.begin(), all.end());
    Ranks ranks;
    for (std::size_t i = 0; i < all.size();) {
        std::size_t end = i;
        while (end < all.size() && all[end].first == all[i].first) ++end;
        const double rank = static_cast<double>(i + 1 + end) / 2;
        for (std::size_t at = i; at < end; ++at)
            if (all[at].second) ranks.sum_of_one += rank;
        const auto ties = static_cast<double>(end - i);
        ranks.tie_term += ties * ties * ties - ties;
        i = end;
    }
    return ranks;
}

/// How many ways give each U for groups of m and n, in order of U.
std::vector<double> u_ways(std::size_t m, std::size_t n) {
    // ways[i][u] of choosing i of the n + m ranks; built rank by rank.
    std::vector<std::vector<double>> ways(m + 1, std::vector<double>(m * n + 1));
    ways[0][0] = 1;
    for (std::size_t rank = 0; rank < m + n; ++rank)
        for (std::size_t chosen = std::min(rank + 1, m); chosen > 0; --chosen) {
            // The chosen-th of the first group beats rank - (chosen - 1) of the other.
            const std::size_t beaten = rank - (chosen - 1);
            if (beaten > n) continue;
            for (std::size_t u = beaten; u <= m * n; ++u)
                ways[chosen][u] += ways[chosen - 1][u - beaten];
        }
    return ways[m];
}

double mean_of(std::span<const double> values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double choices(std::size_t n, std::size_t k) {
    double product = 1;
    for (std::size_t i = 1; i <= k && product <= 1e9; ++i)
        product = product * static_cast<double>(n - k + i) / static_cast<double>(i);
    return product;
}

}  // namespace

double normal_two_sided(double z) { return std::erfc(std::abs(z) / std::sqrt(2.0)); }

Interval wilson_interval(double count, double total) {
    if (!(total > 0)) return {not_known, not_known};
    constexpr double z = 1.959963984540054;
    const double share = count / total, square = z * z;
    const double middle = (share + square / (2 * total)) / (1 + square / total);
    const double half = z / (1 + square / total) *
                        std::sqrt(share * (1 - share) / total + square / (4 * total * total));
    return {std::max(middle - half, 0.0), std::min(middle + half, 1.0)};
}

double rank_sum_p(std::span<const double> one, std::span<const double> other) {
    if (one.empty() || other.empty()) return not_known;
    const auto m = static_cast<double>(one.size()), n = static_cast<double>(other.size());
    const Ranks ranks = ranks_of(one, other);
    const double u = ranks.sum_of_one - m * (m + 1) / 2;
    const double larger = std::max(u, m * n - u);
    if (ranks.tie_term == 0 && std::min(one.size(), other.size()) <= exact_samples_max) {
        const std::vector<double> ways = u_ways(one.size(), other.size());
        double all = 0, beyond = 0;
        for (std::size_t at = 0; at < ways.size(); ++at) {
            all += ways[at];
            if (static_cast<double>(at) >= larger) beyond += ways[at];
        }
        return std::min(2 * beyond / all, 1.0);
    }
    const double total = m + n;
    const double variance = m * n / 12 * (total + 1 - ranks.tie_term / (total * (total - 1)));
    if (!(variance > 0)) return 1;
    return std::min(
        normal_two_sided(std::max((larger - m * n / 2 - 0.5) / std::sqrt(variance), 0.0)), 1.0);
}

double exchange_p(std::span<const double> one, std::span<const double> other, std::uint64_t seed) {
    if (one.empty() || other.empty()) return not_known;
    std::vector<double> all(one.begin(), one.end());
    all.insert(all.end(), other.begin(), other.end());
    const double seen = std::abs(mean_of(one) - mean_of(other)) - 1e-12;
    const std::size_t count = all.size(), chosen = one.size();
    const auto difference = [&](const std::vector<bool>& is_one) {
        double sum_one = 0, sum_other = 0;
        for (std::size_t i = 0; i < count; ++i) (is_one[i] ? sum_one : sum_other) += all[i];
        return std::abs(sum_one / static_cast<double>(chosen) -
                        sum_other / static_cast<double>(count - chosen));
    };
    double as_far = 0, tried = 0;
    if (choices(count, chosen) <= exchanges_max) {
        std::vector<bool> is_one(count, false);
        std::fill_n(is_one.begin(), chosen, true);
        do {
            as_far += difference(is_one) >= seen ? 1 : 0;
            ++tried;
        } while (std::prev_permutation(is_one.begin(), is_one.end()));
        return as_far / tried;
    }
    for (std::uint32_t round = 0; round < drawn_exchanges; ++round) {
        cluster::Random random(seed, round);
        for (std::size_t i = count; i > 1; --i)
            std::swap(all[i - 1], all[random.below(static_cast<std::uint32_t>(i))]);
        std::vector<bool> is_one(count, false);
        std::fill_n(is_one.begin(), chosen, true);
        as_far += difference(is_one) >= seen ? 1 : 0;
    }
    return (as_far + 1) / (drawn_exchanges + 1.0);
}

std::vector<double> adjusted_p(std::span<const double> p) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < p.size(); ++i)
        if (!std::isnan(p[i])) order.push_back(i);
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return p[a] > p[b]; });
    std::vector<double> out(p.size(), not_known);
    double least = 1;
    for (std::size_t i = 0; i < order.size(); ++i) {
        const auto rank = static_cast<double>(order.size() - i);
        least = std::min(least, p[order[i]] * static_cast<double>(order.size()) / rank);
        out[order[i]] = least;
    }
    return out;
}

}  // namespace stroma::tissue
