#include "cluster/k_means.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <optional>

#include "base/threads.h"
#include "cluster/random.h"

namespace stroma::cluster {
namespace {

constexpr std::size_t points_a_chunk = 8192;

double squared(const float* a, const double* b, std::uint32_t dims) {
    double sum = 0;
    for (std::uint32_t d = 0; d < dims; ++d) {
        const double away = static_cast<double>(a[d]) - b[d];
        sum += away * away;
    }
    return sum;
}

/// One beginning and its rounds.
class Lloyd {
public:
    Lloyd(const Points& points, const KMeansOptions& options, std::uint64_t start)
        : points_(points),
          options_(options),
          random_(options.seed, start),
          dims_(points.dims),
          owner_(points.count()),
          nearest_(points.count(), std::numeric_limits<double>::max()) {}

    /// False: there aren't so many different points.
    bool begin();
    void settle();

    std::vector<std::uint32_t>& owners() { return owner_; }
    std::vector<double>& centres() { return centres_; }
    double inertia() const { return inertia_; }

private:
    struct ChunkSums {
        std::vector<double> sums;
        std::vector<std::uint64_t> counts;
        double inertia = 0;
        bool has_changed = false;
    };
    void assign(std::size_t chunk, ChunkSums& out);

    const Points& points_;
    const KMeansOptions& options_;
    Random random_;
    const std::uint32_t dims_;
    std::vector<std::uint32_t> owner_;
    std::vector<double> nearest_, centres_;
    double inertia_ = 0;
};

bool Lloyd::begin() {
    std::size_t chosen = random_.below(static_cast<std::uint32_t>(points_.count()));
    for (std::uint32_t k = 0;; ++k) {
        for (std::uint32_t d = 0; d < dims_; ++d)
            centres_.push_back(static_cast<double>(points_.at(chosen)[d]));
        if (k + 1 == options_.clusters) return true;
        double total = 0;
        const double* const centre = centres_.data() + std::size_t{k} * dims_;
        for (std::size_t i = 0; i < points_.count(); ++i) {
            nearest_[i] = std::min(nearest_[i], squared(points_.at(i), centre, dims_));
            total += nearest_[i];
        }
        if (!(total > 0)) return false;
        double left = random_.share() * total;
        chosen = points_.count() - 1;
        for (std::size_t i = 0; i < points_.count(); ++i) {
            left -= nearest_[i];
            if (left < 0) {
                chosen = i;
                break;
            }
        }
    }
}

void Lloyd::assign(std::size_t chunk, ChunkSums& out) {
    const std::uint32_t clusters = options_.clusters;
    out = {std::vector<double>(std::size_t{clusters} * dims_), std::vector<std::uint64_t>(clusters),
           0, false};
    const std::size_t end = std::min((chunk + 1) * points_a_chunk, points_.count());
    for (std::size_t i = chunk * points_a_chunk; i < end; ++i) {
        double best = std::numeric_limits<double>::max();
        std::uint32_t owner = 0;
        for (std::uint32_t k = 0; k < clusters; ++k) {
            const double away =
                squared(points_.at(i), centres_.data() + std::size_t{k} * dims_, dims_);
            if (away >= best) continue;
            best = away;
            owner = k;
        }
        out.has_changed |= owner_[i] != owner;
        owner_[i] = owner;
        out.inertia += best;
        ++out.counts[owner];
        for (std::uint32_t d = 0; d < dims_; ++d)
            out.sums[std::size_t{owner} * dims_ + d] += static_cast<double>(points_.at(i)[d]);
    }
}

void Lloyd::settle() {
    const std::size_t chunks = (points_.count() + points_a_chunk - 1) / points_a_chunk;
    std::vector<ChunkSums> sums(chunks);
    for (std::uint32_t round = 0; round <= options_.rounds_max; ++round) {
        static_cast<void>(parallel_for(chunks, [&](std::size_t chunk) -> Result<void> {
            assign(chunk, sums[chunk]);
            return {};
        }));
        bool has_changed = round == 0;
        inertia_ = 0;
        std::vector<double> total(centres_.size());
        std::vector<std::uint64_t> counts(options_.clusters);
        for (const ChunkSums& one : sums) {
            has_changed |= one.has_changed;
            inertia_ += one.inertia;
            for (std::size_t i = 0; i < total.size(); ++i) total[i] += one.sums[i];
            for (std::size_t k = 0; k < counts.size(); ++k) counts[k] += one.counts[k];
        }
        if (!has_changed || round == options_.rounds_max) return;
        for (std::size_t k = 0; k < counts.size(); ++k)
            for (std::uint32_t d = 0; d < dims_ && counts[k] > 0; ++d)
                centres_[k * dims_ + d] = total[k * dims_ + d] / static_cast<double>(counts[k]);
    }
}

/// Numbers the clusters by falling size.
KMeans numbered(Lloyd& best, const Points& points, std::uint32_t clusters) {
    std::vector<std::uint64_t> sizes(clusters);
    for (const std::uint32_t owner : best.owners()) ++sizes[owner];
    std::vector<std::uint32_t> order(clusters), place(clusters);
    std::iota(order.begin(), order.end(), 0u);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return sizes[a] > sizes[b]; });
    KMeans made;
    for (std::uint32_t k = 0; k < clusters; ++k) {
        place[order[k]] = k;
        for (std::uint32_t d = 0; d < points.dims; ++d)
            made.centres.push_back(
                static_cast<float>(best.centres()[std::size_t{order[k]} * points.dims + d]));
    }
    for (const std::uint32_t owner : best.owners()) made.clusters.push_back(place[owner]);
    made.inertia = best.inertia();
    return made;
}

}  // namespace

Result<KMeans> k_means(const Points& points, const KMeansOptions& options, const Steps& steps) {
    if (options.clusters == 0 || options.starts == 0 || points.count() < options.clusters)
        return fail(ErrorCode::invalid_input, fmt::format("{} points can't be put into {} clusters",
                                                          points.count(), options.clusters));
    std::optional<Lloyd> best;
    for (std::uint32_t start = 0; start < options.starts; ++start) {
        TRY(steps.at("k-means", start, options.starts));
        Lloyd one(points, options, start);
        if (!one.begin())
            return fail(ErrorCode::invalid_input,
                        fmt::format("there are fewer than {} different points", options.clusters));
        one.settle();
        if (!best || one.inertia() < best->inertia()) best.emplace(std::move(one));
    }
    return numbered(*best, points, options.clusters);
}

double adjusted_rand(std::span<const std::uint32_t> one, std::span<const std::uint32_t> other) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, double> both;
    std::map<std::uint32_t, double> left, right;
    for (std::size_t i = 0; i < one.size(); ++i) {
        ++both[{one[i], other[i]}];
        ++left[one[i]];
        ++right[other[i]];
    }
    const auto pairs = [](const auto& counts) {
        double sum = 0;
        for (const auto& [key, count] : counts) sum += count * (count - 1) / 2;
        return sum;
    };
    const auto n = static_cast<double>(one.size());
    const double together = pairs(both), a = pairs(left), b = pairs(right);
    const double expected = a * b / std::max(n * (n - 1) / 2, 1.0), most = (a + b) / 2;
    return most == expected ? 1 : (together - expected) / (most - expected);
}

}  // namespace stroma::cluster
