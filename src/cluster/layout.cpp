#include "cluster/layout.h"

#include <algorithm>
#include <cmath>

#include "base/threads.h"
#include "cluster/random.h"

namespace stroma::cluster {
namespace {

// 1 / (1 + a d^2b) fits 1 up to min_dist 0.5 and exp(0.5 - d) from there on.
constexpr float curve_a = 0.5830300f, curve_b = 1.3341670f;
constexpr float step_max = 4;
constexpr int strangers = 5;  // nodes met by chance for each neighbour that pulls
constexpr float start_side = 10;
constexpr std::size_t nodes_at_once = 1024;

/// The first two dimensions, in a square of side 10 around 0.
std::vector<float> first_places(const Points& start, std::uint64_t seed) {
    std::vector<float> places(start.count() * 2);
    float largest = 1e-6f;
    for (std::size_t i = 0; i < start.count(); ++i)
        for (std::uint32_t dim = 0; dim < 2; ++dim) {
            places[2 * i + dim] = dim < start.dims ? start.at(i)[dim] : 0.0f;
            largest = std::max(largest, std::abs(places[2 * i + dim]));
        }
    Random random(seed);  // so that equal cells come apart
    for (float& place : places)
        place = place * start_side / largest + 1e-3f * static_cast<float>(random.normal());
    return places;
}

float clipped(float step) { return std::clamp(step, -step_max, step_max); }

/// Moves one node for an epoch.
class NodeMover {
public:
    NodeMover(const CellGraph& graph, const std::vector<float>& before, float rate)
        : graph_(graph), before_(before), rate_(rate) {}

    void move(std::size_t node, Random random, float* place) const {
        place[0] = before_[2 * node];
        place[1] = before_[2 * node + 1];
        const auto count = static_cast<std::uint32_t>(graph_.node_count());
        for (std::uint64_t i = graph_.starts[node]; i < graph_.starts[node + 1]; ++i) {
            // An edge pulls as often as it is strong.
            if (random.share() >= static_cast<double>(graph_.weights[i])) continue;
            pull(place, before_.data() + 2 * std::size_t{graph_.nodes[i]});
            for (int k = 0; k < strangers; ++k) {
                const std::uint32_t other = random.below(count);
                if (other != node) push(place, before_.data() + 2 * std::size_t{other});
            }
        }
    }

private:
    void pull(float* place, const float* other) const {
        const float x = place[0] - other[0], y = place[1] - other[1];
        const float squared = x * x + y * y;
        if (!(squared > 0)) return;
        const float power = std::pow(squared, curve_b);
        const float force = -2 * curve_a * curve_b * power / (squared * (1 + curve_a * power));
        place[0] += rate_ * clipped(force * x);
        place[1] += rate_ * clipped(force * y);
    }
    void push(float* place, const float* other) const {
        const float x = place[0] - other[0], y = place[1] - other[1];
        const float squared = x * x + y * y;
        const float power = std::pow(squared, curve_b);
        const float force = 2 * curve_b / ((0.001f + squared) * (1 + curve_a * power));
        place[0] += rate_ * clipped(force * x);
        place[1] += rate_ * clipped(force * y);
    }

    const CellGraph& graph_;
    const std::vector<float>& before_;
    float rate_;
};

}  // namespace

Result<std::vector<float>> lay_out(const CellGraph& graph, const Points& start,
                                   const LayoutOptions& options, const Steps& steps) {
    const std::size_t nodes = graph.node_count();
    const int epochs = options.epochs > 0 ? options.epochs : nodes <= 10'000 ? 500 : 200;
    std::vector<float> places = first_places(start, options.seed), next(places.size());
    const std::size_t pieces = (nodes + nodes_at_once - 1) / nodes_at_once;
    for (int epoch = 0; epoch < epochs; ++epoch) {
        TRY(steps.at("laying out", epoch, epochs));
        const float rate = 1 - static_cast<float>(epoch) / static_cast<float>(epochs);
        const NodeMover mover(graph, places, rate);
        TRY(parallel_for(pieces, [&](std::size_t piece) -> Result<void> {
            const std::size_t end = std::min(nodes, (piece + 1) * nodes_at_once);
            for (std::size_t node = piece * nodes_at_once; node < end; ++node)
                mover.move(node, Random(options.seed + 1 + static_cast<std::uint64_t>(epoch), node),
                           next.data() + 2 * node);
            return {};
        }));
        places.swap(next);
    }
    return places;
}

}  // namespace stroma::cluster
