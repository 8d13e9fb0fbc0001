#include "tissue/segment/components.h"

#include <algorithm>

namespace stroma::tissue {
namespace {

struct Run {
    std::uint64_t x0, x1;
    std::uint32_t set;
};

/// Sets with the pixels of each; a set that nothing of a row belongs to any more is final.
struct CountedSets {
    std::vector<std::uint32_t> parents;
    std::vector<std::uint64_t> areas;

    std::uint32_t add(std::uint64_t area) {
        parents.push_back(static_cast<std::uint32_t>(parents.size()));
        areas.push_back(area);
        return parents.back();
    }
    std::uint32_t root(std::uint32_t at) {
        while (parents[at] != at) at = parents[at] = parents[parents[at]];
        return at;
    }
    void unite(std::uint32_t a, std::uint32_t b) {
        a = root(a);
        b = root(b);
        if (a == b) return;
        parents[std::max(a, b)] = std::min(a, b);
        areas[std::min(a, b)] += areas[std::max(a, b)];
    }
};

}  // namespace

std::vector<std::uint64_t> component_areas(const ScratchPlane<std::uint16_t>& image,
                                           std::uint16_t threshold) {
    CountedSets sets;
    std::vector<Run> above, here;
    for (std::uint64_t y = 0; y < image.height(); ++y) {
        const std::uint16_t* const row = image.row(y);
        std::swap(above, here);
        here.clear();
        std::size_t upper = 0;
        for (std::uint64_t x = 0; x < image.width();) {
            if (row[x] <= threshold) {
                ++x;
                continue;
            }
            const std::uint64_t first = x;
            while (x < image.width() && row[x] > threshold) ++x;
            const std::uint32_t set = sets.add(x - first);
            here.push_back({first, x, set});
            while (upper < above.size() && above[upper].x1 <= first) ++upper;
            for (std::size_t i = upper; i < above.size() && above[i].x0 < x; ++i)
                sets.unite(above[i].set, set);
        }
        if (y % 256 == 255) image.let_go(y - 255, 256);
    }
    std::vector<std::uint64_t> areas;
    for (std::uint32_t i = 0; i < sets.parents.size(); ++i)
        if (sets.parents[i] == i) areas.push_back(sets.areas[i]);
    std::sort(areas.begin(), areas.end());
    return areas;
}

std::uint16_t otsu_threshold(const std::vector<std::uint64_t>& histogram) {
    double count = 0, sum = 0;
    for (std::size_t i = 0; i < histogram.size(); ++i) {
        count += static_cast<double>(histogram[i]);
        sum += static_cast<double>(histogram[i]) * static_cast<double>(i);
    }
    double below = 0, sum_below = 0, best = 0;
    std::size_t threshold = 0;
    for (std::size_t i = 0; i + 1 < histogram.size(); ++i) {
        below += static_cast<double>(histogram[i]);
        sum_below += static_cast<double>(histogram[i]) * static_cast<double>(i);
        if (below == 0 || below == count) continue;
        const double apart = sum_below / below - (sum - sum_below) / (count - below);
        const double between = below * (count - below) * apart * apart;
        if (between > best) {
            best = between;
            threshold = i;
        }
    }
    return static_cast<std::uint16_t>(threshold);
}

}  // namespace stroma::tissue
