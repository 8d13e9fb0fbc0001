#include "tissue/segment/objects.h"

#include <algorithm>
#include <numeric>

#include "base/threads.h"

namespace stroma::tissue {
namespace {

/// Buffers that one thread uses for one object after another.
struct ObjectWork {
    std::vector<std::uint16_t> values;
    std::vector<std::uint8_t> mask;  ///< the box and a pixel around it
    std::vector<std::uint32_t> stack, kept;
    std::int64_t width = 0, height = 0;

    void flood(std::uint32_t from, std::uint8_t old_value, std::uint8_t new_value,
               std::vector<std::uint32_t>& reached) {
        reached.clear();
        stack = {from};
        mask[from] = new_value;
        while (!stack.empty()) {
            const std::uint32_t at = stack.back();
            stack.pop_back();
            reached.push_back(at);
            const std::int64_t x = at % width, y = at / width;
            const auto visit = [&](bool is_there, std::int64_t next) {
                if (!is_there || mask[next] != old_value) return;
                mask[next] = new_value;
                stack.push_back(static_cast<std::uint32_t>(next));
            };
            visit(x > 0, std::int64_t{at} - 1);
            visit(x + 1 < width, std::int64_t{at} + 1);
            visit(y > 0, std::int64_t{at} - width);
            visit(y + 1 < height, std::int64_t{at} + width);
        }
    }
};

// What a place of the mask is.
constexpr std::uint8_t outside = 0, own = 1, foreign = 2, seen_outside = 3, seen_own = 4;

class Drawer {
public:
    Drawer(const ScratchPlane<std::uint32_t>& labels, const ScratchPlane<std::uint16_t>& brightness,
           double border_share, double area_min, ScratchPlane<std::uint32_t>& out)
        : labels_(labels),
          brightness_(brightness),
          border_share_(border_share),
          area_min_(area_min),
          out_(out) {}

    /// Whether it stays.
    bool draw(const Basin& basin, std::uint32_t label, ObjectWork& work) const {
        const std::uint16_t border = border_of(basin, label, work);
        mark(basin, label, border, work);
        if (!is_plain(work)) {
            fill(work);
            work.kept = largest(work);
        }
        const std::vector<std::uint32_t>& kept = work.kept;
        if (static_cast<double>(kept.size()) < area_min_) return false;
        for (const std::uint32_t at : kept)
            out_.row(basin.y0 + at / work.width - 1)[basin.x0 + at % work.width - 1] = label;
        return true;
    }

private:
    std::uint16_t border_of(const Basin& basin, std::uint32_t label, ObjectWork& work) const {
        work.values.clear();
        for (std::uint64_t y = basin.y0; y < basin.y1; ++y) {
            const std::uint32_t* const labels = labels_.row(y);
            const std::uint16_t* const light = brightness_.row(y);
            for (std::uint64_t x = basin.x0; x < basin.x1; ++x)
                if (labels[x] == label) work.values.push_back(light[x]);
        }
        const std::size_t place = (work.values.size() - 1) * 9 / 10;
        std::nth_element(work.values.begin(),
                         work.values.begin() + static_cast<std::ptrdiff_t>(place),
                         work.values.end());
        return static_cast<std::uint16_t>(border_share_ * work.values[place]);
    }

    void mark(const Basin& basin, std::uint32_t label, std::uint16_t border,
              ObjectWork& work) const {
        work.width = basin.x1 - basin.x0 + 2;
        work.height = basin.y1 - basin.y0 + 2;
        work.mask.assign(static_cast<std::size_t>(work.width * work.height), outside);
        for (std::uint64_t y = basin.y0; y < basin.y1; ++y) {
            std::uint8_t* const row =
                work.mask.data() + static_cast<std::int64_t>(y - basin.y0 + 1) * work.width + 1;
            const std::uint32_t* const labels = labels_.row(y);
            const std::uint16_t* const light = brightness_.row(y);
            for (std::uint64_t x = basin.x0; x < basin.x1; ++x) {
                const std::uint32_t at = labels[x];
                if (at == label)
                    row[x - basin.x0] = light[x] > border ? own : outside;
                else if (at != 0)
                    row[x - basin.x0] = foreign;
            }
        }
    }

    /// Most objects are one run in each of their rows, and each run touches the next: in one piece
    /// and without holes. Then `kept` has their pixels.
    static bool is_plain(ObjectWork& work) {
        work.kept.clear();
        std::int64_t before = 0, until = 0;  // the run in the row above
        bool has_ended = false;
        for (std::int64_t y = 1; y + 1 < work.height; ++y) {
            const std::uint8_t* const row = work.mask.data() + y * work.width;
            const std::uint8_t* const end = row + work.width;
            const std::uint8_t* const first = std::find(row, end, own);
            if (first == end) {
                has_ended = !work.kept.empty();
                continue;
            }
            const std::uint8_t* last = first;
            while (*last == own) ++last;  // a row's last place is never its own
            if (has_ended || std::find(last, end, own) != end) return false;
            const std::int64_t from = first - row, to = last - row;
            if (!work.kept.empty() && (from >= until || to <= before)) return false;
            before = from;
            until = to;
            for (std::int64_t x = from; x < to; ++x)
                work.kept.push_back(static_cast<std::uint32_t>(y * work.width + x));
        }
        return true;
    }

    /// Holes in which nothing of another object lies.
    static void fill(ObjectWork& work) {
        std::vector<std::uint32_t> reached;
        for (std::uint8_t& place : work.mask)
            if (place == foreign) place = 16;
        flood_outside(work, reached);
        for (std::uint32_t at = 0; at < work.mask.size(); ++at) {
            if (work.mask[at] != outside) continue;
            work.flood(at, outside, seen_outside, reached);
            const bool is_shut =
                std::none_of(reached.begin(), reached.end(),
                             [&](std::uint32_t one) { return next_to_foreign(work, one); });
            if (is_shut)
                for (const std::uint32_t one : reached) work.mask[one] = own;
        }
    }

    static void flood_outside(ObjectWork& work, std::vector<std::uint32_t>& reached) {
        work.flood(0, outside, seen_outside, reached);
    }

    static bool next_to_foreign(const ObjectWork& work, std::uint32_t at) {
        // A hole's pixels never lie on the mask's edge.
        return work.mask[at - 1] >= 16 || work.mask[at + 1] >= 16 ||
               work.mask[at - work.width] >= 16 || work.mask[at + work.width] >= 16;
    }

    static std::vector<std::uint32_t> largest(ObjectWork& work) {
        std::vector<std::uint32_t> best, reached;
        for (std::uint32_t at = 0; at < work.mask.size(); ++at) {
            if (work.mask[at] != own) continue;
            work.flood(at, own, seen_own, reached);
            if (reached.size() > best.size()) std::swap(best, reached);
        }
        return best;
    }

    const ScratchPlane<std::uint32_t>& labels_;
    const ScratchPlane<std::uint16_t>& brightness_;
    const double border_share_, area_min_;
    ScratchPlane<std::uint32_t>& out_;
};

}  // namespace

Result<std::uint32_t> draw_objects(const std::vector<Basin>& basins,
                                   const ScratchPlane<std::uint32_t>& basin_labels,
                                   const ScratchPlane<std::uint16_t>& brightness,
                                   const SegmentOptions& options, double radius,
                                   ScratchPlane<std::uint32_t>& out,
                                   const expression::Watch& watch) {
    const double area_min = options.area_share * 3.14159265358979 * radius * radius;
    const auto least = static_cast<float>(options.chance_min);
    const Drawer drawer(basin_labels, brightness, options.border_share, area_min, out);
    constexpr std::size_t at_once = 256, parts_between = 32;
    std::vector<std::uint8_t> stays(basins.size());
    TRY(parallel_for(
        (basins.size() + at_once - 1) / at_once, [&](std::size_t part) -> Result<void> {
            if (watch.cancelled && watch.cancelled())
                return fail(ErrorCode::cancelled, "the segmentation was cancelled");
            ObjectWork work;
            const std::size_t end = std::min((part + 1) * at_once, basins.size());
            for (std::size_t i = part * at_once; i < end; ++i)
                stays[i] = basins[i].chance >= least &&
                           drawer.draw(basins[i], static_cast<std::uint32_t>(i + 1), work);
            // Basins lie in the order of their rows: those far above aren't met again.
            if (part % parts_between == parts_between - 1) {
                const std::uint64_t first =
                    basins[(part + 1 - parts_between) * at_once].anchor / out.width();
                const std::uint64_t rows = basins[part * at_once].anchor / out.width() - first;
                basin_labels.let_go(first, rows);
                brightness.let_go(first, rows);
                out.let_go(first, rows);
            }
            return {};
        }));
    std::vector<std::uint32_t> number(basins.size() + 1);
    std::uint32_t count = 0;
    for (std::size_t i = 0; i < basins.size(); ++i) number[i + 1] = stays[i] != 0 ? ++count : 0;
    for (std::uint64_t y = 0; y < out.height(); ++y) {
        std::uint32_t* const row = out.row(y);
        for (std::uint64_t x = 0; x < out.width(); ++x) row[x] = number[row[x]];
        if (y % 256 == 255) out.let_go(y - 255, 256);
    }
    return count;
}

}  // namespace stroma::tissue
