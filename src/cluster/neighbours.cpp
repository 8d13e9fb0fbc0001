#include "cluster/neighbours.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>

#include "base/threads.h"
#include "cluster/random.h"

namespace stroma::cluster {
namespace {

constexpr std::string_view step_name = "nearest neighbours";
constexpr std::size_t points_at_once = 512;
constexpr std::size_t trees = 6, leaf_points = 40;
constexpr int rounds_max = 12;
constexpr double few_changes = 0.0005;

float squared_distance(const float* a, const float* b, std::uint32_t dims) {
    float sums[8] = {};
    std::uint32_t i = 0;
    for (; i + 8 <= dims; i += 8)
        for (std::uint32_t lane = 0; lane < 8; ++lane) {
            const float difference = a[i + lane] - b[i + lane];
            sums[lane] += difference * difference;
        }
    float sum =
        ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
    for (; i < dims; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

struct Near {
    float distance = 0;
    std::uint32_t point = 0;
    bool is_new = true;
    friend bool operator<(const Near& a, const Near& b) {
        return a.distance != b.distance ? a.distance < b.distance : a.point < b.point;
    }
};

/// The nearest of one point so far, nearest first.
class NearList {
public:
    explicit NearList(std::uint32_t count) : count_(count) {}
    bool add(const Near& near) {
        if (list_.size() == count_ && !(near < list_.back())) return false;
        const auto place = std::lower_bound(list_.begin(), list_.end(), near);
        if (place != list_.end() && place->point == near.point) return false;
        // The same point has the same distance, so it could only lie there.
        list_.insert(place, near);
        if (list_.size() > count_) list_.pop_back();
        return true;
    }
    std::vector<Near>& list() { return list_; }
    const std::vector<Near>& list() const { return list_; }

private:
    std::uint32_t count_;
    std::vector<Near> list_;
};

Result<void> check_neighbours(const Points& points, std::uint32_t count) {
    if (count > 0 && points.count() > count) return {};
    return fail(ErrorCode::invalid_input,
                fmt::format("{} cells have no {} neighbours each", points.count(), count));
}

Result<void> for_points(std::size_t count, const Steps& steps,
                        const std::function<void(std::size_t)>& use) {
    const std::size_t pieces = (count + points_at_once - 1) / points_at_once;
    return parallel_for(pieces, [&](std::size_t piece) -> Result<void> {
        if (steps.cancelled && steps.cancelled())
            return fail(ErrorCode::cancelled, "it was cancelled");
        const std::size_t end = std::min(count, (piece + 1) * points_at_once);
        for (std::size_t point = piece * points_at_once; point < end; ++point) use(point);
        return {};
    });
}

Neighbours neighbours_of(const std::vector<NearList>& lists, std::uint32_t count) {
    Neighbours made{count, {}, {}};
    made.points.reserve(lists.size() * count);
    made.distances.reserve(lists.size() * count);
    for (const NearList& one : lists)
        for (const Near& near : one.list()) {
            made.points.push_back(near.point);
            made.distances.push_back(std::sqrt(near.distance));
        }
    return made;
}

/// The points of a tree's leaves, one leaf behind the other.
struct Leaves {
    std::vector<std::uint32_t> points;
    std::vector<std::uint32_t> first, end;  ///< of the leaf of each point
};

/// Splits [first, end) halfway between two of its points, again and again.
void split(const Points& points, std::size_t first, std::size_t end, int depth, Random& random,
           Leaves& leaves) {
    const std::size_t count = end - first;
    if (count <= leaf_points || depth > 60) {
        for (std::size_t i = first; i < end; ++i) {
            leaves.first[leaves.points[i]] = static_cast<std::uint32_t>(first);
            leaves.end[leaves.points[i]] =
                static_cast<std::uint32_t>(std::min(end, first + 4 * leaf_points));
        }
        return;
    }
    const auto pick = [&] {
        return points.at(leaves.points[first + random.below(static_cast<std::uint32_t>(count))]);
    };
    const float *a = pick(), *b = pick();
    const auto begin = leaves.points.begin() + static_cast<std::ptrdiff_t>(first);
    const auto stop = leaves.points.begin() + static_cast<std::ptrdiff_t>(end);
    auto middle = std::stable_partition(begin, stop, [&](std::uint32_t point) {
        return squared_distance(points.at(point), a, points.dims) <
               squared_distance(points.at(point), b, points.dims);
    });
    if (middle == begin || middle == stop) middle = begin + static_cast<std::ptrdiff_t>(count / 2);
    const auto half = static_cast<std::size_t>(middle - leaves.points.begin());
    split(points, first, half, depth + 1, random, leaves);
    split(points, half, end, depth + 1, random, leaves);
}

Leaves leaves_of(const Points& points, std::uint64_t seed, std::size_t tree) {
    Leaves leaves;
    leaves.points.resize(points.count());
    std::iota(leaves.points.begin(), leaves.points.end(), 0);
    leaves.first.resize(points.count());
    leaves.end.resize(points.count());
    Random random(seed, tree);
    split(points, 0, points.count(), 0, random, leaves);
    return leaves;
}

Result<std::vector<NearList>> first_lists(const Points& points, std::uint32_t count,
                                          std::uint64_t seed, const Steps& steps) {
    std::vector<Leaves> forest(trees);
    TRY(parallel_for(trees, [&](std::size_t tree) -> Result<void> {
        forest[tree] = leaves_of(points, seed, tree);
        return {};
    }));
    std::vector<NearList> lists(points.count(), NearList(count));
    TRY(for_points(points.count(), steps, [&](std::size_t point) {
        const auto number = static_cast<std::uint32_t>(point);
        const auto consider = [&](std::uint32_t other) {
            if (other == number) return;
            lists[point].add(
                {squared_distance(points.at(point), points.at(other), points.dims), other});
        };
        for (const Leaves& leaves : forest)
            for (std::uint32_t i = leaves.first[point]; i < leaves.end[point]; ++i)
                consider(leaves.points[i]);
        Random random(seed + trees, point);
        // Points that lie on each other may share too small a leaf.
        while (lists[point].list().size() < count)
            consider(random.below(static_cast<std::uint32_t>(points.count())));
    }));
    return lists;
}

/// Both ways: who is near to a point, and whom it is near to (at most `count` of these).
std::vector<std::vector<Near>> both_ways(const std::vector<NearList>& lists, std::uint32_t count) {
    std::vector<std::vector<Near>> around(lists.size());
    for (std::size_t point = 0; point < lists.size(); ++point) around[point] = lists[point].list();
    std::vector<std::uint32_t> taken(lists.size(), 0);
    for (std::size_t point = 0; point < lists.size(); ++point)
        for (const Near& near : lists[point].list())
            if (taken[near.point] < count) {
                ++taken[near.point];
                around[near.point].push_back(
                    {near.distance, static_cast<std::uint32_t>(point), near.is_new});
            }
    return around;
}

}  // namespace

Result<Neighbours> exact_neighbours(const Points& points, std::uint32_t count, const Steps& steps) {
    TRY(check_neighbours(points, count));
    TRY(steps.at(step_name, 0, 1));
    std::vector<NearList> lists(points.count(), NearList(count));
    TRY(for_points(points.count(), steps, [&](std::size_t point) {
        for (std::uint32_t other = 0; other < points.count(); ++other)
            if (other != point)
                lists[point].add(
                    {squared_distance(points.at(point), points.at(other), points.dims), other});
    }));
    return neighbours_of(lists, count);
}

Result<Neighbours> near_neighbours(const Points& points, std::uint32_t count, std::uint64_t seed,
                                   const Steps& steps) {
    TRY(check_neighbours(points, count));
    TRY(steps.at(step_name, 0, rounds_max + 1));
    std::vector<NearList> lists = TRY(first_lists(points, count, seed, steps));
    for (int round = 0; round < rounds_max; ++round) {
        TRY(steps.at(step_name, round + 1, rounds_max + 1));
        const auto around = both_ways(lists, count);
        for (NearList& one : lists)
            for (Near& near : one.list()) near.is_new = false;
        std::atomic<std::uint64_t> changes = 0;
        // Each point looks at the lists as they were: the answer doesn't depend on who goes first.
        TRY(for_points(points.count(), steps, [&](std::size_t point) {
            std::uint64_t changed = 0;
            for (const Near& via : around[point])
                for (const Near& near : around[via.point])
                    if (near.point != point && (via.is_new || near.is_new))
                        changed += lists[point].add(
                            {squared_distance(points.at(point), points.at(near.point), points.dims),
                             near.point, true});
            changes += changed;
        }));
        if (static_cast<double>(changes) <
            few_changes * static_cast<double>(points.count()) * count)
            break;
    }
    return neighbours_of(lists, count);
}

Result<Neighbours> find_neighbours(const Points& points, std::uint32_t count, std::uint64_t seed,
                                   const Steps& steps) {
    return points.count() <= exact_points_max ? exact_neighbours(points, count, steps)
                                              : near_neighbours(points, count, seed, steps);
}

}  // namespace stroma::cluster
