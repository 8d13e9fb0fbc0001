#include "tissue/segment/matching.h"

#include <algorithm>
#include <cassert>
#include <unordered_map>

namespace stroma::tissue {

Agreement agreement(std::span<const std::uint32_t> truth, std::span<const std::uint32_t> found,
                    double overlap) {
    assert(truth.size() == found.size() && overlap >= 0.5);
    std::unordered_map<std::uint32_t, std::uint64_t> true_areas, found_areas;
    std::unordered_map<std::uint64_t, std::uint64_t> shared;
    for (std::size_t i = 0; i < truth.size(); ++i) {
        if (truth[i] != 0) ++true_areas[truth[i]];
        if (found[i] != 0) ++found_areas[found[i]];
        if (truth[i] != 0 && found[i] != 0) ++shared[std::uint64_t{truth[i]} << 32 | found[i]];
    }
    Agreement made;
    for (const auto& [pair, both] : shared) {
        const std::uint64_t either = true_areas[static_cast<std::uint32_t>(pair >> 32)] +
                                     found_areas[static_cast<std::uint32_t>(pair)] - both;
        const double share = static_cast<double>(both) / static_cast<double>(either);
        if (share <= overlap) continue;
        ++made.matched;
        made.overlap_sum += share;
    }
    made.invented = found_areas.size() - made.matched;
    made.missed = true_areas.size() - made.matched;
    return made;
}

namespace {

double ratio(double part, double whole) { return whole > 0 ? part / whole : 1; }

}  // namespace

double Agreement::f1() const {
    const auto tp = static_cast<double>(matched);
    return ratio(2 * tp, 2 * tp + static_cast<double>(invented + missed));
}

double Agreement::precision() const {
    return ratio(static_cast<double>(matched), static_cast<double>(matched + invented));
}

double Agreement::recall() const {
    return ratio(static_cast<double>(matched), static_cast<double>(matched + missed));
}

double Agreement::average_precision() const {
    return ratio(static_cast<double>(matched), static_cast<double>(matched + invented + missed));
}

double Agreement::panoptic_quality() const {
    return ratio(overlap_sum,
                 static_cast<double>(matched) + static_cast<double>(invented + missed) / 2);
}

Agreement& Agreement::operator+=(const Agreement& other) {
    matched += other.matched;
    invented += other.invented;
    missed += other.missed;
    overlap_sum += other.overlap_sum;
    return *this;
}

}  // namespace stroma::tissue
