#include "tissue/correct/core_grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numbers>

namespace stroma::tissue {
namespace {

struct GridPoint {
    double x = 0, y = 0;
};

double diameter_of(double area) { return 2 * std::sqrt(area / std::numbers::pi); }

/// The middle area of the larger half of the pieces that matter at all.
double usual_area(const MaskPieces& found) {
    std::vector<double> areas;
    double largest = 0;
    for (const MaskPiece& piece : found.pieces)
        largest = std::max(largest, static_cast<double>(piece.area));
    for (const MaskPiece& piece : found.pieces)
        if (static_cast<double>(piece.area) > largest / 10)
            areas.push_back(static_cast<double>(piece.area));
    std::sort(areas.begin(), areas.end());
    return areas.empty() ? 0 : areas[areas.size() - 1 - areas.size() / 4];
}

/// Pieces with what lies within a core's disk around them, the largest first.
std::vector<ArrayCore> gathered_cores(const MaskPieces& found, double usual) {
    std::vector<std::int32_t> order;
    for (std::size_t at = 0; at < found.pieces.size(); ++at)
        order.push_back(static_cast<std::int32_t>(at));
    const auto area = [&](std::int32_t at) {
        return static_cast<double>(found.pieces[static_cast<std::size_t>(at)].area);
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int32_t one, std::int32_t other) { return area(one) > area(other); });
    const double reach = diameter_of(usual) * 0.6;
    std::vector<ArrayCore> cores;
    std::vector<double> areas;
    for (const std::int32_t at : order) {
        const MaskPiece& piece = found.pieces[static_cast<std::size_t>(at)];
        const auto home = std::find_if(cores.begin(), cores.end(), [&](const ArrayCore& core) {
            return std::hypot(core.x - piece.x, core.y - piece.y) < reach;
        });
        if (home == cores.end()) {
            ArrayCore core;
            core.x = piece.x;
            core.y = piece.y;
            core.pieces = {at};
            cores.push_back(core);
            areas.push_back(area(at));
            continue;
        }
        double& whole = areas[static_cast<std::size_t>(home - cores.begin())];
        home->x = (home->x * whole + piece.x * area(at)) / (whole + area(at));
        home->y = (home->y * whole + piece.y * area(at)) / (whole + area(at));
        whole += area(at);
        home->pieces.push_back(at);
    }
    std::vector<ArrayCore> kept;
    for (std::size_t i = 0; i < cores.size(); ++i) {
        if (areas[i] < usual / 4) continue;  // dirt, or next to nothing of a core
        cores[i].diameter = diameter_of(areas[i]);
        cores[i].is_there = true;
        kept.push_back(std::move(cores[i]));
    }
    return kept;
}

/// The middle of the ways to the nearest neighbour to the right, or below.
GridPoint first_step(const std::vector<ArrayCore>& cores, bool is_down) {
    std::vector<double> along, beside;
    for (const ArrayCore& core : cores) {
        const ArrayCore* nearest = nullptr;
        double best = HUGE_VAL;
        for (const ArrayCore& other : cores) {
            const double dx = other.x - core.x, dy = other.y - core.y;
            const double ahead = is_down ? dy : dx, aside = is_down ? dx : dy;
            if (ahead <= 0 || std::abs(aside) > ahead * 0.5 || std::hypot(dx, dy) >= best) continue;
            best = std::hypot(dx, dy);
            nearest = &other;
        }
        if (nearest == nullptr) continue;
        along.push_back(nearest->x - core.x);
        beside.push_back(nearest->y - core.y);
    }
    // Of ways over a gap there are fewer than of others: the lower third is a step.
    const auto low = [](std::vector<double> values) {
        if (values.empty()) return 0.0;
        std::sort(values.begin(), values.end());
        return values[values.size() / 3];
    };
    const auto middle = [](std::vector<double> values) {
        if (values.empty()) return 0.0;
        std::sort(values.begin(), values.end());
        return values[values.size() / 2];
    };
    return is_down ? GridPoint{middle(along), low(beside)} : GridPoint{low(along), middle(beside)};
}

struct GridFit {
    GridPoint origin, across, down;
};

/// By least squares of places over their column and row.
GridFit fitted(const std::vector<ArrayCore>& cores) {
    double n = 0, c = 0, r = 0, cc = 0, rr = 0, cr = 0;
    double x[3] = {0, 0, 0}, y[3] = {0, 0, 0};
    for (const ArrayCore& core : cores) {
        const auto column = static_cast<double>(core.column), row = static_cast<double>(core.row);
        n += 1;
        c += column;
        r += row;
        cc += column * column;
        rr += row * row;
        cr += column * row;
        const double weights[3] = {1, column, row};
        for (int i = 0; i < 3; ++i) {
            x[i] += core.x * weights[i];
            y[i] += core.y * weights[i];
        }
    }
    const double det = n * (cc * rr - cr * cr) - c * (c * rr - cr * r) + r * (c * cr - cc * r);
    const auto solve = [&](const double* b) {
        std::array<double, 3> out{};
        out[0] = (b[0] * (cc * rr - cr * cr) - c * (b[1] * rr - cr * b[2]) +
                  r * (b[1] * cr - cc * b[2])) /
                 det;
        out[1] =
            (n * (b[1] * rr - cr * b[2]) - b[0] * (c * rr - cr * r) + r * (c * b[2] - b[1] * r)) /
            det;
        out[2] =
            (n * (cc * b[2] - b[1] * cr) - c * (c * b[2] - b[1] * r) + b[0] * (c * cr - cc * r)) /
            det;
        return out;
    };
    const auto px = solve(x), py = solve(y);
    return {{px[0], py[0]}, {px[1], py[1]}, {px[2], py[2]}};
}

/// Columns and rows by the grid as it is known by now, from 0.
void number_cores(const GridFit& grid, std::vector<ArrayCore>& cores) {
    const double det = grid.across.x * grid.down.y - grid.across.y * grid.down.x;
    std::int64_t least_column = INT64_MAX, least_row = INT64_MAX;
    for (ArrayCore& core : cores) {
        const double dx = core.x - grid.origin.x, dy = core.y - grid.origin.y;
        core.column = std::llround((dx * grid.down.y - dy * grid.down.x) / det);
        core.row = std::llround((grid.across.x * dy - grid.across.y * dx) / det);
        least_column = std::min(least_column, core.column);
        least_row = std::min(least_row, core.row);
    }
    for (ArrayCore& core : cores) {
        core.column -= least_column;
        core.row -= least_row;
    }
}

}  // namespace

std::string row_letters(std::int64_t row) {
    std::string text;
    for (std::int64_t left = row; left >= 0; left = left / 26 - 1)
        text.insert(text.begin(), static_cast<char>('A' + left % 26));
    return text;
}

Result<CoreGrid> core_grid(const MaskPieces& pieces) {
    std::vector<ArrayCore> found = gathered_cores(pieces, usual_area(pieces));
    if (found.size() < 4)
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} cores were found; a grid takes four", found.size()));
    GridFit grid{
        {found.front().x, found.front().y}, first_step(found, false), first_step(found, true)};
    if (std::hypot(grid.across.x, grid.across.y) <= 0 || std::hypot(grid.down.x, grid.down.y) <= 0)
        return fail(ErrorCode::invalid_input, "the cores lie in one row: they make no grid");
    for (int round = 0; round < 3; ++round) {
        number_cores(grid, found);
        grid = fitted(found);
    }
    CoreGrid out;
    std::map<std::pair<std::int64_t, std::int64_t>, const ArrayCore*> at;
    const double pitch =
        (std::hypot(grid.across.x, grid.across.y) + std::hypot(grid.down.x, grid.down.y)) / 2;
    std::vector<double> diameters;
    for (const ArrayCore& core : found) {
        const double x = grid.origin.x + static_cast<double>(core.column) * grid.across.x +
                         static_cast<double>(core.row) * grid.down.x;
        const double y = grid.origin.y + static_cast<double>(core.column) * grid.across.y +
                         static_cast<double>(core.row) * grid.down.y;
        const bool is_new = at.emplace(std::pair{core.row, core.column}, &core).second;
        if (!is_new || !(std::hypot(core.x - x, core.y - y) < pitch * 0.35))
            return fail(ErrorCode::invalid_input,
                        fmt::format("the {} pieces found lie on no grid", found.size()));
        out.rows = std::max(out.rows, core.row + 1);
        out.columns = std::max(out.columns, core.column + 1);
        diameters.push_back(core.diameter);
    }
    std::sort(diameters.begin(), diameters.end());
    out.pitch = pitch;
    out.turn = std::atan2(grid.across.y, grid.across.x) * 180 / std::numbers::pi;
    for (std::int64_t row = 0; row < out.rows; ++row)
        for (std::int64_t column = 0; column < out.columns; ++column) {
            ArrayCore core;
            if (const auto known = at.find({row, column}); known != at.end()) {
                core = *known->second;
            } else {
                core.x = grid.origin.x + static_cast<double>(column) * grid.across.x +
                         static_cast<double>(row) * grid.down.x;
                core.y = grid.origin.y + static_cast<double>(column) * grid.across.y +
                         static_cast<double>(row) * grid.down.y;
                core.diameter = diameters[diameters.size() / 2];
            }
            core.row = row;
            core.column = column;
            core.name = row_letters(row) + std::to_string(column + 1);
            out.cores.push_back(std::move(core));
        }
    return out;
}

}  // namespace stroma::tissue
