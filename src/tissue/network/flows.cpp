#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>

#include "base/threads.h"
#include "tissue/network/network_segmentation.h"

// The decoding of Cellpose (Stringer and others 2021): pixels follow the flows to the sinks of
// their cells; cells whose own flows differ from the network's go.

namespace stroma::tissue {
namespace {

constexpr int flow_steps = 200, grow_rounds = 5;
constexpr std::uint32_t peak_min = 10, grow_min = 2;
constexpr std::uint64_t flow_rows = 64;

class FlowFollower {
public:
    FlowFollower(const ScratchPlane<float>& down, const ScratchPlane<float>& right,
                 const ScratchPlane<std::uint16_t>& is_cell, const expression::Watch& watch)
        : down_(down),
          right_(right),
          is_cell_(is_cell),
          watch_(watch),
          width_(static_cast<std::int64_t>(down.width())),
          height_(static_cast<std::int64_t>(down.height())) {}

    /// Each cell pixel's sink as 1 + its place, and how many pixels each sink has.
    Result<void> follow(ScratchPlane<std::uint32_t>& sinks,
                        ScratchPlane<std::uint32_t>& counts) const {
        return parallel_for(
            (down_.height() + flow_rows - 1) / flow_rows, [&](std::size_t part) -> Result<void> {
                if (watch_.cancelled && watch_.cancelled())
                    return fail(ErrorCode::cancelled, "the segmentation was cancelled");
                const std::uint64_t end =
                    std::min((part + 1) * flow_rows, static_cast<std::uint64_t>(height_));
                for (std::uint64_t y = part * flow_rows; y < end; ++y)
                    for (std::int64_t x = 0; x < width_; ++x) {
                        if (is_cell_.row(y)[x] == 0) continue;
                        const std::uint64_t sink =
                            sink_of(static_cast<double>(y), static_cast<double>(x));
                        sinks.row(y)[x] = static_cast<std::uint32_t>(sink + 1);
                        std::atomic_ref<std::uint32_t>(
                            counts.row(sink / down_.width())[sink % down_.width()])
                            .fetch_add(1, std::memory_order_relaxed);
                    }
                return {};
            });
    }

private:
    std::uint64_t sink_of(double y, double x) const {
        for (int step = 0; step < flow_steps; ++step) {
            const auto [dy, dx] = flow_at(y, x);
            if (dy == 0 && dx == 0) break;
            y = std::clamp(y + dy, 0.0, static_cast<double>(height_ - 1));
            x = std::clamp(x + dx, 0.0, static_cast<double>(width_ - 1));
        }
        return static_cast<std::uint64_t>(y) * down_.width() + static_cast<std::uint64_t>(x);
    }

    std::array<double, 2> flow_at(double y, double x) const {
        const auto y0 = static_cast<std::int64_t>(y), x0 = static_cast<std::int64_t>(x);
        const std::int64_t y1 = std::min(y0 + 1, height_ - 1), x1 = std::min(x0 + 1, width_ - 1);
        const double fy = y - static_cast<double>(y0), fx = x - static_cast<double>(x0);
        const auto between = [&](const ScratchPlane<float>& plane) {
            const float* const upper = plane.row(static_cast<std::uint64_t>(y0));
            const float* const lower = plane.row(static_cast<std::uint64_t>(y1));
            return (upper[x0] * (1 - fx) + upper[x1] * fx) * (1 - fy) +
                   (lower[x0] * (1 - fx) + lower[x1] * fx) * fy;
        };
        return {between(down_), between(right_)};
    }

    const ScratchPlane<float>&down_, &right_;
    const ScratchPlane<std::uint16_t>& is_cell_;
    const expression::Watch& watch_;
    const std::int64_t width_, height_;
};

struct FlowPeak {
    std::uint32_t count;
    std::uint64_t place;
};

/// Pixels that more than ten end at, and none more of the 5 × 5 around; the most first.
std::vector<FlowPeak> peaks_of(const ScratchPlane<std::uint32_t>& counts) {
    const auto width = static_cast<std::int64_t>(counts.width());
    const auto height = static_cast<std::int64_t>(counts.height());
    std::vector<FlowPeak> peaks;
    for (std::int64_t y = 0; y < height; ++y)
        for (std::int64_t x = 0; x < width; ++x) {
            const std::uint32_t mine = counts.row(static_cast<std::uint64_t>(y))[x];
            if (mine <= peak_min) continue;
            bool is_peak = true;
            for (std::int64_t j = std::max<std::int64_t>(y - 2, 0);
                 is_peak && j <= std::min(y + 2, height - 1); ++j)
                for (std::int64_t i = std::max<std::int64_t>(x - 2, 0);
                     i <= std::min(x + 2, width - 1); ++i)
                    is_peak &= counts.row(static_cast<std::uint64_t>(j))[i] <= mine;
            if (is_peak) peaks.push_back({mine, static_cast<std::uint64_t>(y * width + x)});
        }
    std::stable_sort(peaks.begin(), peaks.end(),
                     [](const FlowPeak& a, const FlowPeak& b) { return a.count > b.count; });
    return peaks;
}

/// Gives each sink near a peak the peak's number: five rounds through the eight neighbours at which
/// more than two pixels end. A later peak takes over.
void grow(const std::vector<FlowPeak>& peaks, const ScratchPlane<std::uint32_t>& counts,
          ScratchPlane<std::uint32_t>& cells) {
    const auto width = static_cast<std::int64_t>(counts.width());
    const auto height = static_cast<std::int64_t>(counts.height());
    std::vector<std::uint64_t> reached, edge, next;
    for (std::size_t k = 0; k < peaks.size(); ++k) {
        reached = edge = {peaks[k].place};
        for (int round = 0; round < grow_rounds; ++round) {
            next.clear();
            for (const std::uint64_t at : edge) {
                const std::int64_t x = static_cast<std::int64_t>(at) % width,
                                   y = static_cast<std::int64_t>(at) / width;
                for (std::int64_t j = std::max<std::int64_t>(y - 1, 0);
                     j <= std::min(y + 1, height - 1); ++j)
                    for (std::int64_t i = std::max<std::int64_t>(x - 1, 0);
                         i <= std::min(x + 1, width - 1); ++i) {
                        const auto place = static_cast<std::uint64_t>(j * width + i);
                        if (counts.row(static_cast<std::uint64_t>(j))[i] <= grow_min ||
                            std::find(reached.begin(), reached.end(), place) != reached.end())
                            continue;
                        reached.push_back(place);
                        next.push_back(place);
                    }
            }
            std::swap(edge, next);
        }
        for (const std::uint64_t at : reached)
            cells.row(at / counts.width())[at % counts.width()] = static_cast<std::uint32_t>(k + 1);
    }
}

struct CellBox {
    std::int64_t x0 = INT64_MAX, y0 = INT64_MAX, x1 = 0, y1 = 0;  ///< half open
    std::uint64_t area = 0;
};

/// One cell cut out, with a pixel around it.
class CellPatch {
public:
    CellPatch(const ScratchPlane<std::uint32_t>& labels, const CellBox& box, std::uint32_t label)
        : box_(box), width_(box.x1 - box.x0 + 2), height_(box.y1 - box.y0 + 2) {
        in_.resize(static_cast<std::size_t>(width_ * height_));
        for (std::int64_t y = box.y0; y < box.y1; ++y)
            for (std::int64_t x = box.x0; x < box.x1; ++x)
                in_[at(x, y)] = labels.row(static_cast<std::uint64_t>(y))[x] == label ? 1 : 0;
    }

    /// Mean squared difference between the network's flows and those of heat that spreads from the
    /// pixel nearest to the middle.
    double flow_error(const ScratchPlane<float>& down, const ScratchPlane<float>& right) const {
        const std::vector<double> heat = spread();
        double error = 0;
        std::uint64_t pixels = 0;
        for (std::int64_t y = box_.y0; y < box_.y1; ++y)
            for (std::int64_t x = box_.x0; x < box_.x1; ++x) {
                const std::size_t here = at(x, y);
                if (in_[here] == 0) continue;
                const auto wide = static_cast<std::size_t>(width_);
                const double dy = heat[here + wide] - heat[here - wide];
                const double dx = heat[here + 1] - heat[here - 1];
                const double length = std::hypot(dy, dx) + 1e-20;
                const auto row = static_cast<std::uint64_t>(y);
                const double ey = dy / length - down.row(row)[x];
                const double ex = dx / length - right.row(row)[x];
                error += ey * ey + ex * ex;
                ++pixels;
            }
        return pixels == 0 ? 0 : error / static_cast<double>(pixels);
    }

    /// Sets holes: what can't be reached from outside over 4-neighbours. Calls use(x, y) of each.
    template <class Use>
    void holes(Use&& use) {
        std::vector<std::size_t> stack = {0};
        in_[0] = 2;
        while (!stack.empty()) {
            const std::size_t here = stack.back();
            stack.pop_back();
            const auto x = static_cast<std::int64_t>(here) % width_,
                       y = static_cast<std::int64_t>(here) / width_;
            const auto visit = [&](bool is_there, std::int64_t next) {
                if (!is_there || in_[static_cast<std::size_t>(next)] != 0) return;
                in_[static_cast<std::size_t>(next)] = 2;
                stack.push_back(static_cast<std::size_t>(next));
            };
            const auto place = static_cast<std::int64_t>(here);
            visit(x > 0, place - 1);
            visit(x + 1 < width_, place + 1);
            visit(y > 0, place - width_);
            visit(y + 1 < height_, place + width_);
        }
        for (std::int64_t y = box_.y0; y < box_.y1; ++y)
            for (std::int64_t x = box_.x0; x < box_.x1; ++x)
                if (in_[at(x, y)] == 0) use(x, y);
    }

private:
    std::size_t at(std::int64_t x, std::int64_t y) const {
        return static_cast<std::size_t>((y - box_.y0 + 1) * width_ + x - box_.x0 + 1);
    }

    std::size_t middle() const {
        std::vector<std::int64_t> xs, ys;
        for (std::int64_t y = 0; y < height_; ++y)
            for (std::int64_t x = 0; x < width_; ++x)
                if (in_[static_cast<std::size_t>(y * width_ + x)] == 1) {
                    xs.push_back(x);
                    ys.push_back(y);
                }
        const auto median = [](std::vector<std::int64_t> values) {
            std::sort(values.begin(), values.end());
            const std::size_t half = values.size() / 2;
            return values.size() % 2 == 1
                       ? static_cast<double>(values[half])
                       : static_cast<double>(values[half - 1] + values[half]) / 2;
        };
        const double my = median(ys), mx = median(xs);
        std::size_t best = 0;
        double least = 1e300;
        for (std::size_t i = 0; i < xs.size(); ++i) {
            const double dy = static_cast<double>(ys[i]) - my, dx = static_cast<double>(xs[i]) - mx;
            if (dy * dy + dx * dx < least) {
                least = dy * dy + dx * dx;
                best = static_cast<std::size_t>(ys[i] * width_ + xs[i]);
            }
        }
        return best;
    }

    /// One unit enters at the middle in each round, and each pixel becomes the mean of its 3 × 3.
    std::vector<double> spread() const {
        std::vector<double> heat(in_.size()), next(in_.size());
        const std::size_t source = middle();
        const auto wide = static_cast<std::size_t>(width_);
        const std::int64_t rounds = 2 * (width_ + height_ - 4);
        std::vector<std::size_t> mine;
        for (std::size_t i = 0; i < in_.size(); ++i)
            if (in_[i] == 1) mine.push_back(i);
        for (std::int64_t round = 0; round < rounds; ++round) {
            heat[source] += 1;
            for (const std::size_t i : mine) {
                double sum = 0;
                for (const std::size_t row : {i - wide, i, i + wide})
                    sum += heat[row - 1] + heat[row] + heat[row + 1];
                next[i] = sum / 9;
            }
            std::swap(heat, next);
        }
        // Far from the middle heat falls off fast: its logarithm has directions there too.
        for (double& value : heat) value = std::log1p(value);
        return heat;
    }

    CellBox box_;
    std::int64_t width_, height_;
    std::vector<std::uint8_t> in_;
};

std::vector<CellBox> boxes_of(const ScratchPlane<std::uint32_t>& labels, std::size_t count) {
    std::vector<CellBox> boxes(count + 1);
    for (std::uint64_t y = 0; y < labels.height(); ++y)
        for (std::uint64_t x = 0; x < labels.width(); ++x)
            if (const std::uint32_t label = labels.row(y)[x]; label != 0) {
                CellBox& box = boxes[label];
                const auto sx = static_cast<std::int64_t>(x), sy = static_cast<std::int64_t>(y);
                box.x0 = std::min(box.x0, sx);
                box.y0 = std::min(box.y0, sy);
                box.x1 = std::max(box.x1, sx + 1);
                box.y1 = std::max(box.y1, sy + 1);
                ++box.area;
            }
    return boxes;
}

/// Ids by the first pixel of each that stays.
std::uint32_t renumber(ScratchPlane<std::uint32_t>& labels,
                       const std::vector<std::uint8_t>& stays) {
    std::vector<std::uint32_t> number(stays.size());
    std::uint32_t count = 0;
    for (std::uint64_t y = 0; y < labels.height(); ++y)
        for (std::uint64_t x = 0; x < labels.width(); ++x) {
            std::uint32_t& label = labels.row(y)[x];
            if (label == 0) continue;
            if (stays[label] != 0 && number[label] == 0) number[label] = ++count;
            label = number[label];
        }
    return count;
}

}  // namespace

Result<std::uint32_t> follow_flows(const ScratchPlane<float>& down,
                                   const ScratchPlane<float>& right,
                                   const ScratchPlane<std::uint16_t>& is_cell,
                                   const FlowRules& rules, const fs::path& scratch_folder,
                                   ScratchPlane<std::uint32_t>& out,
                                   const expression::Watch& watch) {
    const std::uint64_t width = down.width(), height = down.height();
    if (width * height >= UINT32_MAX)
        return fail(ErrorCode::exhausted, "limit: 4 billion pixels of one picture of flows");
    auto counts = TRY(ScratchPlane<std::uint32_t>::make(scratch_folder, width, height));
    TRY(FlowFollower(down, right, is_cell, watch).follow(out, counts));
    const std::vector<FlowPeak> peaks = peaks_of(counts);
    {
        auto cells = TRY(ScratchPlane<std::uint32_t>::make(scratch_folder, width, height));
        grow(peaks, counts, cells);
        for (std::uint64_t y = 0; y < height; ++y)
            for (std::uint64_t x = 0; x < width; ++x)
                if (std::uint32_t& at = out.row(y)[x]; at != 0)
                    at = cells.row((at - 1) / width)[(at - 1) % width];
    }
    const std::vector<CellBox> boxes = boxes_of(out, peaks.size());
    std::vector<std::uint8_t> stays(boxes.size());
    const double most = 0.4 * static_cast<double>(width * height);
    constexpr std::size_t at_once = 64;
    TRY(parallel_for((boxes.size() + at_once - 1) / at_once, [&](std::size_t part) -> Result<void> {
        if (watch.cancelled && watch.cancelled())
            return fail(ErrorCode::cancelled, "the segmentation was cancelled");
        for (std::size_t i = std::max<std::size_t>(part * at_once, 1);
             i < std::min((part + 1) * at_once, boxes.size()); ++i) {
            const auto area = static_cast<double>(boxes[i].area);
            if (boxes[i].area == 0 || area < rules.area_min || area > most) continue;
            stays[i] =
                rules.error_max <= 0 ||
                CellPatch(out, boxes[i], static_cast<std::uint32_t>(i)).flow_error(down, right) <=
                    rules.error_max;
        }
        return {};
    }));
    for (std::size_t i = 1; i < boxes.size(); ++i) {
        if (stays[i] == 0) continue;
        const auto label = static_cast<std::uint32_t>(i);
        CellPatch(out, boxes[i], label).holes([&](std::int64_t x, std::int64_t y) {
            std::uint32_t& at = out.row(static_cast<std::uint64_t>(y))[x];
            if (at == 0 || stays[at] == 0) at = label;
        });
    }
    return renumber(out, stays);
}

}  // namespace stroma::tissue
