#include "tissue/correct/local_shifts.h"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "base/threads.h"
#include "tissue/pixel_reader.h"

namespace stroma::tissue {
namespace {

constexpr std::int64_t node_window = 512;
constexpr double node_agreement = 0.3;
constexpr double node_apart = 0.5;  // of the reach

/// Nodes along an axis: the middles of windows that cover it evenly.
void lay_nodes(std::uint64_t pixels, std::int64_t& count, double& first, double& step) {
    const auto side = static_cast<std::int64_t>(pixels);
    count = std::max<std::int64_t>(1, (side + node_window / 2) / node_window);
    first = std::min(static_cast<double>(node_window), static_cast<double>(side)) / 2;
    step = count > 1 ? (static_cast<double>(side) - 2 * first) / static_cast<double>(count - 1) : 1;
}

double middle_shift_of(std::vector<double>& values) {
    const auto half = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), half, values.end());
    return *half;
}

/// Middle shifts of the up to eight neighbours that agree; the whole's where none does.
Shift middle_around(const ShiftField& field, std::int64_t column, std::int64_t row,
                    const Shift& whole) {
    std::vector<double> x, y;
    for (std::int64_t r = std::max<std::int64_t>(row - 1, 0);
         r <= std::min(row + 1, field.rows - 1); ++r)
        for (std::int64_t c = std::max<std::int64_t>(column - 1, 0);
             c <= std::min(column + 1, field.columns - 1); ++c) {
            const Shift& node = field.nodes[static_cast<std::size_t>(r * field.columns + c)];
            if ((r == row && c == column) || node.agreement < node_agreement) continue;
            x.push_back(node.x);
            y.push_back(node.y);
        }
    if (x.empty()) return {whole.x, whole.y, 0};
    return {middle_shift_of(x), middle_shift_of(y), 0};
}

/// Nodes that say nothing, or something else than their neighbours, get these's middle.
void mend_nodes(const Shift& whole, double reach, ShiftField& field) {
    const ShiftField before = field;
    for (std::int64_t row = 0; row < field.rows; ++row)
        for (std::int64_t column = 0; column < field.columns; ++column) {
            Shift& node = field.nodes[static_cast<std::size_t>(row * field.columns + column)];
            const Shift around = middle_around(before, column, row, whole);
            if (node.agreement < node_agreement ||
                std::hypot(node.x - around.x, node.y - around.y) > node_apart * reach)
                node = around;
        }
    for (const Shift& node : field.nodes)
        field.farthest = std::max(
            {field.farthest, std::abs(node.x - field.base_x), std::abs(node.y - field.base_y)});
}

}  // namespace

Shift ShiftField::at(double x, double y) const {
    const auto along = [](double place, double first, double step, std::int64_t count) {
        return std::clamp((place - first) / step, 0.0, static_cast<double>(count - 1));
    };
    const double column = along(x, first_x, step_x, columns), row = along(y, first_y, step_y, rows);
    const auto left =
        std::min(static_cast<std::int64_t>(column), std::max<std::int64_t>(columns - 2, 0));
    const auto top = std::min(static_cast<std::int64_t>(row), std::max<std::int64_t>(rows - 2, 0));
    const std::int64_t right = std::min(left + 1, columns - 1);
    const std::int64_t bottom = std::min(top + 1, rows - 1);
    const double part_x = column - static_cast<double>(left);
    const double part_y = row - static_cast<double>(top);
    const auto between = [&](double Shift::*axis) {
        const auto node = [&](std::int64_t c, std::int64_t r) {
            return nodes[static_cast<std::size_t>(r * columns + c)].*axis;
        };
        const double upper = node(left, top) + (node(right, top) - node(left, top)) * part_x;
        const double lower =
            node(left, bottom) + (node(right, bottom) - node(left, bottom)) * part_x;
        return upper + (lower - upper) * part_y;
    };
    return {between(&Shift::x), between(&Shift::y), 0};
}

Result<ShiftField> find_local_shifts(const image::StoredImage& fixed, std::size_t fixed_channel,
                                     const image::StoredImage& moving, std::size_t moving_channel,
                                     const Shift& whole, double reach,
                                     const expression::Watch& watch) {
    ShiftField field;
    field.base_x = std::round(whole.x);
    field.base_y = std::round(whole.y);
    lay_nodes(fixed.info().width, field.columns, field.first_x, field.step_x);
    lay_nodes(fixed.info().height, field.rows, field.first_y, field.step_y);
    field.nodes.resize(static_cast<std::size_t>(field.columns * field.rows));
    const auto dx = std::llround(whole.x), dy = std::llround(whole.y);
    std::mutex mutex;
    double done = 0;
    const auto look = [&](std::size_t number) -> Result<void> {
        if (watch.cancelled && watch.cancelled())
            return fail(ErrorCode::cancelled, "the registration was cancelled");
        const auto at = static_cast<std::int64_t>(number);
        const auto middle = [](double first, double step, std::int64_t place) {
            return std::llround(first + step * static_cast<double>(place)) - node_window / 2;
        };
        const auto x = middle(field.first_x, field.step_x, at % field.columns);
        const auto y = middle(field.first_y, field.step_y, at / field.columns);
        Raster<float> one(node_window, node_window), other(node_window, node_window);
        TRY(PixelReader(fixed, fixed_channel).read({x, y, node_window, node_window}, one.values));
        TRY(PixelReader(moving, moving_channel)
                .read({x + dx, y + dy, node_window, node_window}, other.values));
        const auto whole_x = static_cast<double>(dx), whole_y = static_cast<double>(dy);
        const Shift here =
            phase_shift_near(one, other, {whole.x - whole_x, whole.y - whole_y, 0}, reach);
        field.nodes[number] = {here.x + whole_x, here.y + whole_y, here.agreement};
        const std::lock_guard lock(mutex);
        if (watch.progress)
            watch.progress(++done, static_cast<double>(field.nodes.size()), "windows");
        return {};
    };
    TRY(parallel_for(field.nodes.size(), look));
    mend_nodes(whole, reach, field);
    return field;
}

Result<void> bent_window(const image::StoredImage& moving, std::size_t channel,
                         const ShiftField& field, std::int64_t x, std::int64_t y,
                         Raster<float>& out) {
    const auto halo = static_cast<std::int64_t>(std::ceil(field.farthest)) + 2;
    const std::int64_t stride = out.width + 2 * halo;
    const std::int64_t begin_x = x + std::llround(field.base_x) - halo;
    const std::int64_t begin_y = y + std::llround(field.base_y) - halo;
    std::vector<float> from;
    TRY(PixelReader(moving, channel).read({begin_x, begin_y, stride, out.height + 2 * halo}, from));
    const auto last_x = static_cast<double>(moving.info().width - 1);
    const auto last_y = static_cast<double>(moving.info().height - 1);
    for (std::int64_t row = 0; row < out.height; ++row)
        for (std::int64_t column = 0; column < out.width; ++column) {
            const auto here_x = static_cast<double>(x + column);
            const auto here_y = static_cast<double>(y + row);
            const Shift shift = field.at(here_x, here_y);
            const double at_x = here_x + shift.x, at_y = here_y + shift.y;
            const double whole_x = std::floor(at_x), whole_y = std::floor(at_y);
            const auto part_x = static_cast<float>(at_x - whole_x);
            const auto part_y = static_cast<float>(at_y - whole_y);
            const float* const at = from.data() +
                                    (static_cast<std::int64_t>(whole_y) - begin_y) * stride +
                                    (static_cast<std::int64_t>(whole_x) - begin_x);
            const float upper = at[0] + (at[1] - at[0]) * part_x;
            const float lower = at[stride] + (at[stride + 1] - at[stride]) * part_x;
            const bool is_inside = at_x >= 0 && at_y >= 0 && at_x <= last_x && at_y <= last_y;
            out.row(row)[column] = is_inside ? upper + (lower - upper) * part_y : 0;
        }
    return {};
}

}  // namespace stroma::tissue
