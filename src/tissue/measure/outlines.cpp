#include "tissue/measure/outlines.h"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "base/threads.h"

namespace stroma::tissue {
namespace {

/// A label's pixels with an empty frame around them.
class LabelMask {
public:
    LabelMask(const LabelBox& box, const Window& window, const std::vector<std::uint32_t>& labels)
        : box_(box),
          width_(box.x1 - box.x0 + 2),
          height_(box.y1 - box.y0 + 2),
          pieces_(static_cast<std::size_t>(width_ * height_)) {
        for (std::int64_t y = box.y0; y < box.y1; ++y)
            for (std::int64_t x = box.x0; x < box.x1; ++x)
                if (labels[static_cast<std::size_t>((y - window.y) * window.width + x -
                                                    window.x)] == box.label)
                    at(x - box.x0 + 1, y - box.y0 + 1) = unnumbered;
    }
    /// Numbers the pieces; the largest's number, of equals the first.
    std::int32_t largest_piece();
    std::vector<OutlinePoint> border(std::int32_t piece) const;

private:
    static constexpr std::int32_t unnumbered = -1;
    std::int32_t& at(std::int64_t x, std::int64_t y) {
        return pieces_[static_cast<std::size_t>(y * width_ + x)];
    }
    std::int32_t at(std::int64_t x, std::int64_t y) const {
        return pieces_[static_cast<std::size_t>(y * width_ + x)];
    }
    const LabelBox& box_;
    const std::int64_t width_, height_;
    std::vector<std::int32_t> pieces_;
};

std::int32_t LabelMask::largest_piece() {
    std::int32_t pieces = 0, best = 0;
    std::size_t most = 0;
    std::vector<std::size_t> open;
    for (std::size_t first = 0; first < pieces_.size(); ++first) {
        if (pieces_[first] != unnumbered) continue;
        pieces_[first] = ++pieces;
        open = {first};
        std::size_t size = 0;
        while (!open.empty()) {
            const std::size_t here = open.back();
            open.pop_back();
            ++size;
            const auto row = static_cast<std::size_t>(width_);
            for (const std::size_t next : {here - 1, here + 1, here - row, here + row})
                if (pieces_[next] == unnumbered) {
                    pieces_[next] = pieces;
                    open.push_back(next);
                }
        }
        if (size <= most) continue;
        most = size;
        best = pieces;
    }
    return best;
}

/// Walks along the pixels' edges with the piece to the right, from the first pixel's upper left
/// corner on; where two pixels touch at a corner it stays with its own.
std::vector<OutlinePoint> LabelMask::border(std::int32_t piece) const {
    const auto first = static_cast<std::int64_t>(std::find(pieces_.begin(), pieces_.end(), piece) -
                                                 pieces_.begin());
    const std::int64_t start_x = first % width_, start_y = first / width_;
    std::int64_t x = start_x, y = start_y;  // a corner: of the pixel to its lower right
    constexpr std::int64_t step_x[] = {1, 0, -1, 0}, step_y[] = {0, 1, 0, -1};
    // The pixels ahead of a corner to the right and to the left of each direction.
    constexpr std::int64_t right_x[] = {0, -1, -1, 0}, right_y[] = {0, 0, -1, -1};
    constexpr std::int64_t left_x[] = {0, 0, -1, -1}, left_y[] = {-1, 0, 0, -1};
    int direction = 0;
    std::vector<OutlinePoint> points;
    do {
        points.push_back(
            {static_cast<double>(x + box_.x0) - 1.5, static_cast<double>(y + box_.y0) - 1.5});
        do {
            x += step_x[direction];
            y += step_y[direction];
        } while (at(x + right_x[direction], y + right_y[direction]) == piece &&
                 at(x + left_x[direction], y + left_y[direction]) != piece);
        const bool has_right = at(x + right_x[direction], y + right_y[direction]) == piece;
        direction = (direction + (has_right ? 3 : 1)) % 4;
    } while (x != start_x || y != start_y || direction != 0);
    return points;
}

/// Douglas and Peucker between two points that stay.
void thin(const std::vector<OutlinePoint>& points, std::size_t first, std::size_t last,
          double tolerance, std::vector<bool>& stays) {
    const OutlinePoint &a = points[first], &b = points[last % points.size()];
    const double length = std::hypot(b.x - a.x, b.y - a.y);
    double farthest = tolerance;
    std::size_t at = 0;
    for (std::size_t i = first + 1; i < last; ++i) {
        const OutlinePoint& p = points[i];
        const double away =
            length > 0 ? std::abs((b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x)) / length
                       : std::hypot(p.x - a.x, p.y - a.y);
        if (away <= farthest) continue;
        farthest = away;
        at = i;
    }
    if (at == 0) return;
    stays[at] = true;
    thin(points, first, at, tolerance, stays);
    thin(points, at, last, tolerance, stays);
}

std::vector<OutlinePoint> thinned(std::vector<OutlinePoint> points, double tolerance) {
    if (!(tolerance > 0) || points.size() < 8) return points;
    // The first point and the one farthest from it stay.
    std::size_t middle = 0;
    double farthest = -1;
    for (std::size_t i = 0; i < points.size(); ++i) {
        const double away = std::hypot(points[i].x - points[0].x, points[i].y - points[0].y);
        if (away <= farthest) continue;
        farthest = away;
        middle = i;
    }
    std::vector<bool> stays(points.size(), false);
    stays[0] = stays[middle] = true;
    thin(points, 0, middle, tolerance, stays);
    thin(points, middle, points.size(), tolerance, stays);
    std::vector<OutlinePoint> out;
    for (std::size_t i = 0; i < points.size(); ++i)
        if (stays[i]) out.push_back(points[i]);
    return out.size() < 3 ? points : out;
}

}  // namespace

Result<std::vector<CellOutline>> outlines_of(const image::StoredImage& labels, double tolerance,
                                             const expression::Watch& watch) {
    const std::vector<LabelBox> boxes = TRY(label_boxes(labels, watch));
    const std::vector<BoxBlock> blocks = TRY(blocks_of(boxes));
    std::vector<CellOutline> out(boxes.size());
    std::mutex mutex;
    double done = 0;
    const auto trace = [&](std::size_t at) -> Result<void> {
        const BoxBlock& block = blocks[at];
        std::vector<std::uint32_t> values;
        TRY(PixelReader(labels, 0).read_labels(block.window, values));
        for (const std::size_t box : block.boxes) {
            LabelMask mask(boxes[box], block.window, values);
            out[box] = {boxes[box].label, thinned(mask.border(mask.largest_piece()), tolerance)};
        }
        const std::lock_guard lock(mutex);
        done += static_cast<double>(block.boxes.size());
        if (watch.progress) watch.progress(done, static_cast<double>(boxes.size()), "cells");
        return {};
    };
    TRY(parallel_for(blocks.size(), trace));
    return out;
}

}  // namespace stroma::tissue
