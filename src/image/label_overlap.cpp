#include "image/label_overlap.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace stroma::image {
namespace {

struct Overlaps {
    std::unordered_map<std::uint32_t, std::uint64_t> first, second;  ///< pixels of each label
    std::unordered_map<std::uint64_t, std::uint64_t> shared;         ///< first << 32 | second
};

std::vector<std::uint32_t> labels_of(const StoredImage& image, const Tile& tile) {
    std::vector<std::uint32_t> labels(tile.width * tile.height);
    with_pixel_type(image.info().type, [&]<class T>(T) {
        for (std::size_t at = 0; at < labels.size(); ++at)
            labels[at] = static_cast<std::uint32_t>(load<T>(tile.values.data() + at * sizeof(T)));
    });
    return labels;
}

Result<Overlaps> counted(const StoredImage& first, const StoredImage& second,
                         const expression::Watch& watch) {
    Overlaps found;
    const LevelSize& size = first.levels()[0];
    for (std::uint64_t y = 0; y < tiles_along(size.height); ++y)
        for (std::uint64_t x = 0; x < tiles_along(size.width); ++x) {
            if (watch.cancelled && watch.cancelled())
                return fail(ErrorCode::cancelled, "the comparison of labels was cancelled");
            const auto one = labels_of(first, TRY(first.tile(0, 0, x, y)));
            const auto other = labels_of(second, TRY(second.tile(0, 0, x, y)));
            for (std::size_t at = 0; at < one.size(); ++at) {
                if (one[at] != 0) ++found.first[one[at]];
                if (other[at] != 0) ++found.second[other[at]];
                if (one[at] != 0 && other[at] != 0)
                    ++found.shared[std::uint64_t{one[at]} << 32 | other[at]];
            }
        }
    return found;
}

/// The labels of `all` that no pair has taken, rising.
std::vector<std::uint32_t> left_of(const std::unordered_map<std::uint32_t, std::uint64_t>& all) {
    std::vector<std::uint32_t> labels;
    for (const auto& [label, pixels] : all)
        if (pixels > 0) labels.push_back(label);
    std::ranges::sort(labels);
    return labels;
}

}  // namespace

Result<LabelDifference> label_difference(const StoredImage& first, const StoredImage& second,
                                         const expression::Watch& watch) {
    if (first.info().content != Content::labels || second.info().content != Content::labels)
        return fail(ErrorCode::invalid_input, "both pictures must be of labels");
    if (first.info().width != second.info().width || first.info().height != second.info().height)
        return fail(ErrorCode::invalid_input,
                    fmt::format("the labels are of {} × {} and {} × {} pixels: only those of one "
                                "picture can be compared",
                                first.info().width, first.info().height, second.info().width,
                                second.info().height));
    Overlaps found = TRY(counted(first, second, watch));
    LabelDifference difference;
    for (const auto& [pair, shared] : found.shared) {
        const auto one = static_cast<std::uint32_t>(pair >> 32);
        const auto other = static_cast<std::uint32_t>(pair);
        std::uint64_t& of_one = found.first[one];
        std::uint64_t& of_other = found.second[other];
        // A taken one counts nothing any more: nobody else can share half with it.
        if (of_one == 0 || of_other == 0 || 3 * shared <= of_one + of_other) continue;
        if (shared == of_one && shared == of_other) {
            ++difference.same;
        } else {
            difference.changed_first.push_back(one);
            difference.changed_second.push_back(other);
        }
        of_one = of_other = 0;
    }
    difference.changed = difference.changed_first.size();
    std::ranges::sort(difference.changed_first);
    std::ranges::sort(difference.changed_second);
    difference.only_first = left_of(found.first);
    difference.only_second = left_of(found.second);
    return difference;
}

}  // namespace stroma::image
