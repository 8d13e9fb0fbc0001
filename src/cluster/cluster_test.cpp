#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "cluster/layout.h"
#include "cluster/leiden.h"
#include "cluster/neighbours.h"
#include "cluster/principal_components.h"
#include "cluster/random.h"

namespace stroma::cluster {
namespace {

/// Points around `groups` centres in `dims` dimensions, one after the other of each group.
std::vector<float> planted(std::size_t points, std::uint32_t dims, std::uint32_t groups,
                           double apart) {
    Random random(7);
    std::vector<double> centres;
    for (std::uint32_t i = 0; i < groups * dims; ++i) centres.push_back(apart * random.normal());
    std::vector<float> values;
    for (std::size_t point = 0; point < points; ++point)
        for (std::uint32_t dim = 0; dim < dims; ++dim)
            values.push_back(
                static_cast<float>(centres[point % groups * dims + dim] + random.normal()));
    return values;
}

/// How well two partitions agree beyond chance. Source: Hubert and Arabie 1985.
double adjusted_rand(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, double> both;
    std::map<std::uint32_t, double> left, right;
    for (std::size_t i = 0; i < a.size(); ++i) {
        both[{a[i], b[i]}] += 1;
        left[a[i]] += 1;
        right[b[i]] += 1;
    }
    const auto pairs = [](const auto& counts) {
        double sum = 0;
        for (const auto& [key, count] : counts) sum += count * (count - 1) / 2;
        return sum;
    };
    const auto all = static_cast<double>(a.size()) * static_cast<double>(a.size() - 1) / 2;
    const double chance = pairs(left) * pairs(right) / all;
    return (pairs(both) - chance) / ((pairs(left) + pairs(right)) / 2 - chance);
}

CellGraph graph_of_edges(std::uint32_t nodes,
                         const std::vector<std::pair<std::uint32_t, std::uint32_t>>& edges) {
    std::vector<std::set<std::uint32_t>> ends(nodes);
    for (const auto& [a, b] : edges) {
        ends[a - 1].insert(b - 1);
        ends[b - 1].insert(a - 1);
    }
    CellGraph graph;
    for (const auto& of_node : ends) {
        graph.nodes.insert(graph.nodes.end(), of_node.begin(), of_node.end());
        graph.weights.resize(graph.nodes.size(), 1);
        graph.starts.push_back(graph.nodes.size());
    }
    return graph;
}

/// Zachary's karate club (1977): 34 members, 78 friendships.
CellGraph karate_club() {
    return graph_of_edges(
        34,
        {{2, 1},   {3, 1},   {3, 2},   {4, 1},   {4, 2},   {4, 3},   {5, 1},   {6, 1},   {7, 1},
         {7, 5},   {7, 6},   {8, 1},   {8, 2},   {8, 3},   {8, 4},   {9, 1},   {9, 3},   {10, 3},
         {11, 1},  {11, 5},  {11, 6},  {12, 1},  {13, 1},  {13, 4},  {14, 1},  {14, 2},  {14, 3},
         {14, 4},  {17, 6},  {17, 7},  {18, 1},  {18, 2},  {20, 1},  {20, 2},  {22, 1},  {22, 2},
         {26, 24}, {26, 25}, {28, 3},  {28, 24}, {28, 25}, {29, 3},  {30, 24}, {30, 27}, {31, 2},
         {31, 9},  {32, 1},  {32, 25}, {32, 26}, {32, 29}, {33, 3},  {33, 9},  {33, 15}, {33, 16},
         {33, 19}, {33, 21}, {33, 23}, {33, 24}, {33, 30}, {33, 31}, {33, 32}, {34, 9},  {34, 10},
         {34, 14}, {34, 15}, {34, 16}, {34, 19}, {34, 20}, {34, 21}, {34, 23}, {34, 24}, {34, 27},
         {34, 28}, {34, 29}, {34, 30}, {34, 31}, {34, 32}, {34, 33}});
}

TEST(Leiden, TheKarateClubFallsIntoItsBestKnownCommunities) {
    const CellGraph graph = karate_club();
    double best = 0;
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        const auto found = leiden(graph, {.seed = seed}, {});
        ASSERT_TRUE(found);
        best = std::max(best, modularity(graph, *found, 1));
    }
    // 0.4198 is the largest modularity there is (Brandes et al. 2008).
    EXPECT_NEAR(best, 0.4198, 1e-4);
}

TEST(Leiden, EveryCommunityHangsTogetherAndTheLargestComesFirst) {
    const std::vector<float> values = planted(600, 4, 12, 3);
    const auto graph = graph_of(*exact_neighbours({4, values}, 10, {}));
    const auto found = leiden(graph, {.resolution = 0.5}, {});
    ASSERT_TRUE(found);
    std::map<std::uint32_t, std::vector<std::uint32_t>> members;
    for (std::uint32_t node = 0; node < found->size(); ++node)
        members[(*found)[node]].push_back(node);
    std::size_t before = found->size();
    for (const auto& [community, nodes] : members) {
        EXPECT_LE(nodes.size(), before);
        before = nodes.size();
        std::set<std::uint32_t> reached{nodes[0]};
        std::vector<std::uint32_t> left{nodes[0]};
        while (!left.empty()) {
            const std::uint32_t node = left.back();
            left.pop_back();
            for (auto i = graph.starts[node]; i < graph.starts[node + 1]; ++i)
                if ((*found)[graph.nodes[i]] == community && reached.insert(graph.nodes[i]).second)
                    left.push_back(graph.nodes[i]);
        }
        EXPECT_EQ(reached.size(), nodes.size()) << "community " << community;
    }
}

TEST(Leiden, PlantedGroupsAreFoundAgain) {
    const std::uint32_t groups = 8;
    const std::vector<float> values = planted(4000, 10, groups, 4);
    const auto graph = graph_of(*exact_neighbours({10, values}, 15, {}));
    const auto found = leiden(graph, {}, {});
    ASSERT_TRUE(found);
    std::vector<std::uint32_t> truth;
    for (std::uint32_t i = 0; i < 4000; ++i) truth.push_back(i % groups);
    EXPECT_GT(adjusted_rand(*found, truth), 0.98);
}

TEST(Leiden, PlantedGroupsOfMorePointsThanAreComparedOneByOneAreFound) {
    const std::uint32_t groups = 12, points = exact_points_max + 2000;
    const std::vector<float> values = planted(points, 10, groups, 4);
    const auto near = find_neighbours({10, values}, 15, 1, {});
    ASSERT_TRUE(near);
    const auto graph = graph_of(*near);
    const auto found = leiden(graph, {}, {});
    ASSERT_TRUE(found);
    std::vector<std::uint32_t> truth;
    for (std::uint32_t i = 0; i < points; ++i) truth.push_back(i % groups);
    EXPECT_GT(adjusted_rand(*found, truth), 0.98);
    EXPECT_GE(modularity(graph, *found, 1), modularity(graph, truth, 1) - 1e-3);
}

TEST(Neighbours, WhatIsLookedForIsNearlyWhatComparingAllFinds) {
    const std::vector<float> values = planted(6000, 20, 15, 1);
    const Points points{20, values};
    const auto exact = exact_neighbours(points, 15, {});
    const auto near = near_neighbours(points, 15, 3, {});
    ASSERT_TRUE(exact && near);
    std::size_t same = 0;
    for (std::size_t point = 0; point < points.count(); ++point)
        for (std::size_t i = 0; i < 15; ++i) {
            const auto begin = exact->points.begin() + static_cast<std::ptrdiff_t>(point * 15);
            same += std::find(begin, begin + 15, near->points[point * 15 + i]) != begin + 15;
        }
    EXPECT_GT(static_cast<double>(same) / static_cast<double>(points.count() * 15), 0.95);
}

TEST(Neighbours, PointsThatLieOnEachOtherHaveTheirNumberOfNeighbours) {
    const std::vector<float> values(3 * 500, 1.0f);
    for (const auto& found :
         {exact_neighbours({3, values}, 10, {}), near_neighbours({3, values}, 10, 0, {})}) {
        ASSERT_TRUE(found);
        ASSERT_EQ(found->points.size(), 5000u);
        for (std::size_t i = 0; i < found->points.size(); ++i) ASSERT_NE(found->points[i], i / 10);
    }
}

/// A dense matrix as rows.
PreparedCells rows_of(const std::vector<std::vector<double>>& matrix) {
    SparseRows rows;
    rows.columns = static_cast<std::uint32_t>(matrix[0].size());
    for (const auto& line : matrix) {
        for (std::uint32_t i = 0; i < line.size(); ++i)
            if (line[i] != 0) {
                rows.places.push_back(i);
                rows.values.push_back(static_cast<float>(line[i]));
            }
        rows.starts.push_back(rows.places.size());
    }
    std::vector<std::uint32_t> genes(rows.columns);
    for (std::uint32_t i = 0; i < rows.columns; ++i) genes[i] = i;
    return prepared(std::move(rows), std::move(genes));
}

TEST(PrincipalComponents, TheyHaveTheVarianceThatWasPutIn) {
    // Three independent directions of known spread among 40 genes, and a little noise.
    Random random(1);
    std::vector<std::vector<double>> matrix;
    const double spreads[] = {9, 4, 2};
    for (int cell = 0; cell < 3000; ++cell) {
        std::vector<double> line(40);
        for (std::size_t i = 0; i < 3; ++i) {
            const double value = spreads[i] * random.normal();
            line[2 * i] = 5 + value * 0.6;
            line[2 * i + 1] = value * 0.8;
        }
        for (double& value : line) value += 0.1 * random.normal();
        matrix.push_back(std::move(line));
    }
    const auto found = principal_components(rows_of(matrix), 3, 5, {});
    ASSERT_TRUE(found) << found.error().message;
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_NEAR(std::sqrt(found->variances[i]), spreads[i], 0.05 * spreads[i]);
        EXPECT_NEAR(std::abs(found->loadings[2 * i * 3 + i]), 0.6, 0.01);
        EXPECT_NEAR(std::abs(found->loadings[(2 * i + 1) * 3 + i]), 0.8, 0.01);
        double mean = 0, squares = 0;
        for (std::size_t cell = 0; cell < 3000; ++cell) {
            const auto score = static_cast<double>(found->scores[cell * 3 + i]);
            mean += score / 3000;
            squares += score * score / 2999;
        }
        EXPECT_NEAR(mean, 0, 1e-3);
        EXPECT_NEAR(squares, found->variances[i], 1e-4 * squares);
    }
}

TEST(PrincipalComponents, TheyAreEigenvectorsOfTheCovarianceAtRightAngles) {
    // 500 cells of 80 genes whose spectrum falls slowly, most values 0: no direction is given away.
    Random random(3);
    std::vector<std::vector<double>> matrix(500, std::vector<double>(80));
    for (auto& line : matrix)
        for (std::size_t gene = 0; gene < line.size(); ++gene)
            if (random.normal() > 0.6)
                line[gene] = std::abs(random.normal()) * (1 + 6.0 / static_cast<double>(gene + 1));
    const std::uint32_t count = 12, genes = 80;
    const auto found = principal_components(rows_of(matrix), count, 5, {});
    ASSERT_TRUE(found) << found.error().message;
    std::vector<double> means(genes), covariance(genes * genes);
    for (const auto& line : matrix)
        for (std::size_t g = 0; g < genes; ++g)
            means[g] += static_cast<double>(static_cast<float>(line[g])) / 500;
    for (const auto& line : matrix)
        for (std::size_t g = 0; g < genes; ++g)
            for (std::size_t h = 0; h < genes; ++h)
                covariance[g * genes + h] += (line[g] - means[g]) * (line[h] - means[h]) / 499;
    const auto loading = [&](std::size_t gene, std::size_t component) {
        return static_cast<double>(found->loadings[gene * count + component]);
    };
    for (std::size_t i = 0; i < count; ++i) {
        double residual = 0;
        for (std::size_t g = 0; g < genes; ++g) {
            double image = 0;
            for (std::size_t h = 0; h < genes; ++h)
                image += covariance[g * genes + h] * loading(h, i);
            residual += std::pow(image - found->variances[i] * loading(g, i), 2);
        }
        EXPECT_LT(std::sqrt(residual), 1e-3 * found->variances[0]) << "component " << i;
        for (std::size_t j = 0; j <= i; ++j) {
            double angle = 0;
            for (std::size_t g = 0; g < genes; ++g) angle += loading(g, i) * loading(g, j);
            EXPECT_NEAR(angle, i == j ? 1 : 0, 1e-4) << i << " and " << j;
        }
    }
}

TEST(PrincipalComponents, TooFewCellsAreRefused) {
    EXPECT_FALSE(principal_components(rows_of({{1, 2}, {2, 1}}), 2, 0, {}));
}

TEST(Layout, GroupsLieApartAndASeedGivesTheSamePlaces) {
    const std::vector<float> values = planted(900, 6, 3, 8);
    const Points points{6, values};
    const auto graph = graph_of(*exact_neighbours(points, 15, {}));
    const auto places = lay_out(graph, points, {.seed = 4, .epochs = 100}, {});
    ASSERT_TRUE(places);
    EXPECT_EQ(*places, *lay_out(graph, points, {.seed = 4, .epochs = 100}, {}));
    // The nearest in the plane is of the same group.
    const auto near = exact_neighbours({2, *places}, 1, {});
    std::size_t same = 0;
    for (std::uint32_t i = 0; i < 900; ++i) same += near->points[i] % 3 == i % 3;
    EXPECT_GT(same, 890u);
}

TEST(Steps, CancellingEndsEveryStep) {
    const std::vector<float> values = planted(300, 4, 3, 4);
    const Steps stopped{{}, [] { return true; }};
    const Points points{4, values};
    const auto graph = graph_of(*exact_neighbours(points, 5, {}));
    EXPECT_EQ(exact_neighbours(points, 5, stopped).error().code, ErrorCode::cancelled);
    EXPECT_EQ(near_neighbours(points, 5, 0, stopped).error().code, ErrorCode::cancelled);
    EXPECT_EQ(leiden(graph, {}, stopped).error().code, ErrorCode::cancelled);
    EXPECT_EQ(lay_out(graph, points, {}, stopped).error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace stroma::cluster
