#include "cluster/leiden.h"

#include <algorithm>
#include <cassert>
#include <deque>
#include <numeric>

#include "cluster/random.h"

namespace stroma::cluster {
namespace {

using Communities = std::vector<std::uint32_t>;
constexpr double least_gain = 1e-10;

/// A graph with what is asked of it again and again.
struct Level {
    CellGraph graph;
    std::vector<double> strengths;  ///< weight of all edges of a node, its own counted twice
    double total = 0;               ///< of all strengths

    explicit Level(CellGraph its_graph) : graph(std::move(its_graph)) {
        if (graph.loops.empty()) graph.loops.resize(graph.node_count());
        for (std::size_t node = 0; node < graph.node_count(); ++node) {
            double sum = 2 * graph.loops[node];
            for (std::uint64_t i = graph.starts[node]; i < graph.starts[node + 1]; ++i)
                sum += static_cast<double>(graph.weights[i]);
            strengths.push_back(sum);
            total += sum;
        }
    }
    std::uint32_t size() const { return static_cast<std::uint32_t>(graph.node_count()); }
};

/// The weight of a node towards each community around it.
class Around {
public:
    explicit Around(std::size_t communities) : weights_(communities, 0) {}
    template <class Takes>
    void gather(const Level& level, std::uint32_t node, const Communities& communities,
                const Takes& takes) {
        for (const std::uint32_t one : touched_) weights_[one] = 0;
        touched_.clear();
        const CellGraph& graph = level.graph;
        for (std::uint64_t i = graph.starts[node]; i < graph.starts[node + 1]; ++i) {
            const std::uint32_t other = graph.nodes[i];
            if (other == node || !takes(other)) continue;
            const std::uint32_t community = communities[other];
            if (weights_[community] == 0) touched_.push_back(community);
            weights_[community] += static_cast<double>(graph.weights[i]);
        }
    }
    double of(std::uint32_t community) const { return weights_[community]; }
    const std::vector<std::uint32_t>& touched() const { return touched_; }

private:
    std::vector<double> weights_;
    std::vector<std::uint32_t> touched_;
};

std::vector<std::uint32_t> shuffled(std::uint32_t count, Random& random) {
    std::vector<std::uint32_t> order(count);
    std::iota(order.begin(), order.end(), 0);
    for (std::uint32_t i = count; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    return order;
}

std::vector<double> strengths_of(const Level& level, const Communities& communities) {
    std::vector<double> sums(level.size());
    for (std::uint32_t node = 0; node < level.size(); ++node)
        sums[communities[node]] += level.strengths[node];
    return sums;
}

/// Moves nodes to the community of most gain until none gains; who has a moved neighbour outside
/// the new community is looked at again.
Result<void> move_nodes(const Level& level, double resolution, Random& random,
                        Communities& communities, const Steps& steps) {
    std::vector<double> sums = strengths_of(level, communities);
    std::vector<std::uint32_t> members(level.size()), empty;
    for (const std::uint32_t community : communities) ++members[community];
    for (std::uint32_t i = 0; i < level.size(); ++i)
        if (members[i] == 0) empty.push_back(i);
    const auto order = shuffled(level.size(), random);
    std::deque<std::uint32_t> queue(order.begin(), order.end());
    std::vector<bool> is_queued(level.size(), true);
    Around around(level.size());
    const double factor = resolution / level.total;
    for (std::uint64_t looked = 1; !queue.empty(); ++looked) {
        if (looked % 65536 == 0 && steps.cancelled && steps.cancelled())
            return fail(ErrorCode::cancelled, "it was cancelled");
        const std::uint32_t node = queue.front();
        queue.pop_front();
        is_queued[node] = false;
        const std::uint32_t own = communities[node];
        around.gather(level, node, communities, [](std::uint32_t) { return true; });
        const double strength = level.strengths[node];
        sums[own] -= strength;
        const auto gain = [&](std::uint32_t community) {
            return around.of(community) - factor * strength * sums[community];
        };
        std::uint32_t best = own;
        double most = gain(own);
        for (const std::uint32_t community : around.touched())
            if (gain(community) > most + least_gain) {
                most = gain(community);
                best = community;
            }
        if (most < -least_gain && members[own] > 1 && !empty.empty()) best = empty.back();
        sums[best] += strength;
        if (best == own) continue;
        if (!empty.empty() && best == empty.back()) empty.pop_back();
        ++members[best];
        if (--members[own] == 0) empty.push_back(own);
        communities[node] = best;
        const CellGraph& graph = level.graph;
        for (std::uint64_t i = graph.starts[node]; i < graph.starts[node + 1]; ++i) {
            const std::uint32_t other = graph.nodes[i];
            if (communities[other] == best || is_queued[other]) continue;
            is_queued[other] = true;
            queue.push_back(other);
        }
    }
    return {};
}

/// Builds each community anew from single nodes that hang together well.
Communities refined(const Level& level, double resolution, Random& random,
                    const Communities& communities) {
    Communities parts(level.size());
    std::iota(parts.begin(), parts.end(), 0);
    const std::vector<double> wholes = strengths_of(level, communities);
    std::vector<double> sums = level.strengths;  // of each part
    std::vector<double> outward(level.size());   // of each part to the rest of its community
    std::vector<std::uint32_t> members(level.size(), 1);
    const double factor = resolution / level.total;
    const CellGraph& graph = level.graph;
    for (std::uint32_t node = 0; node < level.size(); ++node)
        for (std::uint64_t i = graph.starts[node]; i < graph.starts[node + 1]; ++i)
            if (graph.nodes[i] != node && communities[graph.nodes[i]] == communities[node])
                outward[node] += static_cast<double>(graph.weights[i]);
    const auto is_well_connected = [&](std::uint32_t part, std::uint32_t community) {
        return outward[part] + least_gain >= factor * sums[part] * (wholes[community] - sums[part]);
    };
    Around around(level.size());
    for (const std::uint32_t node : shuffled(level.size(), random)) {
        const std::uint32_t community = communities[node], own = parts[node];
        if (members[own] != 1 || !is_well_connected(own, community)) continue;
        around.gather(level, node, parts,
                      [&](std::uint32_t other) { return communities[other] == community; });
        std::uint32_t best = own;
        double most = 0;
        for (const std::uint32_t part : around.touched()) {
            if (part == own || !is_well_connected(part, community)) continue;
            const double gain = around.of(part) - factor * level.strengths[node] * sums[part];
            if (gain > most + least_gain) {
                most = gain;
                best = part;
            }
        }
        if (best == own) continue;
        outward[best] += outward[own] - 2 * around.of(best);
        sums[best] += sums[own];
        sums[own] = outward[own] = 0;
        members[best] += 1;
        members[own] = 0;
        parts[node] = best;
    }
    return parts;
}

/// Numbers from 0 on without gaps, in the order of their first node.
std::uint32_t renumber(Communities& communities) {
    std::uint32_t largest = 0, count = 0;
    for (const std::uint32_t community : communities) largest = std::max(largest, community);
    std::vector<std::uint32_t> number(std::size_t{largest} + 1, UINT32_MAX);
    for (std::uint32_t& community : communities) {
        if (number[community] == UINT32_MAX) number[community] = count++;
        community = number[community];
    }
    return count;
}

/// Each part becomes one node.
Level joined(const Level& level, const Communities& parts, std::uint32_t count) {
    std::vector<std::vector<std::uint32_t>> members(count);
    for (std::uint32_t node = 0; node < level.size(); ++node) members[parts[node]].push_back(node);
    CellGraph graph;
    graph.loops.resize(count);
    std::vector<double> weights(count, 0);
    std::vector<std::uint32_t> touched;
    for (std::uint32_t part = 0; part < count; ++part) {
        double within = 0;
        for (const std::uint32_t node : members[part]) {
            graph.loops[part] += level.graph.loops[node];
            for (std::uint64_t i = level.graph.starts[node]; i < level.graph.starts[node + 1];
                 ++i) {
                const std::uint32_t other = parts[level.graph.nodes[i]];
                const auto weight = static_cast<double>(level.graph.weights[i]);
                if (other == part) {
                    within += weight;
                    continue;
                }
                if (weights[other] == 0) touched.push_back(other);
                weights[other] += weight;
            }
        }
        graph.loops[part] += within / 2;
        std::sort(touched.begin(), touched.end());
        for (const std::uint32_t other : touched) {
            graph.nodes.push_back(other);
            graph.weights.push_back(static_cast<float>(weights[other]));
            weights[other] = 0;
        }
        touched.clear();
        graph.starts.push_back(graph.nodes.size());
    }
    return Level(std::move(graph));
}

/// One round, from the given communities on.
Result<Communities> round_of(const Level& whole, double resolution, Random& random,
                             Communities communities, const Steps& steps) {
    std::optional<Level> held;
    const Level* level = &whole;
    Communities node_of(whole.size());  // where each node of the whole went
    std::iota(node_of.begin(), node_of.end(), 0);
    for (;;) {
        TRY(move_nodes(*level, resolution, random, communities, steps));
        Communities counted = communities;
        if (renumber(counted) == level->size()) break;
        Communities parts = refined(*level, resolution, random, communities);
        const std::uint32_t count = renumber(parts);
        if (count == level->size()) break;
        Communities next(count);
        for (std::uint32_t node = 0; node < level->size(); ++node)
            next[parts[node]] = communities[node];
        renumber(next);
        for (std::uint32_t& node : node_of) node = parts[node];
        Level smaller = joined(*level, parts, count);
        held.emplace(std::move(smaller));
        level = &*held;
        communities = std::move(next);
    }
    Communities found(whole.size());
    for (std::size_t i = 0; i < found.size(); ++i) found[i] = communities[node_of[i]];
    renumber(found);
    return found;
}

void order_by_size(Communities& communities) {
    const std::uint32_t count = renumber(communities);
    std::vector<std::uint32_t> sizes(count), order(count), place(count);
    for (const std::uint32_t community : communities) ++sizes[community];
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return sizes[a] > sizes[b]; });
    for (std::uint32_t i = 0; i < count; ++i) place[order[i]] = i;
    for (std::uint32_t& community : communities) community = place[community];
}

}  // namespace

Result<std::vector<std::uint32_t>> leiden(const CellGraph& graph, const LeidenOptions& options,
                                          const Steps& steps) {
    const Level whole(graph);
    Communities communities(whole.size());
    std::iota(communities.begin(), communities.end(), 0);
    if (!(whole.total > 0)) return communities;
    Random random(options.seed);
    double before = modularity(graph, communities, options.resolution);
    for (int round = 0; round < options.rounds_max; ++round) {
        TRY(steps.at("communities", round, options.rounds_max));
        Communities next = TRY(round_of(whole, options.resolution, random, communities, steps));
        const double now = modularity(graph, next, options.resolution);
        if (round > 0 && now <= before + 1e-9) break;
        before = now;
        communities = std::move(next);
    }
    order_by_size(communities);
    return communities;
}

double modularity(const CellGraph& graph, std::span<const std::uint32_t> communities,
                  double resolution) {
    const std::size_t nodes = graph.node_count();
    assert(communities.size() == nodes);
    std::uint32_t count = 0;
    for (const std::uint32_t community : communities) count = std::max(count, community + 1);
    std::vector<double> within(count), strength(count);
    double total = 0;
    for (std::size_t node = 0; node < nodes; ++node) {
        const double loop = graph.loops.empty() ? 0 : graph.loops[node];
        within[communities[node]] += 2 * loop;
        strength[communities[node]] += 2 * loop;
        total += 2 * loop;
        for (std::uint64_t i = graph.starts[node]; i < graph.starts[node + 1]; ++i) {
            const auto weight = static_cast<double>(graph.weights[i]);
            total += weight;
            strength[communities[node]] += weight;
            if (communities[graph.nodes[i]] == communities[node])
                within[communities[node]] += weight;
        }
    }
    double sum = 0;
    for (std::uint32_t i = 0; i < count && total > 0; ++i)
        sum += within[i] / total - resolution * (strength[i] / total) * (strength[i] / total);
    return sum;
}

}  // namespace stroma::cluster
