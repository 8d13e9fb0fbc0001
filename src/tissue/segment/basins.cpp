#include "tissue/segment/basins.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <numeric>
#include <tuple>

#include "base/threads.h"
#include "tissue/segment/candidates.h"
#include "tissue/segment/filters.h"
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

/// Where each pixel of a row ascends to: 0 … 8 by rows of its 3 × 3, 4 is itself. What is said of
/// pixels that aren't foreground means nothing. `best` is room to work in.
void ascents(const ScratchPlane<std::uint16_t>& heights, std::uint64_t y,
             std::vector<std::uint16_t>& best, std::vector<std::uint16_t>& out) {
    const auto width = static_cast<std::int64_t>(heights.width());
    const std::uint16_t* const at = heights.row(y);
    best.assign(at, at + width);
    out.assign(static_cast<std::size_t>(width), 4);
    // Places in rising order: a later one must be higher, an earlier one as high is enough.
    const auto look = [&](const std::uint16_t* row, std::int64_t aside, std::uint16_t place) {
        const std::int64_t first = aside < 0 ? 1 : 0, count = width - std::abs(aside);
        climb_to(best.data() + first, out.data() + first, row + first + aside, place, count);
    };
    if (y > 0)
        for (std::uint16_t i = 0; i < 3; ++i) look(heights.row(y - 1), i - 1, i);
    look(at, -1, 3);
    look(at, 1, 5);
    if (y + 1 < heights.height())
        for (std::uint16_t i = 0; i < 3; ++i)
            look(heights.row(y + 1), i - 1, static_cast<std::uint16_t>(6 + i));
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
    std::vector<std::uint16_t> above, here, best;
    for (std::uint64_t y = 0; y < heights.height(); ++y) {
        if (y % band_rows == 0) {
            if (watch.cancelled && watch.cancelled())
                return fail(ErrorCode::cancelled, "the segmentation was cancelled");
            if (y > band_rows) labels.let_go(y - 2 * band_rows, band_rows);
            if (y > band_rows) heights.let_go(y - 2 * band_rows, band_rows);
        }
        std::swap(above, here);
        ascents(heights, y, best, here);
        const std::uint16_t* const at = heights.row(y);
        std::uint32_t* const label = labels.row(y);
        const std::uint32_t* const label_up = y > 0 ? labels.row(y - 1) : nullptr;
        for (std::int64_t x = 0; x < width; ++x) {
            if (at[x] == 0) continue;
            std::uint32_t mine = 0;
            const auto join = [&](std::uint32_t other) {
                mine = mine == 0 ? other : 1 + sets.unite(mine - 1, other - 1);
            };
            const std::uint16_t where = here[x];
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

/// One saddle for each pair, its contacts added up; sorted by pair.
void put_together(std::vector<Saddle>& saddles) {
    std::sort(saddles.begin(), saddles.end(), [](const Saddle& one, const Saddle& other) {
        return std::tie(one.a, one.b) < std::tie(other.a, other.b);
    });
    std::size_t kept = 0;
    for (const Saddle& saddle : saddles) {
        if (kept > 0 && saddles[kept - 1].a == saddle.a && saddles[kept - 1].b == saddle.b)
            saddles[kept - 1].contact += saddle.contact;
        else
            saddles[kept++] = saddle;
    }
    saddles.resize(kept);
}

template <class T>
void add_to(T& to, T value) {
    std::atomic_ref(to).fetch_add(value, std::memory_order_relaxed);
}

/// Pixels x0 to x1 of row y, added by any thread: sums of whole numbers don't show the order.
void add_run(PixelSums& sums, std::int64_t dx, std::int64_t dy, std::int64_t length) {
    const std::int64_t last = dx + length - 1;
    const std::int64_t along = (dx + last) * length / 2;
    const auto squares = [](std::int64_t n) { return n * (n + 1) * (2 * n + 1) / 6; };
    add_to(sums.pixels, static_cast<std::uint64_t>(length));
    add_to(sums.x, along);
    add_to(sums.y, dy * length);
    add_to(sums.xx, squares(last) - squares(dx - 1));
    add_to(sums.yy, dy * dy * length);
    add_to(sums.xy, dy * along);
}

void add_surface(SurfaceSums& to, const SurfaceSums& more) {
    add_to(to.light, more.light);
    add_to(to.squares, more.squares);
    if (more.places == 0 && more.slants == 0) return;
    add_to(to.places, more.places);
    add_to(to.slants, more.slants);
    add_to(to.touching, more.touching);
    add_to(to.cut, more.cut);
    add_to(to.open, more.open);
    add_to(to.light_within, more.light_within);
    add_to(to.light_beyond, more.light_beyond);
}

/// A row with those above and below it; none at the picture's edge.
struct RowsAround {
    const std::uint32_t* label[3] = {};
    const std::uint16_t* height[3] = {};
    const std::uint16_t* light[3] = {};
    std::int64_t width = 0;
};

/// What is found of the basins' shapes and neighbours by rows, in any order.
struct Found {
    const ScratchPlane<std::uint16_t>& heights;
    const ScratchPlane<std::uint32_t>& labels;
    const std::vector<std::uint32_t>& basin_of;  ///< of a set
    std::vector<Patch>& patches;
    const ScratchPlane<std::uint16_t>* light = nullptr;

    void sum_row(std::uint64_t y) const;
    void touch_row(std::uint64_t y, std::vector<Saddle>& found) const;
    RowsAround rows_around(std::uint64_t y) const;
    void look_around(const RowsAround& rows, std::int64_t x, std::uint32_t basin, SurfaceSums& sums,
                     std::vector<Saddle>& found) const;
    void look_along(std::uint64_t y, std::vector<Saddle>& found) const;
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

/// The row's contacts to its right and below.
void Found::touch_row(std::uint64_t y, std::vector<Saddle>& found) const {
    const auto touch = [&](std::uint32_t one, std::uint32_t other, std::uint16_t a,
                           std::uint16_t b) {
        if (one == 0 || other == 0 || one == other) return;
        const std::uint32_t p = basin_of[one - 1], q = basin_of[other - 1];
        if (p != q)
            found.push_back(
                {std::min(p, q), std::max(p, q), {.saddle = std::min(a, b), .places = 1}});
    };
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

RowsAround Found::rows_around(std::uint64_t y) const {
    RowsAround rows;
    rows.width = static_cast<std::int64_t>(labels.width());
    for (std::uint64_t i = y == 0 ? 1 : 0; i < 3 && y + i <= labels.height(); ++i) {
        rows.label[i] = labels.row(y + i - 1);
        rows.height[i] = heights.row(y + i - 1);
        rows.light[i] = light->row(y + i - 1);
    }
    return rows;
}

/// What lies around one pixel at a basin's edge.
void Found::look_around(const RowsAround& rows, std::int64_t x, std::uint32_t basin,
                        SurfaceSums& sums, std::vector<Saddle>& found) const {
    const std::uint32_t own = rows.label[1][x];
    for (int at = 0; at < 9; ++at) {
        if (at == 4) continue;
        const std::int64_t there = x + at % 3 - 1;
        const bool is_place = at % 2 != 0;
        const bool is_outside = rows.label[at / 3] == nullptr || there < 0 || there >= rows.width;
        const std::uint32_t other = is_outside ? 0 : rows.label[at / 3][there];
        if (other != 0 && (other == own || basin_of[other - 1] == basin)) continue;
        ++(is_place ? sums.places : sums.slants);
        if (other != 0) {
            sums.touching += is_place ? 1 : 0;
            if (at < 4) continue;  // the pixel there has said so
            const std::uint32_t to = basin_of[other - 1];
            Contact contact;
            if (is_place)
                contact = {std::min(rows.height[1][x], rows.height[at / 3][there]), 1, 0,
                           std::min(rows.light[1][x], rows.light[at / 3][there])};
            else
                contact.slants = 1;
            found.push_back({std::min(basin, to), std::max(basin, to), contact});
        } else if (is_place && is_outside) {
            ++sums.cut;
        } else if (is_place) {
            ++sums.open;
            sums.light_within += rows.light[1][x];
            sums.light_beyond += rows.light[at / 3][there];
        }
    }
}

/// Sums, contacts, light and outlines of the row.
void Found::look_along(std::uint64_t y, std::vector<Saddle>& found) const {
    const RowsAround rows = rows_around(y);
    const std::uint32_t *const up = rows.label[0], *const at = rows.label[1],
                               *const down = rows.label[2];
    SurfaceSums sums;
    std::uint32_t set = 0, basin = MergeNode::none;
    std::int64_t first = 0;
    const auto end_run = [&](std::int64_t end) {
        if (basin == MergeNode::none) return;
        Patch& patch = patches[basin];
        const std::uint64_t column = patch.anchor % labels.width();
        const std::uint64_t line = patch.anchor / labels.width();
        add_run(patch.sums, first - static_cast<std::int64_t>(column),
                static_cast<std::int64_t>(y) - static_cast<std::int64_t>(line), end - first);
        add_surface(patch.surface, sums);
        sums = {};
    };
    for (std::int64_t x = 0; x < rows.width; ++x) {
        const std::uint32_t own = at[x];
        if (own != set) {
            set = own;
            const std::uint32_t now = own == 0 ? MergeNode::none : basin_of[own - 1];
            if (now != basin) {
                end_run(x);
                basin = now;
                first = x;
            }
        }
        if (own == 0) continue;
        const std::uint64_t value = rows.light[1][x];
        sums.light += value;
        sums.squares += value * value;
        const bool is_within =
            up != nullptr && down != nullptr && x > 0 && x + 1 < rows.width &&
            ((up[x - 1] ^ own) | (up[x] ^ own) | (up[x + 1] ^ own) | (at[x - 1] ^ own) |
             (at[x + 1] ^ own) | (down[x - 1] ^ own) | (down[x] ^ own) | (down[x + 1] ^ own)) == 0;
        if (!is_within) look_around(rows, x, basin, sums, found);
    }
    end_run(rows.width);
}

std::vector<Saddle> Found::saddles(std::uint64_t first, std::uint64_t end) const {
    std::vector<Saddle> found;
    for (std::uint64_t y = first; y < end; ++y) {
        if (light != nullptr) {
            look_along(y, found);
            continue;
        }
        sum_row(y);
        touch_row(y, found);
    }
    put_together(found);
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
        if (found.light != nullptr) found.light->let_go(band * band_rows, band_rows);
        return {};
    }));
    std::vector<Saddle> saddles;
    for (auto& part : parts) {
        saddles.insert(saddles.end(), part.begin(), part.end());
        part = {};
    }
    put_together(saddles);
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
        return one.contact.saddle > other.contact.saddle;
    });
    // The root of a set keeps the highest peak, whichever number it has.
    for (const Saddle& saddle : saddles) {
        std::uint32_t a = sets.root(saddle.a), b = sets.root(saddle.b);
        if (a == b || saddle.contact.places == 0) continue;
        if (patches[b].peak > patches[a].peak || (patches[b].peak == patches[a].peak && b < a))
            std::swap(a, b);
        if (patches[b].peak - saddle.contact.saddle < height_min) sets.parents[b] = a;
    }
    return sets;
}

/// Patches that are one where they are flat are put together; number[i] is what patch i became.
std::vector<std::uint32_t> flatten(std::vector<Patch>& patches, std::vector<Saddle>& saddles,
                                   std::uint64_t width, std::uint16_t height_min) {
    Sets flat = merge_flat(patches, saddles, height_min);
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
        if (a != b)
            saddles[kept++] = {std::min(a, b), std::max(a, b), saddle.contact};
        else
            left[a].surface.close(saddle.contact);
    }
    saddles.resize(kept);
    put_together(saddles);
    patches = std::move(left);
    return number;
}

/// Unions by shape alone.
std::vector<Choice> take_roots(const std::vector<MergeNode>& nodes, std::size_t patches) {
    std::vector<std::uint32_t> root(nodes.size()), first(nodes.size(), MergeNode::none);
    for (std::size_t i = nodes.size(); i-- > 0;)
        root[i] = nodes[i].parent == MergeNode::none ? static_cast<std::uint32_t>(i)
                                                     : root[nodes[i].parent];
    std::vector<Choice> choices(patches);
    for (std::uint32_t i = 0; i < patches; ++i) {
        std::uint32_t& one = first[root[i]];
        if (one == MergeNode::none) one = i;
        choices[i] = {one, 1};
    }
    return choices;
}

/// Puts patches together, first where they are flat, then as it is chosen. Returns the number of
/// the basin of each, and the basins but for their boxes.
std::vector<std::uint32_t> merge(std::vector<Patch> patches, std::vector<Saddle> saddles,
                                 std::uint64_t width, const BasinRules& rules,
                                 std::vector<Basin>& basins, std::vector<Candidate>* candidates) {
    // Unions that are less sure than this are none.
    constexpr double sureness_min = -8;
    std::vector<std::uint32_t> number = flatten(patches, saddles, width, rules.height_min);
    const auto nodes = merge_tree(patches, saddles, width, rules, rules.scene ? sureness_min : 0);
    std::vector<Choice> choices;
    if (candidates != nullptr) {
        for (std::uint32_t i = 0; i < nodes.size(); ++i)
            candidates->push_back({nodes[i].left, nodes[i].right,
                                   features_of(nodes, i, *rules.scene, rules.height_scale)});
        for (std::uint32_t i = 0; i < patches.size(); ++i) choices.push_back({i, 1});
    } else if (rules.scene != nullptr) {
        choices = choose(nodes, patches.size(), *rules.scene, rules);
    } else {
        choices = take_roots(nodes, patches.size());
    }
    std::vector<std::uint32_t> basin(patches.size());
    for (std::uint32_t i = 0; i < patches.size(); ++i) {
        if (choices[i].first != i) continue;
        basin[i] = static_cast<std::uint32_t>(basins.size());
        basins.push_back(
            {.anchor = patches[i].anchor, .peak = patches[i].peak, .chance = choices[i].chance});
    }
    for (std::uint32_t& one : number) one = basin[choices[one].first];
    return number;
}

}  // namespace

Result<std::vector<Basin>> find_basins(const ScratchPlane<std::uint16_t>& heights,
                                       const BasinRules& rules, ScratchPlane<std::uint32_t>& labels,
                                       const expression::Watch& watch,
                                       std::vector<Candidate>* candidates) {
    Sets pieces;
    const std::vector<Peak> peaks = TRY(climb(heights, labels, pieces, watch));
    std::vector<std::uint32_t> basin_of(pieces.parents.size());
    std::vector<Patch> patches;
    for (std::uint32_t i = 0; i < peaks.size(); ++i) {
        basin_of[pieces.root(peaks[i].set)] = i;
        patches.push_back({peaks[i].anchor, peaks[i].height, {}, {}});
    }
    for (std::uint32_t i = 0; i < basin_of.size(); ++i) basin_of[i] = basin_of[pieces.root(i)];
    auto saddles = TRY(look_at_all({heights, labels, basin_of, patches,
                                    rules.scene != nullptr ? &rules.scene->light : nullptr}));
    std::vector<Basin> basins;
    const auto number =
        merge(std::move(patches), std::move(saddles), labels.width(), rules, basins, candidates);
    for (std::uint32_t& basin : basin_of) basin = number[basin];
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
