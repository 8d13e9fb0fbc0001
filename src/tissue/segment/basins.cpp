#include "tissue/segment/basins.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <numeric>
#include <tuple>

#include "base/threads.h"
#include "tissue/segment/merging.h"

namespace stroma::tissue {
namespace {

constexpr std::uint64_t band_rows = 256;

struct Sets {
    std::vector<std::uint32_t> parents;

    std::uint32_t add() {
        parents.push_back(static_cast<std::uint32_t>(parents.size()));
        return parents.back();
    }
    std::uint32_t root(std::uint32_t at) {
        while (parents[at] != at) at = parents[at] = parents[parents[at]];
        return at;
    }
    std::uint32_t unite(std::uint32_t a, std::uint32_t b) {
        a = root(a);
        b = root(b);
        return parents[std::max(a, b)] = std::min(a, b);
    }
};

/// Where each pixel of a row ascends to: 0 … 8 by rows of its 3 × 3, 4 is itself.
void ascents(const ScratchPlane<std::uint16_t>& heights, std::uint64_t y,
             std::vector<std::uint8_t>& out) {
    const auto width = static_cast<std::int64_t>(heights.width());
    out.assign(static_cast<std::size_t>(width), 4);
    const std::uint16_t* const at = heights.row(y);
    const std::uint16_t* const up = y > 0 ? heights.row(y - 1) : nullptr;
    const std::uint16_t* const down = y + 1 < heights.height() ? heights.row(y + 1) : nullptr;
    for (std::int64_t x = 0; x < width; ++x) {
        if (at[x] == 0) continue;
        // Places in rising order: a later one must be higher, an earlier one as high is enough.
        std::uint16_t best = at[x];
        std::uint8_t where = 4;
        const std::int64_t first = x > 0 ? -1 : 0, last = x + 1 < width ? 1 : 0;
        if (up != nullptr)
            for (std::int64_t i = first; i <= last; ++i)
                if (up[x + i] > best || (up[x + i] == best && where == 4)) {
                    best = up[x + i];
                    where = static_cast<std::uint8_t>(1 + i);
                }
        if (first < 0 && (at[x - 1] > best || (at[x - 1] == best && where == 4))) {
            best = at[x - 1];
            where = 3;
        }
        if (last > 0 && at[x + 1] > best) {
            best = at[x + 1];
            where = 5;
        }
        if (down != nullptr)
            for (std::int64_t i = first; i <= last; ++i)
                if (down[x + i] > best) {
                    best = down[x + i];
                    where = static_cast<std::uint8_t>(7 + i);
                }
        out[static_cast<std::size_t>(x)] = where;
    }
}

struct Peak {
    std::uint32_t set;
    std::uint16_t height;
    std::uint64_t anchor;
};

/// Gives each foreground pixel 1 + the number of a set; sets that belong together are united.
Result<std::vector<Peak>> climb(const ScratchPlane<std::uint16_t>& heights,
                                ScratchPlane<std::uint32_t>& labels, Sets& sets,
                                const expression::Watch& watch) {
    const auto width = static_cast<std::int64_t>(heights.width());
    std::vector<Peak> peaks;
    std::vector<std::uint8_t> above, here;
    for (std::uint64_t y = 0; y < heights.height(); ++y) {
        if (y % band_rows == 0) {
            if (watch.cancelled && watch.cancelled())
                return fail(ErrorCode::cancelled, "the segmentation was cancelled");
            if (y > band_rows) labels.let_go(y - 2 * band_rows, band_rows);
            if (y > band_rows) heights.let_go(y - 2 * band_rows, band_rows);
        }
        std::swap(above, here);
        ascents(heights, y, here);
        const std::uint16_t* const at = heights.row(y);
        std::uint32_t* const label = labels.row(y);
        const std::uint32_t* const label_up = y > 0 ? labels.row(y - 1) : nullptr;
        for (std::int64_t x = 0; x < width; ++x) {
            if (at[x] == 0) continue;
            std::uint32_t mine = 0;
            const auto join = [&](std::uint32_t other) {
                mine = mine == 0 ? other : 1 + sets.unite(mine - 1, other - 1);
            };
            const std::uint8_t where = here[x];
            if (x > 0 && (where == 3 || (at[x - 1] != 0 && here[x - 1] == 5))) join(label[x - 1]);
            for (int i = -1; label_up != nullptr && i <= 1; ++i) {
                if (x + i < 0 || x + i >= width || label_up[x + i] == 0) continue;
                if (where == 1 + i || above[x + i] == 7 - i) join(label_up[x + i]);
            }
            if (mine == 0) mine = 1 + sets.add();
            label[x] = mine;
            if (where == 4)
                peaks.push_back(
                    {mine - 1, at[x], y * heights.width() + static_cast<std::uint64_t>(x)});
        }
        if (sets.parents.size() > UINT32_MAX - heights.width())
            return fail(ErrorCode::exhausted, "limit: 4 billion pieces of one image");
    }
    return peaks;
}

/// One saddle, the highest, for each pair; sorted by pair.
void keep_highest(std::vector<Saddle>& saddles) {
    std::sort(saddles.begin(), saddles.end(), [](const Saddle& one, const Saddle& other) {
        return std::tie(one.a, one.b, other.height) < std::tie(other.a, other.b, one.height);
    });
    const auto same = [](const Saddle& one, const Saddle& other) {
        return one.a == other.a && one.b == other.b;
    };
    saddles.erase(std::unique(saddles.begin(), saddles.end(), same), saddles.end());
}

/// Pixels x0 to x1 of row y, added by any thread: sums of whole numbers don't show the order.
void add_run(PixelSums& sums, std::int64_t dx, std::int64_t dy, std::int64_t length) {
    const std::int64_t last = dx + length - 1;
    const std::int64_t along = (dx + last) * length / 2;
    const auto squares = [](std::int64_t n) { return n * (n + 1) * (2 * n + 1) / 6; };
    const auto add = [](auto& to, auto value) {
        std::atomic_ref(to).fetch_add(value, std::memory_order_relaxed);
    };
    add(sums.pixels, static_cast<std::uint64_t>(length));
    add(sums.x, along);
    add(sums.y, dy * length);
    add(sums.xx, squares(last) - squares(dx - 1));
    add(sums.yy, dy * dy * length);
    add(sums.xy, dy * along);
}

/// What is found of the basins' shapes and neighbours by rows, in any order.
struct Found {
    const ScratchPlane<std::uint16_t>& heights;
    const ScratchPlane<std::uint32_t>& labels;
    const std::vector<std::uint32_t>& basin_of;  ///< of a set
    std::vector<Patch>& patches;

    void sum_row(std::uint64_t y) const;
    std::vector<Saddle> saddles(std::uint64_t first, std::uint64_t end) const;
};

void Found::sum_row(std::uint64_t y) const {
    const std::uint32_t* const label = labels.row(y);
    const std::uint64_t width = labels.width();
    for (std::uint64_t x = 0; x < width;) {
        if (label[x] == 0) {
            ++x;
            continue;
        }
        const std::uint64_t first = x;
        const std::uint32_t basin = basin_of[label[x] - 1];
        for (const std::uint32_t one = label[x]; x < width && label[x] == one;) ++x;
        Patch& patch = patches[basin];
        add_run(patch.sums,
                static_cast<std::int64_t>(first) - static_cast<std::int64_t>(patch.anchor % width),
                static_cast<std::int64_t>(y) - static_cast<std::int64_t>(patch.anchor / width),
                static_cast<std::int64_t>(x - first));
    }
}

std::vector<Saddle> Found::saddles(std::uint64_t first, std::uint64_t end) const {
    std::vector<Saddle> found;
    const auto touch = [&](std::uint32_t one, std::uint32_t other, std::uint16_t a,
                           std::uint16_t b) {
        if (one == 0 || other == 0 || one == other) return;
        const std::uint32_t p = basin_of[one - 1], q = basin_of[other - 1];
        if (p != q) found.push_back({std::min(p, q), std::max(p, q), std::min(a, b)});
    };
    for (std::uint64_t y = first; y < end; ++y) {
        sum_row(y);
        const std::uint32_t* const label = labels.row(y);
        const std::uint16_t* const height = heights.row(y);
        const bool has_next = y + 1 < labels.height();
        const std::uint32_t* const below = has_next ? labels.row(y + 1) : nullptr;
        const std::uint16_t* const lower = has_next ? heights.row(y + 1) : nullptr;
        for (std::uint64_t x = 0; x < labels.width(); ++x) {
            if (label[x] == 0) continue;
            if (x + 1 < labels.width()) touch(label[x], label[x + 1], height[x], height[x + 1]);
            if (has_next) touch(label[x], below[x], height[x], lower[x]);
        }
    }
    keep_highest(found);
    return found;
}

/// All saddles; the patches get their sums.
Result<std::vector<Saddle>> look_at_all(const Found& found) {
    const std::uint64_t bands = (found.labels.height() + band_rows - 1) / band_rows;
    std::vector<std::vector<Saddle>> parts(bands);
    TRY(parallel_for(bands, [&](std::size_t band) -> Result<void> {
        parts[band] = found.saddles(band * band_rows,
                                    std::min((band + 1) * band_rows, found.labels.height()));
        found.heights.let_go(band * band_rows, band_rows);
        found.labels.let_go(band * band_rows, band_rows);
        return {};
    }));
    std::vector<Saddle> saddles;
    for (auto& part : parts) {
        saddles.insert(saddles.end(), part.begin(), part.end());
        part = {};
    }
    keep_highest(saddles);
    return saddles;
}

/// Unites patches over their saddles, highest first, where the lower peak is hardly over the
/// saddle; patches are sorted by anchor, so that the smaller number is the first of equals.
Sets merge_flat(const std::vector<Patch>& patches, std::vector<Saddle> saddles,
                std::uint16_t height_min) {
    Sets sets;
    sets.parents.resize(patches.size());
    std::iota(sets.parents.begin(), sets.parents.end(), 0u);
    std::stable_sort(saddles.begin(), saddles.end(), [](const Saddle& one, const Saddle& other) {
        return one.height > other.height;
    });
    // The root of a set keeps the highest peak, whichever number it has.
    for (const Saddle& saddle : saddles) {
        std::uint32_t a = sets.root(saddle.a), b = sets.root(saddle.b);
        if (a == b) continue;
        if (patches[b].peak > patches[a].peak || (patches[b].peak == patches[a].peak && b < a))
            std::swap(a, b);
        if (patches[b].peak - saddle.height < height_min) sets.parents[b] = a;
    }
    return sets;
}

/// Puts patches together, first where they are flat, then by their shape. Returns the number of the
/// basin of each; `patches` are those of the basins.
std::vector<std::uint32_t> merge(std::vector<Patch>& patches, std::vector<Saddle> saddles,
                                 std::uint64_t width, const BasinRules& rules) {
    Sets flat = merge_flat(patches, saddles, rules.height_min);
    std::vector<std::uint32_t> number(patches.size());
    std::vector<Patch> left;
    for (std::uint32_t i = 0; i < patches.size(); ++i)
        if (flat.root(i) == i) {
            number[i] = static_cast<std::uint32_t>(left.size());
            left.push_back(patches[i]);
        }
    for (std::uint32_t i = 0; i < patches.size(); ++i) {
        number[i] = number[flat.root(i)];
        if (flat.root(i) != i) left[number[i]].add(patches[i], width);
    }
    std::size_t kept = 0;
    for (const Saddle& saddle : saddles) {
        const std::uint32_t a = number[saddle.a], b = number[saddle.b];
        if (a != b) saddles[kept++] = {std::min(a, b), std::max(a, b), saddle.height};
    }
    saddles.resize(kept);
    keep_highest(saddles);
    const std::vector<std::uint32_t> belongs = merge_patches(left, saddles, width, rules);
    std::vector<std::uint32_t> basin(left.size());
    patches.clear();
    for (std::uint32_t i = 0; i < left.size(); ++i)
        if (belongs[i] == i) {
            basin[i] = static_cast<std::uint32_t>(patches.size());
            patches.push_back(left[i]);
        }
    for (std::uint32_t& one : number) one = basin[belongs[one]];
    return number;
}

}  // namespace

Result<std::vector<Basin>> find_basins(const ScratchPlane<std::uint16_t>& heights,
                                       const BasinRules& rules, ScratchPlane<std::uint32_t>& labels,
                                       const expression::Watch& watch) {
    Sets pieces;
    const std::vector<Peak> peaks = TRY(climb(heights, labels, pieces, watch));
    std::vector<std::uint32_t> basin_of(pieces.parents.size());
    std::vector<Patch> patches;
    for (std::uint32_t i = 0; i < peaks.size(); ++i) {
        basin_of[pieces.root(peaks[i].set)] = i;
        patches.push_back({peaks[i].anchor, peaks[i].height, {}});
    }
    for (std::uint32_t i = 0; i < basin_of.size(); ++i) basin_of[i] = basin_of[pieces.root(i)];
    auto saddles = TRY(look_at_all({heights, labels, basin_of, patches}));
    const auto number = merge(patches, std::move(saddles), labels.width(), rules);
    for (std::uint32_t& basin : basin_of) basin = number[basin];
    std::vector<Basin> basins;
    for (const Patch& patch : patches)
        basins.push_back({.anchor = patch.anchor, .peak = patch.peak});
    for (std::uint64_t y = 0; y < labels.height(); ++y) {
        std::uint32_t* const label = labels.row(y);
        for (std::uint64_t x = 0; x < labels.width(); ++x) {
            if (label[x] == 0) continue;
            const std::uint32_t basin = basin_of[label[x] - 1];
            label[x] = basin + 1;
            Basin& one = basins[basin];
            one.x0 = std::min(one.x0, static_cast<std::uint32_t>(x));
            one.x1 = std::max(one.x1, static_cast<std::uint32_t>(x + 1));
            one.y0 = std::min(one.y0, static_cast<std::uint32_t>(y));
            one.y1 = static_cast<std::uint32_t>(y + 1);
        }
        if (y % band_rows == 0 && y > 0) labels.let_go(y - band_rows, band_rows);
    }
    return basins;
}

}  // namespace stroma::tissue
