#include "cluster/cell_graph.h"

#include <algorithm>
#include <cmath>

namespace stroma::cluster {
namespace {

constexpr int search_rounds = 64;
constexpr double close_enough = 1e-5;

/// The unit of distance that gives the weights of a cell the sum `target`.
double unit_of(const float* distances, std::uint32_t count, double nearest, double target) {
    double low = 0, high = HUGE_VAL, unit = 1;
    for (int round = 0; round < search_rounds; ++round) {
        double sum = 0;
        for (std::uint32_t i = 0; i < count; ++i) {
            const double beyond = static_cast<double>(distances[i]) - nearest;
            sum += beyond > 0 ? std::exp(-beyond / unit) : 1;
        }
        if (std::abs(sum - target) < close_enough) break;
        if (sum > target)
            high = unit;
        else
            low = unit;
        unit = std::isinf(high) ? unit * 2 : (low + high) / 2;
    }
    return unit;
}

/// The weights of each cell's own neighbours.
std::vector<float> directed_weights(const Neighbours& neighbours) {
    const std::uint32_t count = neighbours.count;
    const double target = std::log2(static_cast<double>(count) + 1);
    double all = 0;
    for (const float distance : neighbours.distances) all += static_cast<double>(distance);
    const double mean =
        all / static_cast<double>(std::max<std::size_t>(neighbours.distances.size(), 1));
    std::vector<float> weights;
    weights.reserve(neighbours.distances.size());
    for (std::size_t first = 0; first < neighbours.distances.size(); first += count) {
        const float* distances = neighbours.distances.data() + first;
        double nearest = 0;
        for (std::uint32_t i = 0; i < count && nearest == 0; ++i)
            nearest = static_cast<double>(distances[i]);
        const double unit = std::max(unit_of(distances, count, nearest, target), 1e-3 * mean);
        for (std::uint32_t i = 0; i < count; ++i) {
            const double beyond = static_cast<double>(distances[i]) - nearest;
            weights.push_back(
                static_cast<float>(beyond > 0 && unit > 0 ? std::exp(-beyond / unit) : 1));
        }
    }
    return weights;
}

}  // namespace

CellGraph graph_of(const Neighbours& neighbours) {
    struct Edge {
        std::uint32_t node;
        float weight;
    };
    const std::vector<float> weights = directed_weights(neighbours);
    const std::size_t nodes = neighbours.points.size() / std::max(neighbours.count, 1u);
    std::vector<std::uint64_t> ends(nodes + 1, 0);
    for (std::size_t i = 0; i < neighbours.points.size(); ++i) {
        ++ends[i / neighbours.count + 1];
        ++ends[neighbours.points[i] + 1];
    }
    for (std::size_t i = 0; i < nodes; ++i) ends[i + 1] += ends[i];
    std::vector<Edge> edges(ends.back());
    std::vector<std::uint64_t> next(ends.begin(), ends.end() - 1);
    for (std::size_t i = 0; i < neighbours.points.size(); ++i) {
        const auto from = static_cast<std::uint32_t>(i / neighbours.count);
        const std::uint32_t to = neighbours.points[i];
        edges[next[from]++] = {to, weights[i]};
        edges[next[to]++] = {from, weights[i]};
    }
    CellGraph graph;
    graph.nodes.reserve(edges.size());
    graph.weights.reserve(edges.size());
    for (std::size_t node = 0; node < nodes; ++node) {
        const auto begin = edges.begin() + static_cast<std::ptrdiff_t>(ends[node]);
        const auto end = edges.begin() + static_cast<std::ptrdiff_t>(ends[node + 1]);
        std::sort(begin, end, [](const Edge& a, const Edge& b) {
            return a.node != b.node ? a.node < b.node : a.weight < b.weight;
        });
        for (auto edge = begin; edge != end; ++edge) {
            const bool is_second = edge != begin && (edge - 1)->node == edge->node;
            if (!is_second) {
                graph.nodes.push_back(edge->node);
                graph.weights.push_back(edge->weight);
            } else {
                float& weight = graph.weights.back();
                weight = weight + edge->weight - weight * edge->weight;
            }
        }
        graph.starts.push_back(graph.nodes.size());
    }
    return graph;
}

}  // namespace stroma::cluster
