#include "expression/compare/compare.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "expression/compare/adjusted_p.h"
#include "expression/compare/rank_sum.h"
#include "expression/sealed_samples.h"

namespace stroma::expression {
namespace {

using namespace samples;

std::shared_ptr<const SealedMatrix> stored(const Shape& shape) {
    AnnotatedData data = dataset_of(random_matrix(shape, 7));
    const auto dataset = SealedDataset::open(reader_of(seal(data)));
    EXPECT_TRUE(dataset);
    return *(*dataset)->matrix("X");
}

std::vector<std::uint32_t> cells(std::uint32_t from, std::uint32_t to) {
    std::vector<std::uint32_t> out(to - from);
    std::iota(out.begin(), out.end(), from);
    return out;
}

TEST(Compare, TheRestIsTheWholeLessAPartToTheLastBitAtEveryScale) {
    for (const Values values : {Values::counts, Values::large_counts, Values::log_normalised})
        for (const Scale scale : {Scale::as_stored, Scale::log1p, Scale::log_cp10k}) {
            const auto x = stored({1500, 40, 0.3, ValueType::float32, values});
            const auto part = cells(0, 300), rest = cells(300, 1500);
            const std::span<const std::uint32_t> groups[] = {part, rest};
            const auto sums = x->exact_sums(groups, scale, {}).value();
            ExactSums by_difference = x->exact_totals(scale, {}).value();
            by_difference -= sums[0];
            EXPECT_EQ(by_difference, sums[1]);
        }
}

TEST(Compare, KeptTiesAndASmallerOrLargerFirstSetChangeNoRankTest) {
    for (const Values values : {Values::counts, Values::large_counts, Values::log_normalised})
        for (const Scale scale : {Scale::as_stored, Scale::log_cp10k}) {
            const auto x = stored({1500, 40, 0.3, ValueType::float32, values});
            const CompareOptions options{.test = expression::Test::rank_sum, .scale = scale};
            const auto few = cells(0, 300), rest = cells(300, 1500);
            EXPECT_EQ(x->kept_ties(scale), nullptr);
            const Comparison first = compare(*x, few, std::nullopt, options, {}).value();
            ASSERT_NE(x->kept_ties(scale), nullptr);
            const Comparison again = compare(*x, few, std::nullopt, options, {}).value();
            const Comparison turned = compare(*x, rest, few, options, {}).value();
            EXPECT_GT(first.tested, 30u);
            for (std::size_t gene = 0; gene < first.gene_count(); ++gene) {
                if (std::isnan(first.p[gene])) continue;
                EXPECT_EQ(first.p[gene], again.p[gene]);
                EXPECT_EQ(first.p[gene], turned.p[gene]);
                EXPECT_EQ(first.statistic[gene], -turned.statistic[gene]);
            }
        }
}

TEST(RankKeys, SharesThatFitAFloatRankAsTheyDoAsDoubles) {
    std::mt19937 engine(3);
    const auto below = [&](std::uint32_t limit) {
        return static_cast<std::uint32_t>(engine() % limit);
    };
    // The largest count times the largest total just fits; the totals lie close together.
    std::vector<std::uint32_t> counts, cells;
    std::vector<double> totals;
    std::vector<float> narrow_totals;
    for (std::uint32_t cell = 0; cell < 1200; ++cell) {
        totals.push_back(41'800 - below(140));
        narrow_totals.push_back(static_cast<float>(totals.back()));
        counts.push_back(200 - below(3));
        cells.push_back(cell);
    }
    ASSERT_LT(200 * 41'800, narrow_shares_below);
    std::vector<std::uint64_t> wide(counts.size());
    std::vector<std::uint32_t> narrow(counts.size());
    share_keys(counts.data(), cells.data(), counts.size(), totals.data(), wide.data());
    const KeyRange range =
        share_keys(counts.data(), cells.data(), counts.size(), narrow_totals.data(), narrow.data());
    for (std::size_t i = 0; i < counts.size(); ++i) {
        EXPECT_TRUE(range.lowest <= narrow[i] && narrow[i] <= range.highest);
        for (std::size_t k = 0; k < i; ++k) {
            ASSERT_EQ(narrow[i] < narrow[k], wide[i] < wide[k]) << i << ' ' << k;
            ASSERT_EQ(narrow[i] == narrow[k], wide[i] == wide[k]) << i << ' ' << k;
        }
    }
}

TEST(PairCounter, CountsAsComparingEachPairDoes) {
    std::mt19937 engine(4);
    const auto below = [&](std::uint32_t limit) {
        return static_cast<std::uint32_t>(engine() % limit);
    };
    // Close together, spread out, and nearly all in one bucket beside one far away.
    for (const std::uint32_t spread : {1u, 40u, 100'000u, 0u}) {
        std::vector<std::uint32_t> few, all;
        for (int i = 0; i < 900; ++i) {
            const std::uint32_t key = spread > 0 ? 7 + below(spread)
                                      : i == 0   ? ~0u - 1
                                                 : 5 + below(2000);
            all.push_back(key);
            if (i % 3 == 0) few.push_back(key);
        }
        Int128 expected = 0;
        for (const std::uint32_t key : all)
            for (const std::uint32_t other : few)
                expected += other > key ? 2 : other == key ? 1 : 0;
        PairCounter<std::uint32_t> counter;
        counter.set_smaller(few, range_of(all.data(), all.size()));
        EXPECT_TRUE(counter.twice_above(all) == expected) << spread;
    }
}

TEST(Compare, AStopIsHeededAndProgressIsTold) {
    const auto x = stored({3000, 30, 0.3});
    const auto a = cells(0, 500);
    double last = -1;
    Watch watch;
    watch.progress = [&](double done, double total, std::string_view) {
        EXPECT_LT(done, total);
        last = done;
    };
    EXPECT_TRUE(compare(*x, a, std::nullopt, {.test = expression::Test::rank_sum}, watch));
    EXPECT_GE(last, 0);
    watch.cancelled = [] { return true; };
    EXPECT_EQ(compare(*x, a, std::nullopt, {}, watch).error().code, ErrorCode::cancelled);
}

TEST(Compare, AdjustmentsCountOnlyTheTestsThatWereMade) {
    const std::vector<double> p{0.01, NAN, 0.04, 0.03, 0.5};
    EXPECT_EQ(tested_count(p), 4u);
    const auto fdr = adjust_benjamini_hochberg(p), family = adjust_bonferroni(p);
    EXPECT_DOUBLE_EQ(fdr[0], 0.04);
    EXPECT_TRUE(std::isnan(fdr[1]));
    EXPECT_DOUBLE_EQ(fdr[2], 0.16 / 3);
    EXPECT_DOUBLE_EQ(fdr[3], 0.16 / 3);
    EXPECT_DOUBLE_EQ(fdr[4], 0.5);
    EXPECT_DOUBLE_EQ(family[0], 0.04);
    EXPECT_TRUE(std::isnan(family[1]));
    EXPECT_DOUBLE_EQ(family[4], 1);
}

}  // namespace
}  // namespace stroma::expression
